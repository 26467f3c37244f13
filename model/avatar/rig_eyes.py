"""Lids and gaze. Lids turn about the eyeball's x axis, eyeballs about their centre. Lengths in cm.

A blendshape moves each vertex along a straight chord, while a lid runs on an arc. At its far end the lid therefore
stands off the eyeball a little more, so that half-way down the chord it still clears it.
"""

from __future__ import annotations

import numpy as np

from voxmesh.model.avatar.head import Head
from voxmesh.model.avatar.implicit import EYE
from voxmesh.model.avatar.rings import EYE_RINGS, EYES

# how much of the lid's turn each ring takes
_FOLLOW = {"tuck": 1, "margin": 1, "edge": 1, "lid1": 0.97, "lid2": 0.86, "lid3": 0.62, "lid4": 0.30, "lid5": 0.10}
_GAZE_DEGREES = {"Up": 24.0, "Down": 26.0, "In": 28.0, "Out": 28.0}

# shape -> (share of the aperture the upper lid travels down, the lower lid up; extra height of each over the ball, cm)
LIDS = {
    "eyeBlink": (0.86, 0.14, 0.195, 0.165),
    "eyeSquint": (0.14, 0.30, 0.01, 0.03),
    "eyeWide": (-0.20, -0.08, 0.0, 0.0),
    "eyeLookUp": (-0.16, 0.05, 0.0, 0.0),
    "eyeLookDown": (0.44, -0.16, 0.055, 0.02),
    "eyeLookIn": (0.0, 0.0, 0.0, 0.0),
    "eyeLookOut": (0.0, 0.0, 0.0, 0.0),
}


def lid_turn(head: Head, upper: float, lower: float, over_upper: float, over_lower: float) -> np.ndarray:
    """(S, 3) cm for the left eye: lids turned by these shares of the aperture and raised mid-lid."""
    rings, v = head.skin.eye_left, head.skin.vertices
    margin = v[rings[EYE_RINGS.index("margin")]] - EYE
    at = np.arctan2(margin[:, 1], margin[:, 2])
    above = np.sin(EYES.angle) >= -1e-9
    share, over = np.where(above, upper, lower), np.where(above, over_upper, over_lower)
    turn = share * (at[EYES.opposite] - at)
    middle = np.sqrt(np.maximum(1 - EYES.s**2, 0))
    d = np.zeros_like(v)
    for name, w in _FOLLOW.items():
        row = rings[EYE_RINGS.index(name)]
        p = v[row] - EYE
        angle = np.arctan2(p[:, 1], p[:, 2]) + w * turn
        raised = np.linalg.norm(p, axis=1) + (0.0 if name == "tuck" else 1.0) * over * w * middle
        flat = np.sqrt(np.maximum(raised**2 - p[:, 0] ** 2, 0.01))
        d[row] = np.c_[p[:, 0], flat * np.sin(angle), flat * np.cos(angle)] - p
    return d


def _look(head: Head, direction: str) -> np.ndarray:
    """(E, 3) cm: the left eyeball turned to `direction`; In is towards the nose, -X for this eye."""
    p = head.vertices[head.slices["eyeball_left"]] - EYE
    a = np.radians(_GAZE_DEGREES[direction]) * (-1 if direction in ("Down", "In") else 1)
    c, s = np.cos(a), np.sin(a)
    x, y, z = p.T
    if direction in ("Up", "Down"):
        return np.stack([x, c * y + s * z, c * z - s * y], 1) - p
    return np.stack([c * x + s * z, y, c * z - s * x], 1) - p


def eye_shapes(head: Head) -> dict[str, np.ndarray]:
    """Blink, squint, wide and the four looks of each eye: name -> (V, 3) cm; right ones mirror the left ones."""
    shapes = {}
    at = head.slices
    for name, travel in LIDS.items():
        left, right = head.zeros(), head.zeros()
        lids = lid_turn(head, *travel)
        left[at["skin"]] = lids
        right[at["skin"]] = lids[head.skin.mirror] * [-1, 1, 1]
        if name.startswith("eyeLook"):
            ball = _look(head, name.removeprefix("eyeLook"))
            left[at["eyeball_left"]] = ball
            right[at["eyeball_right"]] = ball * [-1, 1, 1]
        shapes[f"{name}Left"], shapes[f"{name}Right"] = left, right
    return shapes
