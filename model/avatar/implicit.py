"""The head as a signed distance: ellipsoids and capsules under smooth minima. Lengths in centimetres, +Z the face.

Ellipsoid distance and polynomial smooth minimum are I. Quilez's ("distance functions", "smooth minimum",
iquilezles.org): exact sign, near-exact distance close to the surface, which is all that ray marching asks for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from voxmesh.model.avatar.fields import unit

EYE = np.array([3.25, 0.0, 6.66])
"""Centre of the left (+X) eyeball, cm."""
EYE_RADIUS = 1.74
"""Radius of an eyeball, cm."""
LID_THICKNESS = 0.17
"""How far the lids' surface stands off the eyeball, cm."""
CENTRE = np.array([0.0, -1.5, 0.0])
"""A point from which the whole head is star-shaped, near enough: fill and hair are projected from here."""

# kind, centre, radii, smoothness: joined in this order.
_MASSES = (
    ("cranium", (0, 3.3, -1.0), (7.5, 8.0, 8.6), 0.0),
    ("forehead", (0, 4.2, 2.4), (5.9, 5.0, 5.7), 2.0),
    ("face", (0, -1.6, 2.0), (6.3, 8.0, 6.6), 2.5),
    ("jaw", (0, -5.6, 2.6), (4.9, 3.6, 5.0), 1.8),
    ("chin", (0, -8.4, 6.55), (1.9, 1.35, 1.8), 1.6),
    ("cheek", (3.5, -2.9, 5.5), (2.4, 2.0, 2.5), 1.6),
    ("muzzle", (0, -5.7, 5.7), (3.0, 2.5, 3.2), 1.3),
    ("brow", (2.6, 2.3, 6.6), (2.8, 0.95, 1.25), 1.6),
)


def ellipsoid(p: np.ndarray, centre: tuple, radii: tuple) -> np.ndarray:
    """Distance (...,) of p (..., 3) to an ellipsoid, cm; Quilez's first-order bound."""
    q = (p - np.array(centre, float)) / np.array(radii, float)
    k0 = np.linalg.norm(q, axis=-1)
    k1 = np.linalg.norm(q / np.array(radii, float), axis=-1)
    return k0 * (k0 - 1.0) / np.maximum(k1, 1e-9)


def sphere(p: np.ndarray, centre: tuple | np.ndarray, radius: float) -> np.ndarray:
    return np.linalg.norm(p - np.asarray(centre, float), axis=-1) - radius


def capsule(p: np.ndarray, start: tuple, end: tuple, r0: float, r1: float) -> np.ndarray:
    """Distance to a segment whose radius grows from r0 to r1, cm."""
    a, axis = np.array(start, float), np.array(end, float) - np.array(start, float)
    h = np.clip(((p - a) @ axis) / (axis @ axis), 0.0, 1.0)
    return np.linalg.norm(p - a - h[..., None] * axis, axis=-1) - (r0 + (r1 - r0) * h)


def union(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Smooth minimum with blend radius k, cm."""
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0.0, 1.0)
    return b + (a - b) * h - k * h * (1.0 - h)


def subtract(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """a without b, blended over k cm."""
    return -union(-a, b, k)


def head(p: np.ndarray) -> np.ndarray:
    """Signed distance (...,) in cm of p (..., 3) to the head: negative inside, cut flat at the base of the neck."""
    p = np.asarray(p, float)
    q = p * np.where(p[..., :1] < 0, [-1.0, 1.0, 1.0], 1.0)
    d = ellipsoid(q, _MASSES[0][1], _MASSES[0][2])
    for _, centre, radii, k in _MASSES[1:]:
        d = union(d, ellipsoid(q, centre, radii), k)
    d = subtract(d, ellipsoid(q, (EYE[0] + 0.05, 0.25, 9.65), (2.4, 1.5, 1.7)), 1.7)
    d = union(d, sphere(q, EYE, EYE_RADIUS + LID_THICKNESS), 0.45)
    d = union(d, capsule(q, (0, 1.2, 7.6), (0, -2.5, 9.3), 0.55, 0.8), 1.1)
    d = union(d, sphere(q, (0, -2.95, 9.55), 0.92), 0.7)
    d = union(d, sphere(q, (0.95, -3.3, 8.85), 0.62), 0.45)
    d = union(d, capsule(q, (0, -5, -1.6), (0, -22, -3.4), 3.5, 4.1), 1.8)
    return np.maximum(d, -16.0 - p[..., 1])


def outermost(
    origin: np.ndarray,
    direction: np.ndarray,
    reach: float = 26.0,
    steps: int = 80,
    distance: Callable[[np.ndarray], np.ndarray] = head,
) -> np.ndarray:
    """Where rays leave the surface for the last time: (N, 3), cm.

    origin (3,) or (N, 3), direction (N, 3) of length 1. Marches inward from `reach` cm in `steps` strides to the first
    point inside, then bisects to 1e-7 cm. A ray that meets nothing gives its origin.
    """
    direction = np.asarray(direction, float)
    origin = np.broadcast_to(np.asarray(origin, float), direction.shape)
    n = len(direction)
    low, high = np.zeros(n), np.full(n, float(reach))
    strides = np.linspace(reach, 0.0, steps)
    left = np.arange(n)
    for outer, inner in itertools.pairwise(strides):
        hit = distance(origin[left] + inner * direction[left]) < 0
        low[left[hit]], high[left[hit]] = inner, outer
        left = left[~hit]
        if not len(left):
            break
    high[left] = 0.0
    for _ in range(22):
        middle = 0.5 * (low + high)
        inside = distance(origin + middle[:, None] * direction) < 0
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return origin + (0.5 * (low + high))[:, None] * direction


def from_centre(direction: np.ndarray) -> np.ndarray:
    """The surface point (N, 3) in each direction (N, 3) from `CENTRE`, cm."""
    return outermost(CENTRE, unit(direction))


def from_front(xy: np.ndarray) -> np.ndarray:
    """The surface point (N, 3) seen from the front at each (x, y) of xy (N, 2), cm."""
    xy = np.asarray(xy, float)
    return outermost(np.c_[xy, np.zeros(len(xy))], np.tile([0.0, 0.0, 1.0], (len(xy), 1)), reach=14.0, steps=60)
