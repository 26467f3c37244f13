"""Smooth scalar fields that everything here is shaped with."""

from __future__ import annotations

import numpy as np


def smoothstep(low: float, high: float, x: np.ndarray | float) -> np.ndarray:
    """0 below `low`, 1 above `high`, the cubic 3t^2 - 2t^3 between. Same shape as x."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Gaussian exp(-((x - centre) / width)^2): note no factor 1/2. Same shape as x."""
    return np.exp(-(((np.asarray(x, float) - centre) / width) ** 2))


def unit(v: np.ndarray) -> np.ndarray:
    """v (..., 3) scaled to length 1 (zero stays zero)."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def mix(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """a where t is 0, b where t is 1; t (V,) against a and b (V, C) or (C,)."""
    t = np.asarray(t, float)[..., None]
    return a * (1.0 - t) + np.asarray(b, float) * t


def mirrored(p: np.ndarray) -> np.ndarray:
    """p (..., 3) seen in the plane x = 0."""
    return p * np.array([-1.0, 1.0, 1.0])
