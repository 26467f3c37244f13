"""The soft shadow that the key light casts: chin on neck, nose on cheek, hair on temple. Computed once, at rest.

A depth map seen from the light, as in Williams, 'Casting curved shadows on curved surfaces' (SIGGRAPH 1978), averaged
over a disc of texels for softness. Only what is hidden by something well in front of it counts: what touches or nearly
touches (lips on teeth, lids on eyes) is the occlusion's business, and would leave a mark when the mouth opens.
"""

from __future__ import annotations

import numpy as np

_TEXEL = 1 / 200
"""Of the mesh's largest extent."""
_NEAR, _FAR = 0.025, 0.065
"""Distance to what hides, of the largest extent, from which a shadow begins and at which it is full."""
_SOFT_TEXELS = 5
_LARGEST_SPLIT = 64


def key_visibility(vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """How much of the light each vertex sees.

    vertices: (V, 3). faces: (F, 3). normals: (V, 3) unit. light: (3,) unit direction to the light.
    Returns (V,) float32, 1 lit to 0 in shadow. Surfaces that face away count as lit: shading darkens them already.
    """
    side = np.cross([0.0, 1.0, 0.0], light)
    side /= np.linalg.norm(side)
    plane = np.stack([side, np.cross(light, side)], 1)
    extent = float(np.ptp(vertices, axis=0).max()) or 1.0
    texel = extent * _TEXEL
    low = (vertices @ plane).min(0) - (_SOFT_TEXELS + 2) * texel

    points = _fill(vertices, faces, texel)
    cell = ((points @ plane - low) / texel).astype(np.int64)
    shape = tuple(((vertices @ plane).max(0) - low) // texel + _SOFT_TEXELS + 3)
    depth = np.full((int(shape[0]), int(shape[1])), -np.inf)
    np.maximum.at(depth, (cell[:, 0], cell[:, 1]), points @ light)

    own = vertices @ light
    at = ((vertices @ plane - low) / texel).astype(np.int64)
    offsets = np.arange(-_SOFT_TEXELS, _SOFT_TEXELS + 1)
    hidden = np.zeros(len(vertices))
    taps = [(i, j) for i in offsets for j in offsets if i * i + j * j <= _SOFT_TEXELS**2 + 1]
    for i, j in taps:
        ahead = (depth[at[:, 0] + i, at[:, 1] + j] - own) / extent
        hidden += np.clip((ahead - _NEAR) / (_FAR - _NEAR), 0, 1)
    hidden /= len(taps)

    facing = np.clip((normals @ light) / 0.35, 0, 1)
    return (1 - _smooth(hidden, faces, rounds=3) * facing).astype(np.float32)


def _fill(vertices: np.ndarray, faces: np.ndarray, spacing: float) -> np.ndarray:
    """Points (P, 3) that cover the triangles, no further apart than `spacing`."""
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    points = []
    split = 1
    while split <= _LARGEST_SPLIT:
        # Triangles of similar size together: each size has one grid of barycentric coordinates.
        chosen = (longest > spacing * split / 2 if split > 1 else longest >= 0) & (
            (longest <= spacing * split) | (split == _LARGEST_SPLIT)
        )
        a, b = np.meshgrid(np.arange(split + 1), np.arange(split + 1))
        inside = a + b <= split
        weights = np.stack([a[inside], b[inside], split - a[inside] - b[inside]], 1) / split
        points.append(np.einsum("pk,fkd->fpd", weights, corners[chosen]).reshape(-1, 3))
        split *= 2
    return np.concatenate(points)


def _smooth(values: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Averages (V,) values with their neighbours on the mesh."""
    start, end = (faces[:, [0, 1, 2, 1, 2, 0]].ravel(), faces[:, [1, 2, 0, 0, 1, 2]].ravel())
    neighbours = np.maximum(np.bincount(start, minlength=len(values)), 1)
    for _ in range(rounds):
        values = 0.5 * values + 0.5 * np.bincount(start, values[end], len(values)) / neighbours
    return values
