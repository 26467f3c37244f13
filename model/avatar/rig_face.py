"""Brows, cheeks and nose: Gaussian fields over the skin, which the brow strips follow. Lengths in cm."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from voxmesh.model.avatar.fields import smoothstep
from voxmesh.model.avatar.head import Head
from voxmesh.model.avatar.rig_eyes import lid_turn
from voxmesh.model.avatar.rig_mouth import Lips


def _field(p: np.ndarray, centre: tuple[float, float], width: tuple[float, float]) -> np.ndarray:
    """(S,) Gaussian over the front of the face about (x, y)."""
    x, y, z = p.T
    g = np.exp(-(((x - centre[0]) / width[0]) ** 2) - ((y - centre[1]) / width[1]) ** 2)
    return g * smoothstep(1, 4, z)


def face_shapes(head: Head) -> dict[str, np.ndarray]:
    """brow*, cheek* and noseSneer*: name -> (V, 3) cm."""
    p = head.skin.vertices
    x, y, z = p.T
    zero = 0 * x
    above_lid = smoothstep(1.0, 2.3, y)
    inner = _field(p, (1.5, 2.9), (1.5, 1.9)) * above_lid
    down = _field(p, (2.1, 2.7), (2.0, 1.6)) * above_lid
    outer = _field(p, (4.2, 2.9), (1.5, 1.8)) * above_lid
    m = Lips.of(head)
    soft = 1 - m.falloff
    puff = _field(p, (3.9, -5.3), (1.7, 1.7)) * soft
    squint = _field(p, (3.6, -2.3), (1.7, 1.1)) * smoothstep(-0.9, -1.7, y)
    wing = _field(p, (1.1, -3.0), (0.75, 0.8)) * smoothstep(7, 8.4, z)
    beside = _field(p, (1.5, -1.6), (0.8, 1.4)) * smoothstep(0.3, -0.6, y)
    lip = _field(p, (1.4, -4.9), (1.2, 0.7)) * (0.4 + 0.6 * soft) * m.off_contact
    left = {
        "browInnerUp": np.c_[zero, 0.85 * inner, 0.05 * inner],
        "browDown": np.c_[-0.25 * down, -0.70 * down, 0.12 * down],
        "browOuterUp": np.c_[zero, 0.75 * outer, zero],
        "cheekPuff": np.c_[0.55 * puff, zero, 0.60 * puff],
        "cheekSquint": np.c_[zero, 0.42 * squint, 0.26 * squint] + lid_turn(head, 0.03, 0.16, 0.06),
        "noseSneer": np.c_[0.05 * wing, 0.30 * wing + 0.16 * beside + 0.18 * lip, 0.10 * beside],
    }
    shapes = {}
    for name, d in left.items():
        other = d[head.skin.mirror] * [-1, 1, 1]
        sides = {name: d + other} if name in ("browInnerUp", "cheekPuff") else {f"{name}Left": d, f"{name}Right": other}
        for full, skin in sides.items():
            whole = head.zeros()
            whole[head.slices["skin"]] = skin
            shapes[full] = whole
    return shapes


def brows_follow(head: Head, shapes: dict[str, np.ndarray]) -> None:
    """Give the brow strips, in place, the motion of the skin below them (inverse-square mean of 8 vertices)."""
    tree = cKDTree(head.skin.vertices)
    for side in ("left", "right"):
        at = head.slices[f"brow_{side}"]
        distance, index = tree.query(head.vertices[at], 8)
        w = 1 / (distance + 0.1) ** 2
        w /= w.sum(1, keepdims=True)
        for d in shapes.values():
            d[at] = np.einsum("ij,ijk->ik", w, d[head.slices["skin"]][index])
