"""A character as its file has it: one mesh, and how far each of its shapes moves every vertex."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError

MAX_VERTICES = 1 << 20
MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True)
class Sculpt:
    """What a reader makes of a file. V vertices in the file's own unit, Y up, facing +Z.

    vertices: (V, 3) float64. faces: (F, 3) int64. colours: (V, 3) uint8 sRGB, or None where the file has none.
    shapes: the file's own names -> (V, 3) float64, added to `vertices` at weight 1. notes: what a user should know.
    """

    path: Path
    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray | None
    shapes: dict[str, np.ndarray]
    notes: tuple[str, ...] = field(default_factory=tuple)


def check(sculpt: Sculpt) -> Sculpt:
    """The same, or a VoxmeshError that names the file and what is wrong in it."""
    path, count = sculpt.path, len(sculpt.vertices)
    if not 0 < count <= MAX_VERTICES:
        raise VoxmeshError(f"{path} has {count} vertices: a character has 1 to {MAX_VERTICES}")
    if not len(sculpt.faces):
        raise VoxmeshError(f"{path} has no triangles: export the mesh, not points or curves")
    if not 0 <= sculpt.faces.min() <= sculpt.faces.max() < count:
        raise VoxmeshError(
            f"{path} is damaged: a face names vertex {sculpt.faces.max()} of {count} (counted from 0); export it again"
        )
    for name, values in {"the neutral mesh": sculpt.vertices, **sculpt.shapes}.items():
        bad = int((~np.isfinite(values)).any(1).sum())
        if bad:
            raise VoxmeshError(f"{path}: {bad} vertices of {name} are not numbers; repair or export it again")
    return sculpt


def check_size(path: Path) -> None:
    """Raises VoxmeshError when the file is not there, or too large to be a face."""
    if not path.is_file():
        raise VoxmeshError(f"there is no file {path}")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise VoxmeshError(f"{path} has {size / 2**30:.1f} GiB, voxmesh reads up to {MAX_FILE_BYTES >> 30}")
