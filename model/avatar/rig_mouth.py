"""The lips: rounding, spreading, rolling, pressing. Lengths in cm, +X the face's left.

A shape is a smooth field over space, or a table with one number a ring times a profile over the columns. Fields of
position move touching vertices of the two lips alike, so those shapes cannot open the mouth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.model.avatar.fields import bump, smoothstep
from voxmesh.model.avatar.head import Head
from voxmesh.model.avatar.rings import BELL, MOUTH, MOUTH_HALF_WIDTH, MOUTH_RINGS, MOUTH_Y, contact_y

# how strongly each ring takes part in what the lips do
_FALLOFF = {
    "cavity3": 0.25,
    "inner1": 0.75,
    "inner2": 0.95,
    "contact": 1,
    "lip1": 1,
    "lip2": 1,
    "lip3": 1,
    "border": 1,
    "rim": 0.95,
    "skin1": 0.85,
    "skin2": 0.68,
    "skin3": 0.48,
    "skin4": 0.28,
    "skin5": 0.13,
    "skin6": 0.04,
}
# ring -> (up, forward) in cm: the lower lip turns in over the lower teeth, its inner edge meets the upper incisors
_ROLL_LOWER = {
    "inner1": (-0.10, -0.30),
    "inner2": (-0.25, -0.75),
    "contact": (-0.09, -1.02),
    "lip1": (0.06, -1.02),
    "lip2": (0.26, -0.84),
    "lip3": (0.32, -0.54),
    "border": (0.30, -0.30),
    "rim": (0.24, -0.17),
    "skin1": (0.16, -0.12),
    "skin2": (0.09, -0.07),
    "skin3": (0.04, -0.03),
}
_ROLL_UPPER = {
    "inner1": (0.0, -0.10),
    "inner2": (0.0, -0.30),
    "contact": (0.0, -0.50),
    "lip1": (-0.06, -0.56),
    "lip2": (-0.20, -0.52),
    "lip3": (-0.25, -0.34),
    "border": (-0.20, -0.16),
    "rim": (-0.15, -0.10),
    "skin1": (-0.09, -0.06),
    "skin2": (-0.04, -0.03),
}
_PRESS = {
    "contact": (0.0, -0.16),
    "lip1": (-0.05, -0.22),
    "lip2": (-0.13, -0.24),
    "lip3": (-0.15, -0.18),
    "border": (-0.13, -0.08),
    "rim": (-0.10, -0.04),
    "skin1": (-0.06, 0.0),
    "skin2": (-0.03, 0.0),
}


@dataclass(frozen=True)
class Lips:
    """Per skin vertex (S,): falloff over rings, upper and lower (1 mid-lip to 0 at the corners), s = x / half width
    kept within -1.2..1.2, near (1 at the mouth, 0 a few cm away), off_contact (1 on lip and skin, 0 on
    touching rings)."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    falloff: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    s: np.ndarray
    above: np.ndarray
    near: np.ndarray
    off_contact: np.ndarray

    @classmethod
    def of(cls, head: Head) -> Lips:
        v, mouth = head.skin.vertices, head.skin.mouth
        n = len(v)
        falloff, upper, lower, off = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
        for k, row in enumerate(mouth):
            name = MOUTH_RINGS[k]
            falloff[row] = _FALLOFF.get(name, 0.0)
            upper[row] = np.maximum(np.sin(MOUTH.angle), 0) ** 0.7
            lower[row] = np.maximum(-np.sin(MOUTH.angle), 0) ** 0.7
            off[row] = {"lip1": 0.4}.get(name, 1.0) if k > MOUTH_RINGS.index("contact") else 0.0
        x, y, z = v.T
        above = y - contact_y(x / MOUTH_HALF_WIDTH)
        distance = np.sqrt((x / 3.6) ** 2 + (above / 2.1) ** 2)
        near = (1 - smoothstep(0.45, 1.35, distance)) * smoothstep(4.8, 7.2, z)
        for name, keep in (("cavity3", 0.35), ("inner1", 0.8)):
            near[head.skin.ring(name)] *= keep
        return cls(x, y, z, falloff, upper, lower, np.clip(x / MOUTH_HALF_WIDTH, -1.2, 1.2), above, near, off)


def side_of(x: np.ndarray, width: float = 1.2) -> np.ndarray:
    """(N,) 1 on the face's left, 0 on its right; this and its mirror image add up to 1."""
    return smoothstep(-width, width, x)


def _ring_table(head: Head, table: dict[str, tuple[float, float]], profile: np.ndarray) -> np.ndarray:
    """(S, 3): the table's (up, forward) on each ring times profile (56,)."""
    d = np.zeros_like(head.skin.vertices)
    for name, (up, forward) in table.items():
        row = head.skin.ring(name)
        d[row, 1] = up * profile
        d[row, 2] = forward * profile
    return d


def _oval(m: Lips) -> np.ndarray:
    """(S,) how far down each vertex goes for lips that stand round: 0 mid-lip, 1 at the corners, an arc between."""
    s2 = np.minimum(m.s**2, 1)
    return (0.45 * s2 + 0.55 * (1 - np.sqrt(1 - s2))) * m.near


def _pucker(m: Lips) -> np.ndarray:
    thick = bump(np.abs(m.s), 0.72, 0.32) * m.falloff * m.off_contact
    dx = -(0.38 + 0.04 * m.s**2) * m.x * m.near
    dy = 0.10 * m.above * m.near + 0.34 * thick * (m.upper - 0.75 * m.lower) - 0.12 * m.near - 0.50 * _oval(m)
    dz = (0.85 * bump(m.x, 0, 2.1) + 0.15) * m.near
    return np.c_[dx, dy, dz]


def _funnel(m: Lips) -> np.ndarray:
    """An O: the upper lip comes down over the teeth it leaves, the corners to half-way between it and the lower one."""
    upper, lower = m.upper ** (1 / 0.7), m.lower ** (1 / 0.7)
    part = m.falloff * (-0.22 * upper - 0.62 * lower)
    thick = 0.18 * bump(np.abs(m.s), 0.72, 0.32) * m.falloff * m.off_contact * (m.upper - m.lower)
    flare = 0.20 * m.falloff * (m.upper + m.lower) * (m.off_contact > 0.5)
    dx = -(0.35 + 0.10 * np.minimum(m.s**2, 1)) * m.x * m.near
    dz = (0.72 * bump(m.x, 0, 2.1) + 0.1) * m.near + flare
    return np.c_[dx, part + thick - 1.10 * _oval(m), dz]


def _symmetric(head: Head, m: Lips) -> dict[str, np.ndarray]:
    """Shapes with no left and right: (S, 3) each."""
    sine = np.sin(MOUTH.angle)
    lower, upper = np.maximum(-sine, 0) ** 0.6, np.maximum(sine, 0) ** 0.6
    roll_lower = _ring_table(head, _ROLL_LOWER, lower)
    roll_lower[:, 1] -= 0.08 * m.falloff * m.upper * (m.z > 7)  # the upper lip comes down to meet it
    roll_upper = _ring_table(head, _ROLL_UPPER, upper)
    for name, share in (("inner2", 1.0), ("contact", 1.0), ("lip1", 0.6), ("lip2", 0.25)):
        row = head.skin.ring(name)
        up, forward = _ROLL_UPPER[name if share == 1 else "contact"]
        roll_upper[row] += np.outer(lower * share, [0, up, forward])
    chin = np.exp(-((m.x / 2.2) ** 2) - ((m.y + 8.2) / 1.5) ** 2) * (m.z > 3)
    lips = np.exp(-((m.x / 2.0) ** 2) - ((m.y - MOUTH_Y) / 0.9) ** 2) * smoothstep(5.5, 7, m.z)
    zero = 0 * m.x
    return {
        "mouthPucker": _pucker(m),
        "mouthFunnel": _funnel(m),
        "mouthRollLower": roll_lower,
        "mouthRollUpper": roll_upper,
        "mouthShrugLower": np.c_[zero, 0.30 * lips + 0.34 * chin, 0.14 * lips + 0.16 * chin],
        "mouthShrugUpper": np.c_[zero, 0.30 * lips, 0.22 * lips],
        "mouthLeft": np.c_[0.85 * m.near, 0.06 * m.s * m.near, -0.10 * m.s * m.near],
        "mouthRight": np.c_[-0.85 * m.near, -0.06 * m.s * m.near, 0.10 * m.s * m.near],
    }


def _cheek_fold(m: Lips) -> np.ndarray:
    """(S,) cm forward: the left nasolabial fold, a valley from the nose's wing past the corner of the mouth, and the
    cheek that swells over it. A field of position: the lips stay sealed."""
    down = np.clip((-3.1 - m.y) / 3.6, 0.0, 1.2)
    line = 1.5 + 1.95 * down**0.85
    outward = (m.x - line) * np.where(m.y > -3.1, 1.0, 0.85)
    along = smoothstep(-2.5, -3.5, m.y) * smoothstep(-7.4, -6.0, m.y) * smoothstep(4.0, 6.0, m.z)
    return along * (0.24 * bump(outward, 0.66, 0.52) - 0.30 * bump(outward, 0.0, 0.24))


def _left(head: Head, m: Lips) -> dict[str, np.ndarray]:
    """The left halves of the paired shapes: (S, 3) each, without Left in the name."""
    corner = np.exp(-0.9 * (((m.x - 2.5) / 2.0) ** 2 + ((m.y - MOUTH_Y - 0.30) / 1.6) ** 2))
    corner = corner * smoothstep(4, 6.5, m.z) * smoothstep(-1.6, 0.6, m.x)
    tight = np.exp(-(((m.x - 2.6) / 1.3) ** 2) - ((m.y - MOUTH_Y - 0.30) / 1.2) ** 2)
    tight = tight * smoothstep(4, 6.5, m.z) * smoothstep(-0.4, 1.2, m.x)
    cheek = np.exp(-(((m.x - 3.9) / 1.5) ** 2) - ((m.y + 2.9) / 1.3) ** 2) * (m.z > 3)
    side = side_of(m.x)
    up, down = m.falloff * m.upper * side, m.falloff * m.lower * side
    press = _ring_table(head, _PRESS, np.sqrt(BELL))
    press[:, 1] *= np.where(head.mouth_ring >= 0, MOUTH.side[head.mouth_column], 0)
    press = press * side[:, None]
    zero, fold = 0 * m.x, _cheek_fold(m)
    smile = np.c_[0.72 * corner + 0.10 * cheek, 0.78 * corner + 0.45 * cheek, -0.62 * corner + 0.38 * cheek + fold]
    return {
        "mouthSmile": smile,
        "mouthFrown": np.c_[0.12 * corner, -0.70 * corner, -0.12 * corner],
        "mouthDimple": np.c_[0.42 * tight, 0.16 * tight, -0.46 * tight + 0.5 * fold],
        "mouthStretch": np.c_[0.75 * corner, -0.30 * corner, -0.50 * corner + 0.5 * fold],
        "mouthPress": press + np.c_[0.12 * tight, 0.05 * tight, -0.14 * tight],
        "mouthUpperUp": np.c_[zero, 0.55 * up, 0.05 * up + 0.35 * fold],
        "mouthLowerDown": np.c_[zero, -0.55 * down, 0.05 * down],
    }


def mouth_shapes(head: Head) -> dict[str, np.ndarray]:
    """All lip shapes and tongueOut: name -> (V, 3) cm; paired ones are exact mirror images."""
    m = Lips.of(head)
    shapes: dict[str, np.ndarray] = {}

    def put(name: str, d: np.ndarray) -> None:
        whole = head.zeros()
        whole[head.slices["skin"]] = d
        shapes[name] = whole

    for name, d in _symmetric(head, m).items():
        put(name, d)
    for name, d in _left(head, m).items():
        put(f"{name}Left", d)
        put(f"{name}Right", d[head.skin.mirror] * [-1, 1, 1])
    shapes["tongueOut"] = _tongue_out(head)
    return shapes


def _tongue_out(head: Head) -> np.ndarray:
    """The front of the tongue rises over the lower teeth and comes out, its tip drooping a little."""
    d = head.zeros()
    along = head.part("tongue").extra["along"]
    t = smoothstep(0.2, 1.0, along)
    d[head.slices["tongue"], 1] = 1.25 * smoothstep(0.1, 0.75, along) - 0.25 * smoothstep(0.7, 1.0, along)
    d[head.slices["tongue"], 2] = 2.7 * t
    return d
