"""The field's measures of an animated face, from their definitions: vertices in metres in, millimetres out.

truth, predicted: (T, V, 3), the same T except for `dtw`. Where nothing else is said, a value is one clip's; papers
average over frames of all clips, so weigh clips by their frames.

- Lip error: MeshTalk (Richard et al. 2021). LVE, the squared form: FaceFormer's and CodeTalker's code.
- FDD: CodeTalker (Xing et al. 2023), as its code computes it; see `upper_dynamics`.
- Mean, max and DTW of a region: MM 2023 (Wu et al.).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MILLIMETRES = 1000.0


def _distances_m(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(T, V) metres."""
    if truth.shape != predicted.shape or truth.ndim != 3 or not len(truth):
        raise ValueError(f"truth {truth.shape} and prediction {predicted.shape}: both must be (T, V, 3), T > 0")
    return np.linalg.norm(np.asarray(truth, np.float64) - predicted, axis=2)


def _weights(weights: np.ndarray | None, vertices: int) -> np.ndarray:
    weights = np.ones(vertices) if weights is None else np.asarray(weights, np.float64).reshape(-1)
    if len(weights) != vertices or not weights.sum() > 0:
        raise ValueError(f"{len(weights)} weights that sum to {weights.sum():g} for {vertices} vertices")
    return weights


def lip_error_mm(truth: np.ndarray, predicted: np.ndarray, lips: np.ndarray) -> float:
    """Mean over frames of the largest distance of a lip vertex. lips: (V,) bool, or indices of vertices."""
    return float(_distances_m(truth[:, lips], predicted[:, lips]).max(axis=1).mean() * MILLIMETRES)


def lip_vertex_error_mm2(truth: np.ndarray, predicted: np.ndarray, lips: np.ndarray) -> float:
    """Mean over frames of the largest *squared* distance of a lip vertex, mm^2: the LVE of the later papers.

    Theirs is in the data set's own unit squared (VOCASET: 1 m^2 is 1e6 of these), and is often printed as if in mm.
    It is no square of `lip_error_mm`: the mean of squares is larger than the square of the mean.
    """
    return float((_distances_m(truth[:, lips], predicted[:, lips]).max(axis=1) ** 2).mean() * MILLIMETRES**2)


def upper_dynamics(motion: np.ndarray, region: np.ndarray, *, squared: bool = True, ddof: int = 0) -> float:
    """Mean over the region's vertices of the standard deviation over time of how far each is from the template.

    motion: (T, V, 3) metres, vertices minus template. region: (V,) bool, or indices.
    squared: of the squared distance (mm^2), as CodeTalker's code has it; else of the distance (mm), as its paper
    reads. ddof: 0 divides by T, as NumPy and that code; 1 by T - 1, as torch.std does unless it is told otherwise.
    """
    distance = np.linalg.norm(np.asarray(motion, np.float64)[:, region], axis=2) * MILLIMETRES
    return float(np.std(distance**2 if squared else distance, axis=0, ddof=ddof).mean())


def face_dynamics_deviation(
    truth: np.ndarray,
    predicted: np.ndarray,
    template: np.ndarray,
    upper: np.ndarray,
    *,
    squared: bool = True,
    ddof: int = 0,
) -> float:
    """FDD: `upper_dynamics` of the truth minus that of the prediction, signed: positive where too little moves.

    Signed values of clips cancel in a mean, as they do in the published code. template: (V, 3) metres.
    """
    still = np.asarray(template, np.float64)
    had = upper_dynamics(truth - still, upper, squared=squared, ddof=ddof)
    return had - upper_dynamics(predicted - still, upper, squared=squared, ddof=ddof)


def mean_error_mm(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Distance averaged over vertices by their weights (V,) (all the same), and over frames."""
    weights = _weights(weights, truth.shape[1])
    return float((_distances_m(truth, predicted) @ weights / weights.sum()).mean() * MILLIMETRES)


def max_error_mm(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean over frames of the largest weighted distance."""
    weights = _weights(weights, truth.shape[1])
    return float((_distances_m(truth, predicted) * weights).max(axis=1).mean() * MILLIMETRES)


@dataclass(frozen=True)
class Dtw:
    """Dynamic time warping. total_mm: summed along the best path, as MM 2023 prints it: it grows with the clip.

    steps: of that path. mean_mm: total_mm / steps, which does not.
    """

    total_mm: float
    steps: int

    @property
    def mean_mm(self) -> float:
        return self.total_mm / self.steps


def dtw(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> Dtw:
    """The cheapest way to walk both clips from start to end, either or both a frame at a time.

    truth (T, V, 3), predicted (U, V, 3). A step costs the mean error of the two frames, by `weights` (V,). Among equal
    paths the one with the fewest steps counts.
    """
    cost = frame_costs_mm(truth, predicted, weights)
    total = [[0.0] * len(predicted) for _ in truth]
    steps = [[1] * len(predicted) for _ in truth]
    for i, row in enumerate(cost.tolist()):
        for j, here in enumerate(row):
            before = [(total[a][b], steps[a][b]) for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if min(a, b) >= 0]
            least, count = min(before, default=(0.0, 0))
            total[i][j], steps[i][j] = least + here, count + 1
    return Dtw(total[-1][-1], steps[-1][-1])


def frame_costs_mm(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(T, U): the mean error of each frame of one clip against each of the other, by `weights` (V,)."""
    weights = _weights(weights, truth.shape[1])
    counted = weights > 0
    share = (weights[counted] / weights.sum()).astype(np.float32)
    # Axis by axis: three times as fast as norms over the last one.
    axes = np.ascontiguousarray(np.asarray(predicted, np.float32)[:, counted].transpose(2, 0, 1))
    costs = np.empty((len(truth), len(predicted)))
    for row, frame in zip(costs, np.asarray(truth, np.float32)[:, counted], strict=True):
        square = np.zeros(axes.shape[1:], np.float32)
        for axis, position in zip(axes, frame.T, strict=True):
            away = axis - position
            away *= away
            square += away
        row[:] = np.sqrt(square, out=square) @ share
    return costs * MILLIMETRES


@dataclass(frozen=True)
class RegionErrors:
    """MM 2023's three of one region, and DTW by path length."""

    mean_mm: float
    max_mm: float
    dtw_mm: float
    dtw_mean_mm: float


def region_errors(truth: np.ndarray, predicted: np.ndarray, masks: dict[str, np.ndarray]) -> dict[str, RegionErrors]:
    """Of each mask (V,), 0 to 1, and of `all` vertices."""
    errors = {}
    for name, mask in {**masks, "all": None}.items():
        warped = dtw(truth, predicted, mask)
        mean, largest = mean_error_mm(truth, predicted, mask), max_error_mm(truth, predicted, mask)
        errors[name] = RegionErrors(mean, largest, warped.total_mm, warped.mean_mm)
    return errors
