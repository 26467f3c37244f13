"""How blinks, brows and gaze are read from an upper face's motion: arrays in, numbers out.

An episode is a run of frames above a low threshold that somewhere passes a high one; it starts and ends where the low
one is crossed, between frames too. Episodes cut by either end of a stretch are left out.

- A lid's closure is 1 - aperture / neutral aperture, of the eye that is less closed: a wink is no blink.
- A blink is an episode of closure above the lids' rest, from 20 % to 60 % and more of the way from there to shut. Their
  rest is the median of the second around, at most a half: lids that follow a look downwards, and stay, rest there;
  lids that stay shut do not.
- A brow's height is its landmark's rise above neutral, mean of both; a raise is an episode from 0.5 mm to over 1 mm.
- Gaze is the rotation of the eyeballs, mean of both. A shift is an episode of its speed, from 15 to over 30 degrees a
  second, that moves it by a degree or more; 30 is a usual threshold between fixations and saccades. Eyes that tremble
  pass it too, but go nowhere: far shifts are those of 3 degrees or more. Drift is the speed between shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.ndimage import median_filter

BLINK, BLINK_EDGE, REST_S, MOST_REST = 0.6, 0.2, 1.0, 0.5
RAISE_MM, RAISE_EDGE_MM = 1.0, 0.5
SHIFT_DEG_S, SHIFT_EDGE_DEG_S, SHIFT_DEG, FAR_DEG = 30.0, 15.0, 1.0, 3.0
PERCENTILES = (10, 50, 90)

Samples = dict[str, np.ndarray]
"""What one stretch gives: a row an event, a frame or a minute, by the names that FIGURES uses."""


@dataclass(frozen=True)
class Upper:
    """T frames of an upper face. closure: (T, 2), left and right, 0 neutral, 1 shut. brow_mm: (T, 2), above neutral.
    gaze_deg: (T, 2), yaw to the face's left and pitch up.
    """

    fps: float
    closure: np.ndarray
    brow_mm: np.ndarray
    gaze_deg: np.ndarray

    def __len__(self) -> int:
        return len(self.closure)

    @property
    def lids(self) -> np.ndarray:
        """(T,) closure of the eye that is less closed."""
        return self.closure.min(axis=1)

    @property
    def brows(self) -> np.ndarray:
        """(T,) mm, mean of both."""
        return self.brow_mm.mean(axis=1)


def turned(points: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(T, E, 3) points of an eyeball and where they rest, (E, 3) -> (T, 2) degrees: yaw to +X, pitch to +Y, of +Z.

    The rotation that fits best, by Kabsch (1976, "A solution for the best rotation to relate two sets of vectors").
    """
    still = rest - rest.mean(axis=0)
    u, _, v = np.linalg.svd(still.T @ (points - points.mean(axis=1, keepdims=True)))  # (T, 3, 3): rest by moved
    v[:, 2] *= np.linalg.det(u @ v)[:, None]
    forward = u[:, 2:3] @ v  # where the rotation takes +Z, as a row
    x, y, z = np.moveaxis(forward[:, 0], -1, 0)
    return np.degrees(np.stack([np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))], axis=1))


def episodes(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n, 2) frames, between frames too: where runs of x above `low` that pass `high` start and end."""
    above = np.concatenate([[False], x > low, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    edges = [(start, end) for start, end in edges if start > 0 and end < len(x) and x[start:end].max() > high]
    if not edges:
        return np.zeros((0, 2))
    after = np.array(edges)
    before = after - 1
    return before + (low - x[before]) / (x[after] - x[before])


def blinks(closure: np.ndarray, fps: float) -> np.ndarray:
    """(T,) closure -> (n, 2) seconds: start and end of each blink."""
    rest = median_filter(closure, size=round(REST_S * fps) | 1, mode="nearest").clip(0.0, MOST_REST)
    return episodes((closure - rest) / (1 - rest), BLINK_EDGE, BLINK) / fps


def shifts(gaze_deg: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, 2) gaze -> (n, 2) seconds, start and end of each shift; (n,) degrees travelled; (T - 1,) bool, in a shift."""
    speed = np.linalg.norm(np.diff(gaze_deg, axis=0), axis=1) * fps
    found = episodes(speed, SHIFT_EDGE_DEG_S, SHIFT_DEG_S)
    # Speed k lies between frames k and k + 1: the run of speeds first ... last moves frame first to frame last + 1.
    first, last = np.ceil(found[:, 0]).astype(int), np.floor(found[:, 1]).astype(int)
    degrees = np.linalg.norm(gaze_deg[last + 1] - gaze_deg[first], axis=1)
    far = degrees >= SHIFT_DEG
    inside = np.zeros(len(speed), bool)
    for start, end in zip(first[far], last[far], strict=True):
        inside[start : end + 1] = True
    return (found[far] + 0.5) / fps, degrees[far], inside


def samples(face: Upper) -> Samples:
    """What FIGURES are made of, from one stretch."""
    fps, lids = face.fps, face.lids
    blink, (shift, degrees, inside) = blinks(lids, fps), shifts(face.gaze_deg, fps)
    speed = np.linalg.norm(np.diff(face.gaze_deg, axis=0), axis=1) * fps
    raises = episodes(face.brows, RAISE_EDGE_MM, RAISE_MM) / fps
    minutes = int(len(face) / fps / 60)
    peaks = [lids[int(start * fps) : int(end * fps) + 2].max() for start, end in blink]
    return {
        "minutes": np.array([len(face) / fps / 60]),
        "blink_ms": 1000 * (blink[:, 1] - blink[:, 0]),
        "blink_interval_s": np.diff(blink[:, 0]),
        "blink_peak": np.array(peaks),
        "blinks_by_minute": np.histogram(blink[:, 0], np.arange(minutes + 1) * 60.0)[0] if minutes else np.zeros(0),
        "shut": lids > BLINK,
        "brow_mm": face.brows,
        "raised": face.brows > RAISE_MM,
        "raise_s": raises[:, 1] - raises[:, 0],
        "shift_deg": degrees,
        "far_shift_deg": degrees[degrees >= FAR_DEG],
        "shift_ms": 1000 * (shift[:, 1] - shift[:, 0]),
        "shift_interval_s": np.diff(shift[:, 0]),
        "drift_deg_s": speed[~inside],
    }


def pooled(stretches: list[Samples]) -> Samples:
    """All stretches' samples together; no interval runs from one to the next."""
    return {name: np.concatenate([one[name] for one in stretches]) for name in stretches[0]}


Value = float | list[float] | None
FIGURES: dict[str, tuple[str, str, int, str, str]] = {
    # name: (samples, statistic, digits, title, what is published)
    "blinks_per_minute": ("blink_ms", "rate", 1, "blinks a minute", "17 rest, 26 talking [1]"),
    "blinks_by_minute": ("blinks_by_minute", "spread", 0, "  in one minute *", "-"),
    "blink_ms": ("blink_ms", "spread", 0, "blink, ms *", "100-400 [textbook]"),
    "blink_interval_s": ("blink_interval_s", "spread", 2, "onset to onset, s *", "mean 3.5, 2.3; skewed [1]"),
    "blink_interval_mean_s": ("blink_interval_s", "mean", 2, "  mean, s", "3.5 rest, 2.3 talking [1]"),
    "blink_peak": ("blink_peak", "spread", 2, "greatest closure *", "1 when complete"),
    "shut_share": ("shut", "mean", 3, "share of time shut", "-"),
    "raised_share": ("raised", "mean", 3, "share of time brows up", "-"),
    "raises_per_minute": ("raise_s", "rate", 1, "brow raises a minute", "-"),
    "raise_s": ("raise_s", "spread", 2, "brow raise, s *", "-"),
    "brow_std_mm": ("brow_mm", "std", 2, "brow height, std mm", "-"),
    "shifts_per_minute": ("shift_deg", "rate", 1, "gaze shifts a minute", "up to 180 [textbook]"),
    "far_shifts_per_minute": ("far_shift_deg", "rate", 1, "  of 3 degrees or more", "-"),
    "shift_deg": ("shift_deg", "spread", 1, "gaze shift, degrees *", "mostly under 15 [2]"),
    "shift_ms": ("shift_ms", "spread", 0, "gaze shift, ms *", "30-80 [textbook]"),
    "shift_interval_s": ("shift_interval_s", "spread", 2, "shift to shift, s *", "0.3 and more [textbook]"),
    "drift_deg_s": ("drift_deg_s", "rms", 2, "gaze drift, rms deg/s", "-"),
}


def figure(found: np.ndarray, statistic: str, minutes: float) -> Value:
    """A number, or three percentiles of a spread; None where there is nothing to make it of."""
    if statistic == "rate":
        return len(found) / minutes
    if not len(found):
        return None
    if statistic == "spread":
        return np.percentile(found, PERCENTILES).tolist()
    return float({"mean": np.mean, "std": np.std, "rms": lambda x: np.sqrt(np.mean(np.square(x)))}[statistic](found))


def figures(stretches: list[Samples]) -> dict[str, Value]:
    """Every figure of FIGURES, over stretches of any length."""
    found = pooled(stretches)
    minutes = float(found["minutes"].sum())
    return {name: figure(found[key], statistic, minutes) for name, (key, statistic, *_) in FIGURES.items()}


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Pearson's, None when either does not move."""
    if min(np.ptp(one), np.ptp(other)) < 1e-9:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def correlations(runs: dict[int, dict[str, np.ndarray]]) -> dict[str, dict[str, float | None]]:
    """Seed -> series by name; for each pair of seeds "a-b", each series' correlation between the two."""
    return {
        f"{a}-{b}": {name: correlation(series, runs[b][name]) for name, series in runs[a].items()}
        for a, b in combinations(runs, 2)
    }
