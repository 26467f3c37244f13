"""A contact sheet: many poses of many faces in one picture, each with its name under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology
from voxmesh.viewer.camera import Camera, frame
from voxmesh.viewer.offscreen import BACKGROUND, Offscreen

_CAPTION_PX = 22


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet. vertices: (V, 3) metres. view: a name from `voxmesh.viewer.camera.VIEWS`, or a camera."""

    label: str
    topology: Topology
    vertices: np.ndarray
    view: str | Camera = "front"


def draw_sheet(
    cells: Sequence[Cell], path: Path | None, cell_size: tuple[int, int] = (300, 345), columns: int = 6
) -> np.ndarray:
    """Draws cells row by row and writes them as a PNG (or whatever the suffix says), if there is a path.

    cell_size: (width, height) pixels of one cell, its caption included. Returns the sheet, (H, W, 3) uint8.
    Raises VoxmeshError if there is no cell, or the file cannot be written.
    """
    if not cells:
        raise VoxmeshError("a sheet of no cells; give at least one pose")
    width, height = cell_size[0], cell_size[1] - _CAPTION_PX
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = np.empty((rows * cell_size[1], columns * width, 3), np.uint8)
    sheet[:] = _background()

    window: Offscreen | None = None
    shown: Topology | None = None
    try:
        for index, cell in enumerate(cells):
            # Cells of one face usually follow each other: keep its window.
            if window is None or cell.topology is not shown:
                if window is not None:
                    window.close()
                window, shown = Offscreen(cell.topology, width, height), cell.topology
            camera = frame(cell.topology, cell.view) if isinstance(cell.view, str) else cell.view
            window.look_from(camera.shrunk_to(width / height))
            top, left = index // columns * cell_size[1], index % columns * width
            sheet[top : top + height, left : left + width] = window.render(cell.vertices)
            caption = sheet[top + height : top + cell_size[1], left : left + width]
            caption[:] = _caption(cell.label, width, _CAPTION_PX)
    finally:
        if window is not None:
            window.close()
    if path is not None:
        save_picture(path, sheet)
    return sheet


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Writes (H, W, 3) uint8 as a picture of the kind that the suffix names. Raises VoxmeshError if it cannot."""
    from PIL import Image

    try:
        Image.fromarray(picture).save(path)
    except (OSError, ValueError) as error:
        raise VoxmeshError(f"cannot write {path} ({error}); give a .png in a folder that exists") from error


def _background() -> np.ndarray:
    return np.round(np.array(BACKGROUND) * 255).astype(np.uint8)


def _caption(label: str, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: a label in the middle, cut to what fits."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, height), tuple(int(v) for v in _background()))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13)
    while len(label) > 1 and draw.textlength(label, font=font) > width - 6:
        label = label[:-1]
    draw.text((width / 2, height / 2), label, fill=(60, 66, 72), font=font, anchor="mm")
    return np.asarray(image)
