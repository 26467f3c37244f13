"""`voxmesh train`: prepare, audio, codes, context, decoder. Each resumes where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.command import composite
from voxmesh.model.config import ModelConfig
from voxmesh.model.parallel import current_group, joined
from voxmesh.model.plan import STAGES, Plan, plan_json, read_plan
from voxmesh.model.trainer import Training
from voxmesh.stream.errors import VoxmeshError


@click.group()
def train() -> None:
    """Train a face from a dataset: prepare, then audio, codes, context and decoder.

    \b
    voxmesh talker make -o data/train --clips 5000 --seed 1 --moods
    voxmesh train prepare runs/mine --data data/train
    voxmesh train audio runs/mine
    voxmesh train codes runs/mine
    voxmesh train context runs/mine
    voxmesh train decoder runs/mine
    voxmesh export runs/mine -o mine.bundle

    Or all of it at once, as a JSON file says: `voxmesh train all runs/mine --data data/train --config mine.json`.
    --data may also be a store of captured faces, from `voxmesh data prepare`.

    Every stage can be stopped with Ctrl-C, or killed, and run again: it goes on from its last checkpoint. Watch it with
    `tensorboard --logdir runs/mine/tensorboard`. On several GPUs, or CPUs:

    \b
    torchrun --nproc-per-node 2 -m voxmesh.stream.cli train codes runs/mine
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
@click.option("--moods", is_flag=True, help="Give each of the talker's clips a mood, where `talker make` did not.")
@click.option(
    "--features",
    "heard",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another run on the talker's same sounds, whose features to take instead of computing them.",
)
def prepare(
    run: Path,
    data: Path,
    variants: int,
    heads: int,
    classes: int,
    seed: int,
    workers: int,
    landmarks: Path | None,
    moods: bool,
    heard: Path | None,
) -> None:
    """Fit the face basis, to the avatar's identities or to a store's meshes, and compute every clip's features."""
    plan = Plan(ModelConfig(heads=heads, classes=classes), variants, seed)
    _prepare(Run(run), data, plan, workers, landmarks, moods, heard)
    click.echo(f"prepared {run}")


def _prepare(
    run: Run,
    data: Path,
    plan: Plan,
    workers: int,
    landmarks: Path | None,
    moods: bool = False,
    heard: Path | None = None,
) -> None:
    from voxmesh.model.datasets.captured_run import is_mesh_store, prepare_captured
    from voxmesh.model.prepare import prepare as prepare_run

    if is_mesh_store(data):
        if moods or heard is not None:
            raise VoxmeshError(
                f"{data} is a store of captured faces: --moods and --features are for the talker's clips"
            )
        prepare_captured(run, data, plan.model, plan.variants, plan.seed, workers, landmarks)
    elif landmarks is not None:
        raise VoxmeshError(f"{data} is no store of `voxmesh data prepare`: the talker's landmarks are known")
    else:
        heard_run = None if heard is None else Run(heard)
        prepare_run(run, data, plan.model, plan.variants, plan.seed, workers, moods, heard_run)


@train.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--bundle", default="default", show_default=True, help="A bundle's folder, or default.")
def seed(run: Path, bundle: str) -> None:
    """Let a prepared RUN go on from a bundle: it hears as the bundle does, and its other networks start from there.

    The codes stage comes next. Training the audio stage first lets it hear otherwise: then all is trained.
    """
    _seed(Run(run), bundle)
    click.echo(f"seeded {run} from {bundle}")


def _seed(run: Run, bundle: str) -> None:
    from voxmesh.model.from_bundle import seed_run
    from voxmesh.stream.bundle import load

    seed_run(run, load(bundle))


def _stage(name: str, help_text: str, defaults: Training, late: bool = False) -> None:
    """Add the command of one stage: they differ in their name, their work and their defaults.

    late: whether the stage can be trained for less look-ahead (`lookahead.py`).
    """

    @train.command(name, help=help_text)
    @click.argument("run", type=click.Path(path_type=Path))
    @click.option(
        "--steps", default=defaults.steps, show_default=True, help="Steps in all, those already done included."
    )
    @click.option("--batch", default=defaults.batch, show_default=True, help="Clips a draw.")
    @click.option("--accumulate", default=0, help="Draws a step, whatever computes them; one a process by default.")
    @click.option("--frames", default=defaults.frames, show_default=True, help="Frames a clip, at 60 fps.")
    @click.option("--learning-rate", default=defaults.learning_rate, show_default=True)
    @click.option(
        "--checkpoint-steps", default=defaults.checkpoint_steps, show_default=True, help="Save, and validate, so often."
    )
    @click.option("--patience", default=0, help="Stop after so many checkpoints that held-out clips find no better.")
    @click.option(
        "--preview-steps", default=0, help="Film a clip so often: RUN/previews (codes, decoder; viewer extra)."
    )
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
        stage = {"lookahead_ms": settings.pop("lookahead_ms")} if late else {}
        with joined(hardware(device)[0]) as device:
            _train(name, Run(run), Training(device=device, precision=precision, **settings), threads, **stage)

    if late:
        command.params.append(
            click.Option(["--lookahead-ms"], type=float, help="Listen ahead less than the run was prepared for, say 0.")
        )


def _train(name: str, run: Run, training: Training, threads: int, **stage: Any) -> None:
    """One stage, in every process that torchrun started."""
    import torch

    torch.set_num_threads(threads)
    device, precision = hardware(training.device, training.precision)
    _work(name)(run, replace(training, device=device, precision=precision), **stage)
    if current_group().rank == 0:
        click.echo(f"trained the {name} stage of {run.folder}")


@train.command("all")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="As for `prepare`.")
@click.option("--config", type=click.Path(path_type=Path), help="JSON; RUN/plan.json shows what may be there.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
@click.option("--landmarks", type=click.Path(path_type=Path), help="As for `prepare`.")
@click.option("--from-bundle", help="Go on from a bundle, or default, as `seed` does, instead of the audio stage.")
def whole(
    run: Path,
    data: Path,
    config: Path | None,
    device: str,
    threads: int,
    landmarks: Path | None,
    from_bundle: str | None,
) -> None:
    """Prepare, and train every stage. Run again, it goes on where it was.

    \b
    {"model": {"heads": 12}, "variants": 4, "audio": {"steps": 6000}, "codes": {"steps": 2500, "patience": 5}}
    """
    plan = read_plan(config) if config is not None else Plan()
    with joined(hardware(device)[0]) as device:
        if current_group().rank == 0:
            _prepare(Run(run), data, plan, threads, landmarks)
            (run / "plan.json").write_text(json.dumps(plan_json(plan), indent=1), "utf-8")
            if from_bundle is not None and not Run(run).has_arrays("seed"):
                _seed(Run(run), from_bundle)
        current_group().wait()
        for name, training in plan.stages.items():
            if name == "audio" and from_bundle is not None:
                continue
            _train(name, Run(run), replace(training, device=device), threads)


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


_stage("audio", "Stage zero: the audio encoder learns to hear the mouth.", STAGES["audio"])
_stage("codes", "Stage one: the categorical latent space and its decoder.", STAGES["codes"])
_stage("context", "Stage two: the autoregressive context model.", STAGES["context"], late=True)
_stage("decoder", "Stage three: the decoder, on the labels as they come live.", STAGES["decoder"], late=True)
train.add_command(composite)
