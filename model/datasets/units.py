"""Metres, whatever a capture was stored in: told by the size of a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HEAD_M = 0.25
"""The longest side of a head's bounding box that unknown units are scaled to."""
_SMALLEST_M, _LARGEST_M = 0.1, 0.8
"""A face without its back to a head with shoulders."""
_KNOWN = ((1.0, "metres"), (0.01, "centimetres"), (0.001, "millimetres"))


@dataclass(frozen=True, eq=False)
class Unit:
    """metres = stored * scale + shift. shift: (3,). name: in words, with what it was guessed from."""

    scale: float
    name: str
    shift: np.ndarray | None = None
    sure: bool = True

    def to_metres(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) -> (..., 3) float32; a copy unless it is float32 metres already."""
        out = np.asarray(points, np.float32)
        if self.scale != 1.0:
            out = out * np.float32(self.scale)
        return out if self.shift is None else out + self.shift.astype(np.float32)


METRES = Unit(1.0, "metres")


def extent(points: np.ndarray) -> float:
    """The longest side of the bounding box of (..., 3) points; those that are not finite do not count."""
    flat = np.asarray(points, np.float64).reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(axis=1)]
    return float(np.ptp(flat, axis=0).max()) if len(flat) else 0.0


def guess_unit(points: np.ndarray, normal: tuple[np.ndarray, float] | None = None) -> Unit:
    """The unit of a face's (V, 3) points.

    normal: (mean (3,), deviation) of the data set, where it has one: meshes may be stored as (x - mean) / deviation.
    A size that no unit explains is scaled to `HEAD_M`: `sure` is False.
    """
    size = extent(points)
    if (known := _by_size(size)) is not None:
        return known
    if normal is not None:
        mean, deviation = normal
        if (known := _by_size(size * deviation)) is not None:
            shift = np.asarray(mean, np.float64) * known.scale
            words = f"normalised by the data set's mean and deviation, then {known.name}"
            return Unit(known.scale * deviation, words, shift)
    if size <= 0:
        return Unit(1.0, "unknown: the mesh has no size", sure=False)
    words = f"unknown: the mesh is {size:.4g} long, taken for {HEAD_M} m"
    return Unit(HEAD_M / size, words, sure=False)


def _by_size(size: float) -> Unit | None:
    for scale, name in _KNOWN:
        if _SMALLEST_M <= size * scale < _LARGEST_M:
            return Unit(scale, f"{name} (a guess: the mesh is {size:.4g} long)")
    return None
