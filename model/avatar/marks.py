"""Named points of the face and the masks of its regions: the same for every identity."""

from __future__ import annotations

from functools import cache

import numpy as np

from voxmesh.model.avatar.fields import smoothstep
from voxmesh.model.avatar.head import build_head
from voxmesh.model.avatar.parts import BROW_COLUMNS, BROW_ROWS, incisor_edge
from voxmesh.model.avatar.rings import EYE_COLUMNS, EYE_RINGS, MOUTH_COLUMNS

NOSE_BASE_Y = -3.5
"""Above this height the skin is upper face, below it mouth region, cm."""


@cache
def landmarks() -> dict[str, int]:
    """Name -> vertex index. The two inner lip points coincide at rest; lid points meet when the eye is shut."""
    head = build_head()
    skin, at = head.skin, head.slices
    contact, margin = skin.ring("contact"), EYE_RINGS.index("margin")
    v = skin.vertices
    middle = np.flatnonzero(np.abs(v[:, 0]) < 1e-6)
    middle = middle[(v[middle, 2] > 5) & (head.mouth_ring[middle] < 0)]
    brow = (BROW_COLUMNS // 2) * BROW_ROWS + BROW_ROWS // 2
    top, bottom = EYE_COLUMNS // 4, 3 * EYE_COLUMNS // 4
    marks = {
        "lip_upper_inner": contact[MOUTH_COLUMNS // 4],
        "lip_lower_inner": contact[3 * MOUTH_COLUMNS // 4],
        "mouth_left": contact[0],
        "mouth_right": contact[MOUTH_COLUMNS // 2],
        "teeth_upper": at["teeth_upper"].start + incisor_edge(),
        "lid_upper_left": skin.eye_left[margin, top],
        "lid_lower_left": skin.eye_left[margin, bottom],
        "lid_upper_right": skin.eye_right[margin, top],
        "lid_lower_right": skin.eye_right[margin, bottom],
        "brow_left": at["brow_left"].start + brow,
        "brow_right": at["brow_right"].start + brow,
        "nose_tip": middle[np.argmax(v[middle, 2])],
        "chin": middle[np.argmin(np.abs(v[middle, 1] + 8.9))],
    }
    return {name: int(index) for name, index in marks.items()}


@cache
def regions() -> dict[str, np.ndarray]:
    """mouth, upper, eyelid, eyeball: (V,) uint8 of 0 and 1. mouth and upper share no vertex; the rest lie in upper."""
    head = build_head()
    skin, at, n = head.skin, head.slices, len(head.vertices)
    _x, y, z = skin.vertices.T
    mouth, upper, eyelid, eyeball = (np.zeros(n, np.uint8) for _ in range(4))
    before_neck = smoothstep(-4.5, 3.0, z + 1.2 * (y + 10)) * smoothstep(-3.2, 1.6, z) > 0.02
    lower_face = (y < NOSE_BASE_Y) & (y > -12.5) & before_neck
    lower_face[np.r_[skin.mouth.ravel(), skin.throat]] = True
    mouth[at["skin"]] = lower_face
    for name in ("teeth_upper", "teeth_lower", "tongue"):
        mouth[at[name]] = 1
    upper[at["skin"]] = ~lower_face & (y >= NOSE_BASE_Y) & (z > 1.0) & (y < 9.0)
    for name in ("eyeball_left", "eyeball_right", "catchlight_left", "catchlight_right", "brow_left", "brow_right"):
        upper[at[name]] = 1
    for name in ("eyeball_left", "eyeball_right"):
        eyeball[at[name]] = 1
    for rings in (skin.eye_left, skin.eye_right):
        lid = rings[: EYE_RINGS.index("lid5") + 1].ravel()
        upper[lid] = eyelid[lid] = 1
    return {"mouth": mouth, "upper": upper, "eyelid": eyelid, "eyeball": eyeball}
