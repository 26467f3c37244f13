"""How much the regions of a face move: its vertices' offsets from the neutral face, scaled by soft region masks.

Offsets are what is scaled, so lips that touch still touch. Blinks are apart: they are taken out before and put back
whole, or not at all. What would not be a face any more is not made: an eye that turned further by its vertices' offsets
would grow, so the gain of eyes ends at 1; that of the mouth, frame by frame, where lips would round to nothing or jaws
unhinge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.stream.blendshapes import RIDGE
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.soft_region import soften
from voxmesh.stream.topology import Topology

MAX_GAIN = 2.0
BORDER_M = 0.012
EYE_BORDER_M = 0.004
"""Lids begin close above the eye, brows not far above them."""
NARROWEST, WIDEST_OPEN = 0.5, 0.9
"""How narrow gains above 1 may make the mouth, and how far open, in widths of the mouth at rest."""
MOUTH_MARKS = ("mouth_left", "mouth_right", "lip_upper_inner", "lip_lower_inner")
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
LID_MOVERS = ("eye", "brow", "cheekSquint")
"""How the names of shapes begin that move lids or eyes: what a blink is told from."""


@dataclass(frozen=True)
class Gains:
    """mouth, upper: 0 holds a region still but for its blinks, 1 leaves it, up to MAX_GAIN. blink: whether it blinks.

    Raises VoxmeshError for a gain out of range.
    """

    mouth: float = 1.0
    upper: float = 1.0
    blink: bool = True

    def __post_init__(self) -> None:
        for name in ("mouth", "upper"):
            if not 0.0 <= getattr(self, name) <= MAX_GAIN:
                raise VoxmeshError(f"{name} gain is {getattr(self, name):g}: it must be 0 to {MAX_GAIN:g}")

    def numbers(self) -> np.ndarray:
        """(3,) float32, to be eased."""
        return np.array([self.mouth, self.upper, self.blink], np.float32)


AS_IT_IS = Gains()


class RegionGains:
    """`scaled(vertices, gains)` of one face. What does not change is worked out here, once."""

    def __init__(self, bundle: Bundle, topology: Topology) -> None:
        self._template, regions = topology.template, topology.regions
        mouth, upper = (soften(regions[name], self._template, BORDER_M) for name in ("mouth", "upper"))
        eyes = (regions["eyelid"] > 0) | (regions.get("eyeball", regions["eyelid"]) > 0)
        self._mouth, self._upper = mouth, upper
        # Twice: all that is an eye has 1, what lies on it too (catchlights are no part of either mask).
        self._eyes = upper * np.minimum(2 * soften(eyes, self._template, EYE_BORDER_M), 1)
        self._corners_lips = [topology.landmarks[name] for name in MOUTH_MARKS]
        self._at_rest = _width_opening(self._template[self._corners_lips])
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        has_blinks = set(BLINKS) <= set(bundle.blendshape_names)
        self._blinks = _Blinks(bundle, np.flatnonzero(eyes)) if has_blinks else None

    def scaled(self, vertices: np.ndarray, gains: np.ndarray) -> np.ndarray:
        """(V, 3) float32 metres of this face; gains (3,) as `Gains.numbers`, blink from 0 to 1. A new array."""
        mouth, upper, blink = gains
        if mouth == upper == blink == 1.0:
            return vertices
        offsets = vertices - self._template
        blinks = None if self._blinks is None else self._blinks.take(offsets)
        if mouth > 1.0 and (most := self._most(vertices)) < mouth:
            gains = np.array([most, upper, blink], np.float32)
        offsets *= self._gain(gains)
        if self._blinks is not None and blinks is not None:
            self._blinks.give(offsets, blink * blinks)
        offsets += self._template
        return offsets

    def _most(self, vertices: np.ndarray) -> float:
        """The mouth's largest gain that this frame's mouth bears: 1 or more."""
        (width, opening), (rest, shut) = _width_opening(vertices[self._corners_lips]), self._at_rest
        bears = ((1 - NARROWEST) * rest / max(rest - width, 1e-9), WIDEST_OPEN * rest / max(opening - shut, 1e-9))
        return max(1.0, min(bears))

    def _gain(self, gains: np.ndarray) -> np.ndarray:
        """(V, 3), a vertex's three the same: worked out anew while gains change only."""
        if self._last is None or self._last[0] is not gains:
            mouth, upper, _ = gains
            gain = 1.0 + (mouth - 1.0) * self._mouth + (upper - 1.0) * self._upper
            gain -= max(upper - 1.0, np.float32(0)) * self._eyes
            self._last = gains, np.repeat(gain[:, None], 3, 1)  # three times faster than (V, 1)
        return self._last[1]


def _width_opening(marks: np.ndarray) -> tuple[float, float]:
    """(4, 3), as MOUTH_MARKS -> how wide and how far open the mouth is, metres."""
    left, right, upper, lower = marks
    return float(np.linalg.norm(left - right)), float(np.linalg.norm(upper - lower))


class _Blinks:
    """The part of a face's motion that is a blink, told from gaze, squints and brows by least squares of all their
    shapes at once. Linear, and of lids and eyes only: microseconds.
    """

    def __init__(self, bundle: Bundle, eyes: np.ndarray) -> None:
        names = list(bundle.blendshape_names)
        movers = [i for i, name in enumerate(names) if name.startswith(LID_MOVERS)]
        rows = bundle.deltas[movers][:, eyes].reshape(len(movers), -1).astype(np.float64)
        sizes = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        rows /= sizes
        solved = np.linalg.solve(rows @ rows.T + RIDGE * np.eye(len(rows)), rows) / sizes
        blinks = [names.index(name) for name in BLINKS]
        self._eyes = eyes
        self._estimate = solved[[movers.index(row) for row in blinks]].astype(np.float32)
        shapes = bundle.deltas[blinks].reshape(len(BLINKS), -1)
        self._moving = np.flatnonzero(shapes.any(0))  # of 3 V numbers
        self._shapes = np.ascontiguousarray(shapes[:, self._moving])

    def take(self, offsets: np.ndarray) -> np.ndarray:
        """Takes the blinks out of offsets (V, 3), metres, in place; returns their weights (2,)."""
        seen = np.take(offsets, self._eyes, axis=0).reshape(-1)
        weights = np.clip(self._estimate @ seen, 0, 1)
        self.give(offsets, -weights)
        return weights

    def give(self, offsets: np.ndarray, weights: np.ndarray) -> None:
        """Adds blinks of these weights to offsets, in place."""
        offsets.reshape(-1)[self._moving] += weights @ self._shapes
