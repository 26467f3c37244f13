"""Vertices back to blendshape weights: bounded least squares through the avatar's own shapes.

For each frame, minimise |offsets - w . deltas|^2 / 2 + sum_s e_s (SPARSE w_s + RIDGE w_s^2 / 2) over 0 <= w <= 1, where
e_s = |delta_s|^2 so that both penalties are in units of weight. Solved by cyclic coordinate descent with clipping
(Hildreth 1957; for the lasso Friedman, Hastie and Tibshirani 2010) on the S x S Gram matrix, all frames at once.
"""

from __future__ import annotations

import numpy as np

SPARSE = 1e-3
"""Weight below which a shape is not worth using: keeps shapes that resemble each other from both being half on."""
RIDGE = 1e-4
MAX_SWEEPS = 200
TOLERANCE = 1e-5


class BlendshapeFit:
    """fit(vertices) -> weights. Made once for an avatar.

    template: (V, 3) metres. deltas: (S, V, 3) metres; a shape that moves nothing gets weight 0.
    Keeps the last frame's weights as the start of the next fit; the answer does not depend on it beyond TOLERANCE.
    """

    def __init__(self, template: np.ndarray, deltas: np.ndarray) -> None:
        self._moving = np.flatnonzero(np.abs(deltas).max(axis=(0, 2)) > 0)
        self._template = template[self._moving].reshape(-1).astype(np.float32)
        rows = deltas[:, self._moving].reshape(len(deltas), -1).astype(np.float32)
        self._rows = np.ascontiguousarray(rows.T)
        self._gram = rows.astype(np.float64) @ rows.T.astype(np.float64)
        self._energy = np.diagonal(self._gram).copy()
        self._used = np.flatnonzero(self._energy > 1e-8 * self._energy.max(initial=0))
        self._last = np.zeros(len(deltas))

    def fit(self, vertices: np.ndarray) -> np.ndarray:
        """(T, V, 3) metres -> (T, S) float32 in 0..1."""
        count = len(vertices)
        offsets = np.asarray(vertices, np.float32)[:, self._moving].reshape(count, self._template.size) - self._template
        projected = (offsets @ self._rows).astype(np.float64)
        weights = self._solve(projected, np.tile(self._last, (count, 1)))
        if count:
            self._last = weights[-1]
        return weights.astype(np.float32)

    def _solve(self, projected: np.ndarray, weights: np.ndarray) -> np.ndarray:
        # residual[s] = what is still to be explained along shape s, kept up to date after each change. Transposed: a
        # shape's values of all frames lie together.
        residual = np.ascontiguousarray((projected - weights @ self._gram).T)
        weights = np.ascontiguousarray(weights.T)
        for _ in range(MAX_SWEEPS):
            largest = 0.0
            for s in self._used:
                energy = self._energy[s]
                wanted = (residual[s] + energy * (weights[s] - SPARSE)) / (energy * (1.0 + RIDGE))
                change = np.clip(wanted, 0.0, 1.0) - weights[s]
                step = float(np.abs(change).max(initial=0.0))
                if step > 0.1 * TOLERANCE:
                    weights[s] += change
                    residual -= self._gram[:, s, None] * change
                    largest = max(largest, step)
            if largest < TOLERANCE:
                break
        return weights.T
