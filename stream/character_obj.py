"""A character from a folder of Wavefront OBJ files: `neutral.obj` (or `base.obj`), and one file a shape."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from voxmesh.stream.character_names import arkit_name
from voxmesh.stream.character_sculpt import Sculpt, check, check_size
from voxmesh.stream.errors import VoxmeshError

NEUTRALS = ("neutral.obj", "base.obj")


def read_obj_folder(folder: Path) -> Sculpt:
    """Every shape is the neutral mesh moved: same vertices in the same order. Its name is the file's, less `.obj`.

    Files whose names mean no ARKit shape are not read. Raises VoxmeshError naming the file that will not do.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".obj")
    neutral = next((path for path in files if path.name.lower() in NEUTRALS), None)
    if neutral is None:
        raise VoxmeshError(f"{folder} has no {' or '.join(NEUTRALS)}: put the face at rest there, under that name")
    vertices, colours, faces = _read(neutral)
    shapes, skipped = {}, []
    for path in files:
        if path == neutral:
            continue
        if arkit_name(path.stem) is None:
            skipped.append(path.name)
            continue
        moved, _, _ = _read(path)
        if len(moved) != len(vertices):
            raise VoxmeshError(
                f"{path} has {len(moved)} vertices, {neutral.name} has {len(vertices)}: a shape is the same mesh, moved"
            )
        if not np.isfinite(moved).all():
            raise VoxmeshError(f"{path}: some of its vertices are not numbers; repair or export it again")
        shapes[path.stem] = moved - vertices
    notes = (f"not read, for their names mean no ARKit shape: {', '.join(skipped)}",) if skipped else ()
    return check(Sculpt(neutral, vertices, faces, colours, shapes, notes))


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """(V, 3) float64, (V, 3) uint8 colours if each vertex has one behind its position, (F, 3) int64; fans of n-gons."""
    check_size(path)
    rows: list[list[str]] = []
    faces: list[tuple[int, int, int]] = []
    try:
        for line in path.read_text("utf-8", errors="replace").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                rows.append(rest.split())
            elif kind == "f":
                corners = [_corner(word, len(rows)) for word in rest.split()]
                faces += [(corners[0], *pair) for pair in pairwise(corners[1:])]
        width = 6 if rows and all(len(row) >= 6 for row in rows) else 3
        values = np.array([row[:width] for row in rows], np.float64).reshape(-1, width)
    except (ValueError, OSError) as error:
        raise VoxmeshError(f"{path} is no OBJ file, or a damaged one: {error}") from error
    if not len(values):
        raise VoxmeshError(f"{path} is no OBJ file, or an empty one: it has no vertices")
    colours = None if width == 3 else np.rint(np.clip(np.nan_to_num(values[:, 3:]), 0, 1) * 255).astype(np.uint8)
    return values[:, :3], colours, np.array(faces, np.int64).reshape(-1, 3)


def _corner(word: str, count: int) -> int:
    """`7`, `7/1/3`, `7//3`, or counted back from the last vertex so far, `-1`; 0 is the first, once read."""
    number = int(word.partition("/")[0])
    if number == 0:
        raise ValueError("a face names vertex 0, and OBJ counts from 1")
    return number - 1 if number > 0 else count + number
