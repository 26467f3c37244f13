"""A piece of the head that is not skin: its own small grid, its coat of paint, its shine. Lengths in cm."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Coat = tuple[tuple[str, "np.ndarray | float"], ...]
"""Paint in layers: (name in the palette, cover 0..1 as a number or (V,)), laid one over the other."""


@dataclass(frozen=True)
class Part:
    """vertices (V, 3) cm; faces (F, 3) counting from 0; coat: layers of paint; tint (V,) darkens them;
    gloss (V,) 0..1."""

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    coat: Coat
    tint: np.ndarray | float = 1.0
    gloss: np.ndarray | float = 0.05
    extra: dict[str, np.ndarray] = field(default_factory=dict)


def grid(rows: int, cols: int, wrap_rows: bool = False, wrap_cols: bool = False) -> np.ndarray:
    """Triangles (F, 3) of a rows x cols grid of vertices, row-major."""
    r = np.arange(rows if wrap_rows else rows - 1)
    c = np.arange(cols if wrap_cols else cols - 1)
    i, j = (a.ravel() for a in np.meshgrid(r, c, indexing="ij"))
    i1, j1 = (i + 1) % rows, (j + 1) % cols
    a, b, c2, d = i * cols + j, i1 * cols + j, i1 * cols + j1, i * cols + j1
    return np.r_[np.c_[a, b, c2], np.c_[a, c2, d]]


def facing_away(vertices: np.ndarray, faces: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The faces, all flipped if most of their area looks towards `point` (3,)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    outward = (np.cross(b - a, c - a) * ((a + b + c) / 3 - point)).sum()
    return faces if outward > 0 else faces[:, ::-1]


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted normals (V, 3) of length 1."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    n = np.zeros_like(vertices)
    for axis in range(3):
        for corner in range(3):
            n[:, axis] += np.bincount(faces[:, corner], face[:, axis], len(vertices))
    return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)
