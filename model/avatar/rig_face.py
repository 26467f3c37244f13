"""Brows, cheeks and nose: Gaussian fields over the skin and the brow strips. Lengths in cm."""

from __future__ import annotations

import numpy as np

from voxmesh.model.avatar.fields import smoothstep
from voxmesh.model.avatar.head import Head
from voxmesh.model.avatar.rig_eyes import lid_turn
from voxmesh.model.avatar.rig_mouth import Lips


def _field(p: np.ndarray, centre: tuple[float, float], width: tuple[float, float]) -> np.ndarray:
    """(S,) Gaussian over the front of the face about (x, y)."""
    x, y, z = p.T
    g = np.exp(-(((x - centre[0]) / width[0]) ** 2) - ((y - centre[1]) / width[1]) ** 2)
    return g * smoothstep(1, 4, z)


def _brow_fields(p: np.ndarray) -> dict[str, np.ndarray]:
    """The left brow's shapes at points p (N, 3): (N, 3) cm each. Skin and brow strip share them."""
    above_lid = smoothstep(1.0, 2.3, p[:, 1])
    inner = _field(p, (1.5, 2.9), (1.5, 1.9)) * above_lid
    down = _field(p, (2.1, 2.7), (2.0, 1.6)) * above_lid
    outer = _field(p, (4.3, 2.9), (1.9, 1.9)) * above_lid
    zero = 0 * inner
    return {
        "browInnerUp": np.c_[zero, 0.85 * inner, 0.05 * inner],
        "browDown": np.c_[-0.25 * down, -0.70 * down, 0.12 * down],
        "browOuterUp": np.c_[zero, 0.68 * outer, zero],
    }


def _lower_fields(head: Head) -> dict[str, np.ndarray]:
    """The left halves of cheek and nose shapes on the skin: (S, 3) cm each."""
    p = head.skin.vertices
    y, z = p[:, 1], p[:, 2]
    m = Lips.of(head)
    soft = 1 - m.falloff
    puff = _field(p, (3.9, -5.3), (1.7, 1.7)) * soft
    squint = _field(p, (3.6, -2.3), (1.7, 1.1)) * smoothstep(-0.9, -1.7, y)
    wing = _field(p, (1.1, -3.0), (0.75, 0.8)) * smoothstep(7, 8.4, z)
    beside = _field(p, (1.5, -1.6), (0.8, 1.4)) * smoothstep(0.3, -0.6, y)
    lip = _field(p, (1.4, -4.9), (1.2, 0.7)) * (0.4 + 0.6 * soft) * m.off_contact
    zero = 0 * y
    return {
        "cheekPuff": np.c_[0.55 * puff, zero, 0.60 * puff],
        "cheekSquint": np.c_[zero, 0.42 * squint, 0.26 * squint] + lid_turn(head, 0.03, 0.16, 0.0, 0.01),
        "noseSneer": np.c_[0.05 * wing, 0.30 * wing + 0.16 * beside + 0.18 * lip, 0.10 * beside],
    }


def face_shapes(head: Head) -> dict[str, np.ndarray]:
    """brow*, cheek* and noseSneer*: name -> (V, 3) cm. Right ones mirror the left ones."""
    skin, strip = head.slices["skin"], {side: head.slices[f"brow_{side}"] for side in ("left", "right")}
    flip = np.array([-1.0, 1.0, 1.0])
    on_strip = _brow_fields(head.vertices[strip["left"]])
    across = _brow_fields(head.vertices[strip["right"]])  # what the left shapes do to the right strip: next to nothing
    shapes: dict[str, np.ndarray] = {}
    for name, d in {**_brow_fields(head.skin.vertices), **_lower_fields(head)}.items():
        left, right = head.zeros(), head.zeros()
        left[skin], right[skin] = d, d[head.skin.mirror] * flip
        if name in on_strip:
            left[strip["left"]], left[strip["right"]] = on_strip[name], across[name]
            right[strip["right"]], right[strip["left"]] = on_strip[name] * flip, across[name] * flip
        if name in ("browInnerUp", "cheekPuff"):
            shapes[name] = left + right
        else:
            shapes[f"{name}Left"], shapes[f"{name}Right"] = left, right
    return shapes
