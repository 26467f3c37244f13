"""The grids that the rig lives on: closed rings of vertices round the mouth (in and out) and round each eye. In cm.

A ring has the same columns as its neighbours, so every shape of the rig is a table of one number a ring times a profile
over the columns. Column 0 of the mouth is the left (+X) corner; angles grow towards the upper lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.model.avatar.fields import bump
from voxmesh.model.avatar.implicit import EYE, EYE_RADIUS, from_front

MOUTH_COLUMNS = 56
MOUTH_HALF_WIDTH = 2.3
MOUTH_Y = -6.0
SKIN_RINGS = 7
MOUTH_RINGS = (
    *("throat", "cavity1", "cavity2", "cavity3", "inner1", "inner2"),
    "contact",  # where the lips meet: upper and lower columns coincide at rest
    *("lip1", "lip2", "lip3", "border", "rim"),
    *(f"skin{k}" for k in range(1, SKIN_RINGS + 1)),
)
"""From the throat outward; vermilion (red of the lip) is contact .. border."""
CONTACT = MOUTH_RINGS.index("contact")

EYE_COLUMNS = 40
EYE_RINGS = ("tuck", "margin", "edge", *(f"lid{k}" for k in range(1, 8)))
"""From behind the lid outward."""
LID_GAP = 0.19
"""Height of the lid's edge above the eyeball, cm."""


@dataclass(frozen=True)
class Columns:
    """The columns of a set of rings: angle (N,), its cosine `s`, and their side (+1 up, -1 low, 0 corner)."""

    angle: np.ndarray
    s: np.ndarray
    side: np.ndarray

    @property
    def opposite(self) -> np.ndarray:
        """(N,) the column facing each one across the slit."""
        n = len(self.angle)
        return (n - np.arange(n)) % n


def columns(n: int) -> Columns:
    """n columns, exactly symmetric about both axes."""
    angle = 2 * np.pi * np.arange(n) / n
    side = np.where(np.sin(angle) > 1e-9, 1.0, np.where(np.sin(angle) < -1e-9, -1.0, 0.0))
    return Columns(angle, np.cos(angle), side)


MOUTH = columns(MOUTH_COLUMNS)
EYES = columns(EYE_COLUMNS)
BELL = np.maximum(1 - MOUTH.s**2, 0) ** 0.6
"""(56,) 1 in the middle of the mouth, 0 at the corners."""


def contact_y(s: np.ndarray) -> np.ndarray:
    """Height of the line where the lips meet, cm, at s = x / half width."""
    s = np.minimum(np.abs(s), 1.0)
    return MOUTH_Y + 0.30 * s**2.2 - 0.07 * bump(s, 0, 0.2)


def _vermilion() -> np.ndarray:
    """(56,) height of the red of the lip, cm: Cupid's bow above, one curve below."""
    s = np.abs(MOUTH.s)
    bow = 1 - 0.20 * bump(s, 0, 0.13) + 0.10 * bump(s, 0.28, 0.15) - 0.06 * bump(s, 0.62, 0.2)
    upper = 0.66 * np.maximum(1 - s**2.3, 0) ** 0.85 * bow
    lower = 0.86 * np.maximum(1 - s**2.2, 0) ** 0.8
    return np.where(MOUTH.side > 0, upper, np.where(MOUTH.side < 0, lower, 0.0))


def mouth_rings() -> np.ndarray:
    """(19, 56, 3) cm, in the order of `MOUTH_RINGS`."""
    s, side, angle = MOUTH.s, MOUTH.side, MOUTH.angle
    x, y, height = MOUTH_HALF_WIDTH * s, contact_y(s), _vermilion()
    corner = np.sign(s) * bump(np.abs(s), 1, 0.05)

    def outline(fraction: float, beyond: float = 0.0) -> np.ndarray:
        px = x + corner * (0.16 * fraction + beyond)
        return np.c_[px, y + side * (height * fraction + beyond * np.sqrt(BELL))]

    def lip(fraction: float, upper: float, lower: float, at_corner: float, beyond: float = 0.0) -> np.ndarray:
        p = from_front(outline(fraction, beyond))
        p[:, 2] += np.where(side > 0, upper, lower) * BELL + at_corner * (1 - BELL)
        return p

    def ellipse(rx: float, up: float, down: float, z: float, bend: float) -> np.ndarray:
        py = MOUTH_Y + 0.1 + np.where(side > 0, up, down) * np.sin(angle)
        return np.c_[rx * s, py, z - bend * s**2]

    front = from_front(np.c_[x, y])[:, 2]
    inside = [
        ellipse(0.5, 0.5, 0.5, 1.0, 0.0),
        ellipse(2.2, 1.3, 1.4, 3.2, 0.3),
        ellipse(2.9, 1.7, 1.7, 5.6, 1.0),
        np.c_[2.75 * s, MOUTH_Y + 0.1 + 1.35 * np.sin(angle), front - 1.15 - 0.5 * s**4],
        np.c_[x * 1.01, y + side * 0.45 * BELL, front - 0.95 - 0.2 * (1 - BELL)],
        np.c_[x * 1.005, y, front - 0.50],
        np.c_[x, y, front - 0.12 * BELL - 0.24 * (1 - BELL)],
    ]
    lips = [
        lip(0.18, 0.16, 0.18, -0.20),
        lip(0.5, 0.34, 0.42, -0.14),
        lip(0.8, 0.29, 0.33, -0.08),
        lip(1.0, 0.15, 0.08, -0.04),
        lip(1.0, 0.05, -0.06, -0.05, 0.14),
    ]
    outer = np.c_[3.9 * s, MOUTH_Y + np.where(side > 0, 1.85, 2.55) * np.sin(angle) + 0.15]
    around = []
    for k in range(1, SKIN_RINGS + 1):
        u = (k / SKIN_RINGS) ** 1.15
        xy = outline(1.0, 0.14) * (1 - u) + outer * u
        p = from_front(xy)
        px = np.abs(p[:, 0])
        philtrum = (-0.10 * bump(px, 0, 0.22) + 0.05 * bump(px, 0.45, 0.18)) * bump(u, 0.25, 0.35)
        fold = np.where(side < 0, -0.20 * bump(u, 0.22, 0.16) * BELL, np.where(side > 0, philtrum, 0))
        dimple = -0.10 * bump(np.abs(s), 1, 0.06) * bump(u, 0.08, 0.12)
        p[:, 2] += fold + dimple
        around.append(p)
    return np.array([*inside, *lips, *around])


def _on_sphere(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.c_[x, y, np.sqrt(np.maximum(radius**2 - x * x - y * y, 0.05))]


def eye_rings() -> np.ndarray:
    """(10, 40, 3) cm, the left (+X) eye, in the order of `EYE_RINGS`; mirror it for the right one."""
    s, ny = EYES.s, np.sin(EYES.angle)
    tilt = 0.10 * s
    upper = tilt + 0.74 * np.maximum(1 - np.abs(s + 0.08) ** 2.3 / 1.08**2.3, 0) ** 0.8 * (1 - s**8)
    lower = tilt - 0.76 * np.maximum(1 - np.abs(s - 0.06) ** 2.3 / 1.06**2.3, 0) ** 0.9 * (1 - s**8)
    x0, y0 = 1.54 * s, np.where(ny >= 0, upper, lower)
    x1, y1 = x0 + 0.05 * s, y0 + 0.05 * ny
    rings = [
        EYE + _on_sphere(x0, y0, EYE_RADIUS) - [0, 0, 0.30],
        EYE + _on_sphere(x0, y0, EYE_RADIUS + 0.015),
        EYE + _on_sphere(x1, y1, EYE_RADIUS + LID_GAP),
    ]
    outer_x, outer_y = 2.35 * s + 0.02, np.where(ny > 0, 2.0, 1.75) * ny + 0.1
    for k in range(1, 8):
        u = (k / 7) ** 1.25
        x, y = x1 + (outer_x - x1) * u, y1 + (outer_y - y1) * u
        p = from_front(np.c_[x + EYE[0], y + EYE[1]])
        if k <= 2:  # near the slit the lid lies on the eyeball, whatever the implicit surface does
            on_ball = np.where(
                x * x + y * y < (EYE_RADIUS * 0.98) ** 2, EYE[2] + _on_sphere(x, y, EYE_RADIUS + LID_GAP)[:, 2], -9.0
            )
            p[:, 2] = np.maximum(p[:, 2], on_ball)
        fold = np.sqrt(np.maximum(ny, 0))
        below = 0.02 * bump(u, 0.5, 0.15) * np.minimum(ny, 0)
        p[:, 2] += np.where(ny > 1e-9, -0.16 * bump(u, 0.42, 0.13) * fold, below)
        rings.append(p)
    return np.array(rings)
