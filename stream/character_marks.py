"""Where a strange face has its lips, lids and brows: found by what its shapes move, beside a face that we know.

A vertex is described by where it lies and by how far each shape moves it. Places are counted from the middle of all
that the shared shapes move, in units of its spread along each axis; movements in units of the shape's greatest one. So
neither size, place nor proportions matter much. A landmark is the vertex whose description is nearest to the known
face's landmark, and a vertex lies in a region when the known face's nearest one does.
"""

from __future__ import annotations

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.topology import Topology

PLACE = 2.0
"""How much a place counts beside one shape's movement."""
CANDIDATES = 40
"""Vertices among which the two that meet, as lips or lids do, are chosen."""
_BLOCK = 512
Shapes = dict[str, np.ndarray]
"""ARKit name -> (V, 3), of shapes that move something."""


def moving(deltas: np.ndarray) -> Shapes:
    """Of (52, V, 3): the shapes that move something."""
    return {name: delta for name, delta in zip(ARKIT_NAMES, deltas, strict=True) if delta.any()}


def spread(vertices: np.ndarray, shapes: Shapes) -> tuple[np.ndarray, np.ndarray]:
    """(3,) middle and (3,) standard deviation of what moves, each shape counting once. In the vertices' unit."""
    shares = np.zeros(len(vertices))
    for delta in shapes.values():
        energy = (delta.astype(np.float64) ** 2).sum(1)
        shares += energy / energy.sum()
    shares /= shares.sum()
    middle = shares @ vertices
    return middle, np.sqrt(shares @ (vertices - middle) ** 2)


def _described(vertices: np.ndarray, shapes: Shapes, names: list[str]) -> np.ndarray:
    """(V, 3 + 3 * names) float32."""
    middle, size = spread(vertices, {name: shapes[name] for name in names})
    columns = [PLACE * (vertices - middle) / np.maximum(size, 0.05 * size.max())]
    columns += [shapes[name] / np.linalg.norm(shapes[name], axis=1).max() for name in names]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, B) squared distances."""
    return (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)


def find(
    vertices: np.ndarray, shapes: Shapes, known: Topology, known_shapes: Shapes
) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """Landmarks (name -> vertex) and regions (name -> (V,) uint8) of `vertices` (V, 3), by those of the known face.

    At least one shape is shared.
    """
    names = [name for name in shapes if name in known_shapes]
    here, there = _described(vertices, shapes, names), _described(known.template, known_shapes, names)
    wanted = _distances(there[list(known.landmarks.values())], here)
    landmarks = {name: int(row.argmin()) for name, row in zip(known.landmarks, wanted, strict=True)}
    rows = dict(zip(known.landmarks, wanted, strict=True))
    if "jawOpen" in shapes:
        # Lips that are parted at rest are nearest there all the same; an open jaw parts them most.
        _meet(landmarks, rows, "lip_upper_inner", "lip_lower_inner", vertices, vertices + shapes["jawOpen"])
    for side in ("left", "right"):
        blink = shapes.get(f"eyeBlink{side.capitalize()}")
        if blink is not None:
            _meet(landmarks, rows, f"lid_upper_{side}", f"lid_lower_{side}", vertices + blink, vertices)
    nearest = np.concatenate(
        [_distances(here[start : start + _BLOCK], there).argmin(1) for start in range(0, len(here), _BLOCK)]
    )
    return landmarks, {name: mask[nearest].astype(np.uint8) for name, mask in known.regions.items()}


def _meet(
    landmarks: dict[str, int],
    rows: dict[str, np.ndarray],
    upper: str,
    lower: str,
    closed: np.ndarray,
    opened: np.ndarray,
) -> None:
    """Moves two landmarks to the pair of like vertices that is closest when closed and furthest apart when open."""
    above, below = (np.argsort(rows[name])[:CANDIDATES] for name in (upper, lower))
    gap = np.linalg.norm(closed[above][:, None] - closed[below], axis=2)
    opening = np.linalg.norm(opened[above][:, None] - opened[below], axis=2)
    unlike = rows[upper][above][:, None] + rows[lower][below]
    score = (opening - 2 * gap) / max(float(opening.max()), 1e-12) - unlike
    a, b = np.unravel_index(np.argmax(score), score.shape)
    landmarks[upper], landmarks[lower] = int(above[a]), int(below[b])
