"""Vertices back to blendshape weights: bounded least squares through the avatar's own shapes.

For each frame, minimise |offsets - w . deltas|^2 / 2 + sum_s e_s (SPARSE w_s + RIDGE w_s^2 / 2) over 0 <= w <= 1, where
e_s = |delta_s|^2 so that both penalties are in units of weight. Solved exactly on the S x S Gram matrix by block
principal pivoting (Portugal, Judice and Vicente 1994; Kim and Park 2011), here with two bounds: guess which weights are
at 0, which at 1 and which between, solve for the latter, move all that were guessed wrong, again. A frame's guess is
the one before it, so that one or two solves do: a fit is fast enough for a live face.
"""

from __future__ import annotations

import numpy as np

from voxmesh.stream.topology import Topology

SPARSE = 1e-3
"""Weight below which a shape is not worth using: keeps shapes that resemble each other from both being half on."""
RIDGE = 1e-4
TOLERANCE = 1e-9
GAP = 16.0
"""How often the lips' distance counts: half a millimetre is seen between lips that should touch, elsewhere not."""
PATIENCE = 3
"""Exchanges of all wrong guesses that may fail to lessen them, before one is exchanged at a time, which must end."""
MAX_PIVOTS = 500

_LOW, _FREE, _HIGH = 0, 1, 2


class BlendshapeFit:
    """fit(vertices) -> weights. Made once for an avatar.

    template: (V, 3) metres. deltas: (S, V, 3) metres, S may be 0; a shape that moves nothing gets weight 0.
    lips: two vertices, of the upper and the lower lip; the way from one to the other counts GAP times.
    Keeps which of the last frame's weights were at a bound, to guess the next ones; the answer does not depend on it.
    """

    def __init__(self, template: np.ndarray, deltas: np.ndarray, lips: tuple[int, int] | None = None) -> None:
        self._lips = lips
        template, deltas = self._with_gap(template), self._with_gap(deltas)
        self._moving = np.flatnonzero(np.abs(deltas).max(axis=(0, 2), initial=0.0) > 0)
        self._template = template[self._moving].reshape(-1).astype(np.float32)
        rows = deltas[:, self._moving].reshape(len(deltas), self._template.size).astype(np.float64)
        energy = (rows**2).sum(1)
        self._count = len(deltas)
        self._used = np.flatnonzero(energy > 1e-8 * energy.max(initial=0))
        # Weights are scaled by their shape's size, which puts ones on the diagonal: brows and jaws count the same.
        self._scale = np.sqrt(energy[self._used])
        rows = rows[self._used] / self._scale[:, None]
        self._rows = np.ascontiguousarray(rows.T, np.float32)
        self._gram = rows @ rows.T + RIDGE * np.eye(len(rows))
        self._state = np.full(len(rows), _LOW, np.int8)

    def fit(self, vertices: np.ndarray) -> np.ndarray:
        """(T, V, 3) metres -> (T, S) float32 in 0..1."""
        count = len(vertices)
        vertices = self._with_gap(np.asarray(vertices, np.float32))
        moved = np.take(vertices, self._moving, axis=1)  # several times faster than [:, moving]
        offsets = moved.reshape(count, self._template.size) - self._template
        wanted = (offsets @ self._rows).astype(np.float64) - SPARSE * self._scale
        weights = np.zeros((count, self._count), np.float32)
        for row, target in zip(weights, wanted, strict=True):
            row[self._used] = self._solve(target)
        return weights

    def _with_gap(self, positions: np.ndarray) -> np.ndarray:
        """(..., V, 3) -> (..., V + 1, 3), the way from lip to lip behind them."""
        if self._lips is None:
            return positions
        upper, lower = (positions[..., vertex : vertex + 1, :] for vertex in self._lips)
        return np.concatenate([positions, GAP * (upper - lower)], -2)

    def _solve(self, wanted: np.ndarray) -> np.ndarray:
        """Weights of the used shapes: gram @ (weights * scale) as near `wanted` as bounds allow. Moves the state."""
        state, fewest, patience = self._state, len(wanted) + 1, PATIENCE
        scaled = np.zeros(len(wanted))
        for _ in range(MAX_PIVOTS):
            free = np.flatnonzero(state == _FREE)
            scaled[:] = np.where(state == _HIGH, self._scale, 0.0)
            rest = wanted - self._gram @ scaled
            scaled[free] = np.linalg.solve(self._gram[np.ix_(free, free)], rest[free])
            # What is still wanted once the free weights are right: of weights at a bound only, in units of weight.
            rest = (wanted - self._gram @ scaled) / self._scale
            below = (state == _FREE) & (scaled < -TOLERANCE * self._scale)
            above = (state == _FREE) & (scaled > (1 + TOLERANCE) * self._scale)
            inside = ((state == _LOW) & (rest > TOLERANCE)) | ((state == _HIGH) & (rest < -TOLERANCE))
            wrong = np.flatnonzero(below | above | inside)
            if not len(wrong):
                break
            if len(wrong) < fewest:
                fewest, patience = len(wrong), PATIENCE
            else:
                patience -= 1
            chosen = wrong if patience >= 0 else wrong[-1:]
            state[chosen] = np.where(below[chosen], _LOW, np.where(above[chosen], _HIGH, _FREE))
        return np.clip(scaled / self._scale, 0.0, 1.0)


def face_fit(topology: Topology, deltas: np.ndarray) -> BlendshapeFit:
    """The fit of a face, whose lips are to touch where the frame's do. deltas: (S, V, 3) metres."""
    marks = topology.landmarks
    return BlendshapeFit(topology.template, deltas, (marks["lip_upper_inner"], marks["lip_lower_inner"]))
