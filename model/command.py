"""`voxmesh train`: prepare, audio, codes, context, decoder. Each resumes where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.trainer import Training
from voxmesh.stream.errors import VoxmeshError


@click.group()
def train() -> None:
    """Train a face from a dataset: prepare, then audio, codes, context and decoder.

    \b
    voxmesh talker make -o data/train --clips 5000 --seed 1
    voxmesh train prepare runs/mine --data data/train
    voxmesh train audio runs/mine
    voxmesh train codes runs/mine
    voxmesh train context runs/mine
    voxmesh train decoder runs/mine
    voxmesh export runs/mine -o mine.bundle

    Every stage can be stopped with Ctrl-C and run again: it goes on from its last checkpoint. Watch it with
    `tensorboard --logdir runs/mine/tensorboard`.
    """


@train.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of a dataset, from `voxmesh talker make`, or of a store, from `voxmesh data prepare`.",
)
@click.option("--variants", default=4, show_default=True, help="Versions of each clip's audio; all but one augmented.")
@click.option("--heads", default=ModelConfig.heads, show_default=True, help="Categorical heads a frame.")
@click.option("--classes", default=ModelConfig.classes, show_default=True, help="Classes a head.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Processes that compute features.")
@click.option(
    "--landmarks",
    type=click.Path(path_type=Path),
    help='For a store: JSON of landmarks that are known, {"chin": 3451}; the others are guessed.',
)
def prepare(
    run: Path, data: Path, variants: int, heads: int, classes: int, seed: int, workers: int, landmarks: Path | None
) -> None:
    """Fit the face basis, to the avatar's identities or to a store's meshes, and compute every clip's features."""
    from voxmesh.model.datasets.captured_run import is_mesh_store, prepare_captured
    from voxmesh.model.prepare import prepare as prepare_run

    settings = Run(run), data, ModelConfig(heads=heads, classes=classes), variants, seed, workers
    if is_mesh_store(data):
        prepare_captured(*settings, landmarks)
    elif landmarks is not None:
        raise VoxmeshError(f"{data} is no store of `voxmesh data prepare`: the talker's landmarks are known")
    else:
        prepare_run(*settings)
    click.echo(f"prepared {run}")


def _stage(name: str, help_text: str, defaults: Training, late: bool = False) -> None:
    """Add the command of one stage: they differ in their name, their work and their defaults.

    late: whether the stage can be trained for less look-ahead (`lookahead.py`).
    """

    @train.command(name, help=help_text)
    @click.argument("run", type=click.Path(path_type=Path))
    @click.option(
        "--steps", default=defaults.steps, show_default=True, help="Steps in all, those already done included."
    )
    @click.option("--batch", default=defaults.batch, show_default=True, help="Clips a step.")
    @click.option("--frames", default=defaults.frames, show_default=True, help="Frames a clip, at 60 fps.")
    @click.option("--learning-rate", default=defaults.learning_rate, show_default=True)
    @click.option("--seed", default=defaults.seed, show_default=True)
    @click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
    @click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help="Of the networks' arithmetic; auto takes bfloat16 where the hardware has it.",
    )
    @click.option("--threads", default=2, show_default=True, help="CPU threads.")
    def command(run: Path, device: str, precision: str, threads: int, **settings: Any) -> None:
        import torch

        torch.set_num_threads(threads)
        device, precision = hardware(device, precision)
        stage = {"lookahead_ms": settings.pop("lookahead_ms")} if late else {}
        _work(name)(Run(run), Training(device=device, precision=precision, **settings), **stage)
        click.echo(f"trained the {name} stage of {run}")

    if late:
        command.params.append(
            click.Option(["--lookahead-ms"], type=float, help="Listen ahead less than the run was prepared for, say 0.")
        )


def hardware(device: str, precision: str = "auto") -> tuple[str, str]:
    """The device and precision that "auto" stands for on this machine; anything else stands for itself."""
    import torch

    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if precision == "auto":
        cuda = device.startswith("cuda")
        fast = torch.cuda.is_bf16_supported() if cuda else torch.cpu._is_avx512_bf16_supported()
        precision = "bfloat16" if fast else "float32"
    return device, precision


def _work(name: str) -> Callable[..., None]:
    from voxmesh.model.train_audio import train_audio
    from voxmesh.model.train_codes import train_codes
    from voxmesh.model.train_context import train_context
    from voxmesh.model.train_decoder import train_decoder

    return {"audio": train_audio, "codes": train_codes, "context": train_context, "decoder": train_decoder}[name]


_stage("audio", "Stage zero: the audio encoder learns to hear the mouth.", Training(steps=12000))
_stage("codes", "Stage one: the categorical latent space and its decoder.", Training(steps=2500, batch=12))
_context, _decoder = Training(steps=2200, frames=240, learning_rate=1e-3), Training(steps=1000, learning_rate=5e-4)
_stage("context", "Stage two: the autoregressive context model.", _context, late=True)
_stage("decoder", "Stage three: the decoder, on the labels as they come live.", _decoder, late=True)
