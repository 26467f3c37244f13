"""Region masks with soft borders: a mask of 0 and 1, blurred in space around the neutral face.

Blurred in space and not along edges: vertices at one place, of one sheet of the mesh or of two that touch, get one
value, so that nothing which is scaled by it can crack; brows go with the skin under them.
"""

from __future__ import annotations

import numpy as np

BLURS = 3
"""Of a box of three cells each, along each axis: nearly a Gaussian, of standard deviation sqrt(BLURS * 2 / 3) cells."""
MARGIN = BLURS + 1


def soften(mask: np.ndarray, template: np.ndarray, border_m: float) -> np.ndarray:
    """(V,) of 0 and 1, template (V, 3) metres -> (V,) float32 from 0 to 1; 1/2 about the border.

    It rises over some border_m to either side of it. Vertices are counted in cells of half that, with and without the
    mask; both counts are blurred, and their ratio is read between cells (normalised convolution).
    """
    mask = mask > 0
    if not mask.any():
        return np.zeros(len(template), np.float32)
    cell = border_m / 2
    places = template.astype(np.float64) / cell  # cells lie at whole numbers, for any mask
    first = np.floor(places[mask].min(0)) - 2 * MARGIN
    places -= first
    shape = np.ceil(places[mask].max(0)).astype(int) + 1 + 2 * MARGIN
    counted = ((places >= 0) & (places <= shape - 1)).all(1)
    cells = np.ravel_multi_index(np.rint(places[counted]).astype(int).T, shape)
    size = int(shape.prod())
    inside, everything = (
        _blurred(np.bincount(cells, weights, size).reshape(shape)) for weights in (mask[counted], None)
    )
    # Beyond, no blur of the mask arrives, and not all vertices about are in the grid.
    near = np.flatnonzero(((places >= MARGIN) & (places < shape - MARGIN)).all(1))
    soft = np.zeros(len(template), np.float32)
    soft[near] = np.clip(_between(inside, places[near]) / _between(everything, places[near]), 0.0, 1.0)
    return soft


def _blurred(grid: np.ndarray) -> np.ndarray:
    for axis in range(3):
        for _ in range(BLURS):
            grid = grid + np.roll(grid, 1, axis) + np.roll(grid, -1, axis)
    return grid


def _between(grid: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N,) of a grid at places (N, 3) in cells: trilinear."""
    corner = np.floor(places).astype(int)
    share = places - corner
    total = np.zeros(len(places))
    for step in np.ndindex(2, 2, 2):
        weight = np.where(step, share, 1.0 - share).prod(1)
        total += weight * grid[tuple((corner + step).T)]
    return total
