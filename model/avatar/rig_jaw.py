"""The jaw: a hinge, how much each vertex follows it, and the shapes that move it. Lengths in cm.

Everything that speaks of a lip pair here keeps one rule: vertices of the two lips that touch at rest get the same
displacement unless the shape is meant to part them.
"""

from __future__ import annotations

import numpy as np

from voxmesh.model.avatar.fields import smoothstep
from voxmesh.model.avatar.head import Head
from voxmesh.model.avatar.rings import BELL, CONTACT, MOUTH, MOUTH_RINGS, MOUTH_Y, SKIN_RINGS
from voxmesh.model.avatar.skin import neighbour_mean

HINGE = np.array([0.0, -1.8, -0.6])
"""The jaw's axis goes through here, along x: just before the ear."""
OPEN_DEGREES = 12.0
OPEN_DROP = 0.70
"""Wide opening also slides the condyle; here it simply lowers the jaw, cm."""
TONGUE_FOLLOWS = 0.72
CORNER = 0.44
"""How much the corners of the mouth follow: less and the open mouth is a V, more and it is a box."""
FIRST_SKIN_RING = MOUTH_RINGS.index("skin1")


def hinge(p: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
    """p (N, 3) opened by weight (N,): rotated about the hinge by weight * 12 degrees and lowered."""
    weight = np.broadcast_to(np.asarray(weight, float), len(p))
    a = np.radians(OPEN_DEGREES) * weight
    q = p - HINGE
    y, z = np.cos(a) * q[:, 1] - np.sin(a) * q[:, 2], np.sin(a) * q[:, 1] + np.cos(a) * q[:, 2]
    return np.stack([q[:, 0], y - OPEN_DROP * weight, z], 1) + HINGE


def _outer_field(p: np.ndarray) -> np.ndarray:
    """(N,) how much skin away from the mouth follows the jaw: below the line hinge-mouth, in front of the neck."""
    _x, y, z = p.T
    line = -1.8 + (MOUTH_Y + 1.8) * np.clip((z + 0.6) / 8.2, 0, 1.1)
    below = smoothstep(-1.9, 1.9, line - y)
    off_neck = smoothstep(-5.5, 3.5, z + 1.2 * (y + 10))
    return below * off_neck * smoothstep(-3.2, 1.6, z) * smoothstep(-15.0, -10.5, y)


def follow(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """(S,), (S,): how much the skin follows the jaw when the lips part, and when they stay sealed."""
    skin = head.skin
    field = _outer_field(skin.vertices)
    sine = np.sin(MOUTH.angle)
    ellipse = CORNER - np.where(sine > 0, CORNER, 1 - CORNER) * sine  # upper lip 0, corners 0.44, lower lip 1
    column = 0.85 * ellipse + 0.15 * smoothstep(-0.75, 0.98, -sine)
    sealed_column = 0.50 * BELL + 0.40 * (1 - BELL)
    parted, sealed = field.copy(), field.copy()
    parted[skin.throat] = sealed[skin.throat] = 0.4
    for k, row in enumerate(skin.mouth):
        u = 0.0 if k < FIRST_SKIN_RING else (k - FIRST_SKIN_RING + 1) / SKIN_RINGS
        parted[row] = column * (1 - u) + field[row] * u
    fixed = (head.mouth_ring >= 0) & (head.mouth_ring < FIRST_SKIN_RING)
    smooth = neighbour_mean(skin.faces, len(field))
    for _ in range(60):
        parted = np.where(fixed, parted, 0.5 * parted + 0.5 * (smooth @ parted))
    sealed[:] = parted
    for k, row in enumerate(skin.mouth):
        name = MOUTH_RINGS[k]
        if name == "cavity3":
            sealed[row] = 0.6 * sealed_column + 0.4 * parted[row]
        elif k >= FIRST_SKIN_RING:
            fade = smoothstep(0, 1, (k - FIRST_SKIN_RING + 1) / SKIN_RINGS)
            sealed[row] = sealed_column * (1 - fade) + parted[row] * fade
        elif k >= CONTACT - 2:
            sealed[row] = sealed_column
    return parted, sealed


def jaw_shapes(head: Head) -> dict[str, np.ndarray]:
    """jawOpen, mouthClose, jawForward, jawLeft, jawRight: each (V, 3) cm.

    mouthClose is what is missing from jawOpen to the same opening with sealed lips, so that equal weights of the two
    give a gap of exactly 0.
    """
    skin, at = head.skin.vertices, head.slices
    parted, sealed = follow(head)
    opened = head.zeros()
    opened[at["skin"]] = hinge(skin, parted) - skin
    x, y, z = skin.T
    corner = np.exp(-(((np.abs(x) - 2.3) / 1.6) ** 2) - ((y - MOUTH_Y - 0.3) / 1.8) ** 2) * smoothstep(5, 7, z)
    opened[at["skin"], 0] -= 0.28 * np.sign(x) * corner * smoothstep(0.3, 1.5, np.abs(x))
    # One line from ear to chin: cheeks drawn in, and the jaw's edge taken along by the skin of the chin.
    hollow = np.exp(-(((np.abs(x) - 5.8) / 2.2) ** 2) - ((y + 7.0) / 3.0) ** 2) * smoothstep(-1, 2, z)
    edge = np.exp(-(((np.abs(x) - 4.2) / 1.8) ** 2) - ((y + 8.6) / 2.2) ** 2) * smoothstep(0, 4, z)
    opened[at["skin"], 0] -= np.sign(x) * (0.80 * hollow + 0.20 * edge)
    opened[at["skin"], 1] -= 0.60 * edge
    for name, follows in (("teeth_lower", 1.0), ("tongue", TONGUE_FOLLOWS)):
        p = head.vertices[at[name]]
        opened[at[name]] = hinge(p, follows) - p
    closed = head.zeros()
    closed[at["skin"]] = hinge(skin, sealed) - hinge(skin, parted)

    def slide(vector: tuple[float, float, float]) -> np.ndarray:
        d = head.zeros()
        d[at["skin"]] = sealed[:, None] * np.array(vector)
        for name in ("teeth_lower", "tongue"):
            d[at[name]] = vector
        return d

    return {
        "jawOpen": opened,
        "mouthClose": closed,
        "jawForward": slide((0, 0, 0.55)),
        "jawLeft": slide((0.7, 0, 0)),
        "jawRight": slide((-0.7, 0, 0)),
    }
