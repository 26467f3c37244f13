"""`voxmesh data`: look at a captured data set, and make a store of it to train on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import click
from tqdm import tqdm

from voxmesh.model.datasets.layouts import LAYOUTS, read_dataset

_layout = click.option(
    "--layout", type=click.Choice(list(LAYOUTS)), help="How the folder is laid out; told by its files by default."
)
_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.group()
def data() -> None:
    """Check and prepare captured faces: multiface, VOCASET, BIWI, MeshTalk's layout, or your own (docs/data.md)."""


@data.command()
@_folder
@_layout
@click.option("--picture", type=click.Path(path_type=Path), help="OUT.png: each subject's first frame, and the masks.")
@click.option("--all", "everything", is_flag=True, help="List every problem, however many.")
@click.pass_context
def check(ctx: click.Context, folder: Path, layout: str | None, picture: Path | None, everything: bool) -> None:
    """Read every clip of DIR and say what is there and what is wrong. Exits with 1 when something is bad."""
    from voxmesh.model.datasets.examine import examine
    from voxmesh.model.datasets.report import SHOWN_PROBLEMS, describe, draw, list_problems

    dataset = read_dataset(folder, layout)
    problems, rates = list(dataset.problems), Counter[int]()
    for sequence in tqdm(dataset.sequences, desc="check", unit="clip", disable=None, leave=False):
        recording, found = examine(dataset, sequence)
        problems += found
        if recording is not None and recording.audio is not None:
            rates[recording.rate] += 1
    click.echo(f"{folder}\n{describe(dataset, rates)}")
    bad = sum(problem.bad for problem in problems)
    click.echo(f"{bad} bad, {len(problems) - bad} to know" if problems else "nothing is wrong")
    if problems:
        click.echo(list_problems(problems, dataset.folder, len(problems) if everything else SHOWN_PROBLEMS))
    if picture is not None:
        draw(dataset, picture)
    ctx.exit(1 if bad else 0)


@data.command()
@_folder
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the store.")
@_layout
@click.option("--skip-bad", is_flag=True, help="Go on without files that are bad; store.json lists them.")
@click.option("--all", "everything", is_flag=True, help="Also the clips that the published split leaves out.")
@click.option("--fps", default="60", show_default=True, help="Frames a second of the store: 60, 29.97, 30000/1001.")
def prepare(folder: Path, output: Path, layout: str | None, skip_bad: bool, everything: bool, fps: str) -> None:
    """Turn DIR into a store: meshes at one rate, in metres, with features. Stopped and run again, it goes on."""
    from voxmesh.model.datasets.prepare import prepare_store
    from voxmesh.stream.features import FeatureConfig
    from voxmesh.stream.frame_rate import rate_of

    numerator, denominator = rate_of(fps)
    config = replace(FeatureConfig(), fps_num=numerator, fps_den=denominator)
    dataset = read_dataset(folder, layout)
    prepare_store(dataset, output, config, skip_bad=skip_bad, everything=everything, say=click.echo)
    click.echo(f"prepared {output}")
