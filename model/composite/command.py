"""`voxmesh train composite`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from voxmesh.model.trainer import Training

_FIRST, _SECOND = Training(steps=4000, batch=8, frames=128), Training(steps=1000, batch=8, frames=128)
_TUNING = 0.3
"""Learning rate of the second stage, as a share of the first's."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="DATASET of `talker make`, or STORE of `data prepare`.",
)
@click.option(
    "--steps", default=_FIRST.steps, show_default=True, help="Of stage one: the audio encoder stays as it is."
)
@click.option("--tune-steps", default=_SECOND.steps, show_default=True, help="Of stage two: all is tuned together.")
@click.option("--batch", default=_FIRST.batch, show_default=True, help="Clips a step.")
@click.option("--frames", default=_FIRST.frames, show_default=True, help="Frames a clip, and as many that drive it.")
@click.option("--learning-rate", default=_FIRST.learning_rate, show_default=True)
@click.option("--sparsity", default=0.3, show_default=True, help="Weight of the L1 term of the map of the mesh.")
@click.option(
    "--audio",
    default="default",
    show_default=True,
    help="BUNDLE whose audio encoder to begin with; none: a random one.",
)
@click.option("--hubert", type=click.Path(path_type=Path), help="Hear with the HuBERT in this folder: not for live.")
@click.option("--published", is_flag=True, help="Residual blocks that see later frames, as published: not for live.")
@click.option("--no-style", is_flag=True, help="Without the driving sequence, to compare with.")
@click.option("--no-regional", is_flag=True, help="Every vertex counts alike, to compare with.")
@click.option("--identities", default=12, show_default=True, help="How many of the avatar's faces wear a DATASET.")
@click.option("--variants", default=2, show_default=True, help="Versions of a DATASET's audio; all but one augmented.")
@click.option("--moods", is_flag=True, help="Give each clip of a DATASET a mood, where `talker make --moods` did not.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Processes that compute a DATASET's features.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
def composite(
    run: Path,
    data: Path,
    steps: int,
    tune_steps: int,
    batch: int,
    frames: int,
    learning_rate: float,
    sparsity: float,
    audio: str,
    hubert: Path | None,
    published: bool,
    no_style: bool,
    no_regional: bool,
    identities: int,
    variants: int,
    moods: bool,
    seed: int,
    workers: int,
    device: str,
    threads: int,
) -> None:
    """Train the composite family: speech gives the timing, a driving sequence the manner (MM 2023).

    \b
    voxmesh train composite runs/composite --data data/train --moods
    voxmesh export runs/composite -o composite.bundle
    voxmesh animate speech.wav --bundle composite.bundle --driving clip.npz -o speech.mp4

    Both stages can be stopped with Ctrl-C and run again: they go on from their last checkpoint.
    """
    import torch

    from voxmesh.model.checkpoint import Run
    from voxmesh.model.command import hardware
    from voxmesh.model.composite.setup import begin
    from voxmesh.model.composite.train import Losses, train_composite

    torch.set_num_threads(threads)
    where = Run(run)
    beginning = begin(
        where,
        data,
        audio=None if hubert or audio == "none" else audio,
        hubert=hubert,
        identities=identities,
        variants=variants,
        moods=moods,
        seed=seed,
        workers=workers,
        causal=not published,
        styled=not no_style,
    )
    device, precision = hardware(device)
    shared = {"batch": batch, "frames": frames, "seed": seed, "device": device, "precision": precision}
    train_composite(
        where,
        beginning.source,
        beginning.config,
        replace(_FIRST, steps=steps, learning_rate=learning_rate, **shared),
        replace(_SECOND, steps=tune_steps, learning_rate=learning_rate * _TUNING, **shared),
        Losses(sparsity, not no_regional),
        beginning.audio,
    )
    click.echo(f"trained {run}: `voxmesh export {run} -o BUNDLE` makes a bundle of it")
