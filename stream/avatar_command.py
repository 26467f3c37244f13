"""`voxmesh avatar`: look at the face, its poses and its identities."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

# The avatar (model) and the drawing (viewer) do not know each other; like every command, they meet by name.
BUILD, POSES, SHEET = "voxmesh.model.avatar.build", "voxmesh.model.avatar.sheet", "voxmesh.viewer.sheet"


@click.group()
def avatar() -> None:
    """The default avatar, made by code alone."""


@avatar.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Picture to write (.png).")
@click.option("--identity", default=0, show_default=True, help="Which face.")
@click.option("--identities", is_flag=True, help="Every identity at rest, instead of one face's poses.")
@click.option("--view", default=None, help="Draw every pose from here, such as mouth or three-quarter.")
@click.option("--columns", default=6, show_default=True)
def sheet(output: Path, identity: int, identities: bool, view: str | None, columns: int) -> None:
    """Draw neutral, every viseme and a blink in a grid, or every identity."""
    build, drawing = import_module(BUILD), import_module(SHEET)
    cells: list[Any] = []
    if identities:
        for number in range(build.IDENTITIES):
            face = build.build_avatar(number).topology
            cells.append(drawing.Cell(f"identity {number}", face, face.template, view or "front"))
    else:
        face = build.build_avatar(identity)
        for pose in import_module(POSES).sheet_poses():
            vertices = face.pose(pose.weights)
            cells.append(drawing.Cell(pose.label, face.topology, vertices, view or pose.view))
    drawing.draw_sheet(cells, output, columns=columns)
    click.echo(f"wrote {output}")
