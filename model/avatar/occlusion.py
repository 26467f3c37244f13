"""How much of the sky each vertex sees, by marching rays through voxels. Lengths in cm.

The surface is splatted into a grid of small voxels; from each vertex cosine-weighted rays (Malley's method: normal plus
a point on the unit sphere) march until they enter a filled one. A hit near by hides more than one far away.
"""

from __future__ import annotations

import numpy as np

from voxmesh.model.avatar.fields import unit
from voxmesh.model.avatar.mesh import vertex_normals

VOXEL = 0.13
RAYS = 80
REACH = 5.0
START = 0.22
SEED = 0


def _voxels(vertices: np.ndarray, faces: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(size) bool: voxels that the triangles touch, by points spread over each triangle finer than a voxel."""
    filled = np.zeros(size, bool)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    longest = np.sqrt(np.max([((b - a) ** 2).sum(1), ((c - b) ** 2).sum(1), ((a - c) ** 2).sum(1)], axis=0))
    steps = np.maximum(np.ceil(longest / (0.6 * VOXEL)).astype(int), 1)
    for n in np.unique(steps):
        at = steps == n
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        keep = i + j <= n
        u, v = (i[keep] / n)[:, None, None], (j[keep] / n)[:, None, None]
        p = (a[at] + u * (b[at] - a[at]) + v * (c[at] - a[at])).reshape(-1, 3)
        k = np.floor((p - low) / VOXEL).astype(int)
        k = k[((k >= 0) & (k < size)).all(1)]
        filled[tuple(k.T)] = True
    return filled


def openness(vertices: np.ndarray, faces: np.ndarray, occluders: np.ndarray, floor: float = -16.0) -> np.ndarray:
    """(V,) 1 where the sky is open, 0 where all is hidden within 5 cm. occluders: (F,) bool, faces that cast shade.

    floor: nothing below this height casts shade, cm.
    """
    normals = vertex_normals(vertices, faces)
    low = np.maximum(vertices.min(0), [-30, floor, -30]) - REACH * 0.2
    size = np.ceil((vertices.max(0) + REACH * 0.2 - low) / VOXEL).astype(int)
    filled = _voxels(vertices, faces[occluders], low, size).ravel()
    stride = np.array([size[1] * size[2], size[2], 1])
    rng = np.random.default_rng(SEED)
    hidden = np.zeros(len(vertices))
    start = vertices + START * normals
    distances = np.arange(0.0, REACH, VOXEL)
    for way in unit(rng.normal(size=(RAYS, 3))):
        d = unit(normals + 0.98 * way)
        left = np.arange(len(vertices))
        for t in distances:
            k = np.floor((start[left] + t * d[left] - low) / VOXEL).astype(int)
            inside = ((k >= 0) & (k < size)).all(1)
            left, k = left[inside], k[inside]
            hit = filled[k @ stride]
            hidden[left[hit]] += 1 - t / REACH
            left = left[~hit]
            if not len(left):
                break
    return 1 - hidden / RAYS
