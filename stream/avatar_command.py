"""`voxmesh avatar`: look at the face, its poses and its identities; bring a character of your own."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from voxmesh.stream import bundle as bundles
from voxmesh.stream import character as characters
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.character_import import import_character, read
from voxmesh.stream.cli import missing_extra
from voxmesh.stream.errors import VoxmeshError

# The avatar (model) and the drawing (viewer) do not know each other; like every command, they meet by name.
BUILD, POSES, SHEET = "voxmesh.model.avatar.build", "voxmesh.model.avatar.sheet", "voxmesh.viewer.sheet"
TEXTURE = "voxmesh.viewer.texture"
PROOF = {
    "neutral": (),
    "jawOpen": ("jawOpen",),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
}
"""What the picture of an imported character shows."""


@click.group()
def avatar() -> None:
    """The default avatar, made by code alone, and characters of your own."""


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


@avatar.command("import")
@click.argument("source", metavar="FILE.glb|.gltf|.vrm|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="AVATAR", type=click.Path(path_type=Path), required=True, help="Folder to make."
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    help="Metres of one unit of the file, such as 0.01 (default: 1 for glTF; a guess, which is told, for OBJ).",
)
@click.option("--whole", is_flag=True, help="glTF: take the meshes without shapes too, such as hair, teeth, a body.")
def import_(source: Path, output: Path, scale: float | None, whole: bool) -> None:
    """Make an avatar of a character of yours, for `animate --avatar` and `live --avatar`.

    The mesh is Y up and faces +Z, with ARKit's blendshapes or some of them: `eyeBlink_L`, `Face_M_EyeBlinkLeft` and
    the like are understood, and a shape that is missing does not move. A VRM's vowels, blinks and glances stand for
    what it lacks of them. FOLDER holds neutral.obj and one .obj a shape.

    AVATAR/avatar.json tells what was found. Where a landmark is wrong, correct it there.
    """
    if output.exists() and (not output.is_dir() or (any(output.iterdir()) and not (output / "avatar.json").is_file())):
        raise VoxmeshError(f"cannot write {output}: there is something else of that name")
    made = import_character(read(source, _texture_decoder(), whole), bundles.load(), scale)
    characters.save(made.character, output)
    for line in made.lines:
        click.echo(line)
    try:
        _draw(made.character, output / "avatar.png")
        click.echo(f"wrote {output}; look at {output / 'avatar.png'}")
    except (ImportError, VoxmeshError) as error:
        click.echo(f"wrote {output}, without a picture: {error}")


def _texture_decoder() -> Any:
    """None where there is no Pillow."""
    try:
        import_module("PIL")
    except ImportError as error:
        if missing_extra(error) is None:
            raise
        return None
    return import_module(TEXTURE).decode


def _draw(character: characters.Character, path: Path) -> None:
    drawing, pose = import_module(SHEET), characters.Pose(character.topology.template, character.deltas)
    cells = []
    for label, names in PROOF.items():
        weights = np.isin(ARKIT_NAMES, names).astype(np.float32)
        cells.append(drawing.Cell(label, character.topology, pose(weights)))
    drawing.draw_sheet(cells, path, columns=len(cells))
