"""Blinks, gaze and brows against the published figures."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.model.talker.upper_face import BLINK_S, blink_curve, blink_times, upper_face
from voxmesh.stream.arkit import ARKIT_NAMES

COLUMN = {name: index for index, name in enumerate(ARKIT_NAMES)}


@pytest.mark.parametrize(("kind", "low", "high"), [("rest", 15.0, 19.0), ("speech", 23.0, 29.0)])
def test_blink_rate_and_intervals(kind: str, low: float, high: float) -> None:
    """About 17 blinks a minute at rest and 26 in conversation, with a skewed (log-normal) interval."""
    per_minute = {"rest": 17.0, "speech": 26.0}[kind]
    blinks = blink_times(3600.0, np.random.default_rng(0), per_minute)
    intervals = np.diff([start for start, _ in blinks])
    assert low < len(blinks) / 60.0 < high
    assert np.median(intervals) < 0.9 * intervals.mean()
    assert intervals.min() > 0.399


def test_blink_durations() -> None:
    """Each blink lasts 150-300 ms and closes in about half the time in which it opens."""
    blinks = blink_times(1800.0, np.random.default_rng(1), 26.0)
    durations = np.array([duration for _, duration in blinks])
    assert durations.min() >= BLINK_S[0] and durations.max() <= BLINK_S[1]
    times = np.arange(0.0, 0.5, 0.001)
    lids = blink_curve(times, [(0.1, 0.24)], np.ones(1))
    moving = np.flatnonzero((lids > 0.01) & (lids < 0.99))
    closing = (moving < np.argmax(lids)).sum()
    assert 0.4 < closing / (len(moving) - closing) < 0.6
    assert lids.max() == pytest.approx(1.0)


def test_a_talking_face_blinks_more_than_a_resting_one() -> None:
    """Over ten minutes the lids shut at the speech rate when there is energy, at the rest rate without."""

    def blinks(energy: np.ndarray | None) -> int:
        lids = upper_face(36000, np.random.default_rng(3), energy=energy)[:, COLUMN["eyeBlinkLeft"]]
        return int(np.sum((lids[1:] > 0.5) & (lids[:-1] <= 0.5)))

    assert 140 < blinks(None) < 200
    assert 220 < blinks(np.full(36000, 0.8)) < 300


def test_gaze_moves_lids_and_both_eyes() -> None:
    """Looking down lowers both lids, looking up widens them, and the eyes turn together."""
    curves = upper_face(36000, np.random.default_rng(4))
    down, up = curves[:, COLUMN["eyeLookDownLeft"]], curves[:, COLUMN["eyeLookUpLeft"]]
    blink, wide = curves[:, COLUMN["eyeBlinkLeft"]], curves[:, COLUMN["eyeWideLeft"]]
    assert np.all(blink[down > 0.1] >= 0.3 * down[down > 0.1])
    assert np.corrcoef(up[blink < 0.3], wide[blink < 0.3])[0, 1] > 0.3
    np.testing.assert_array_equal(curves[:, COLUMN["eyeLookOutLeft"]], curves[:, COLUMN["eyeLookInRight"]])
    assert np.minimum(down, up).max() == 0.0


def test_upper_face_leaves_the_mouth_alone_and_stays_in_range() -> None:
    """Only eyes, brows and cheek squints move, within 0..1; the same generator gives the same curves."""
    energy, pitch = np.full(900, 0.7), 120.0 + 40.0 * np.sin(np.arange(900) / 20.0)
    curves = upper_face(900, np.random.default_rng(5), energy=energy, pitch=pitch)
    assert curves.shape == (900, 52) and curves.min() >= 0.0 and curves.max() <= 1.0
    mouth = [index for name, index in COLUMN.items() if name.startswith(("mouth", "jaw", "tongue"))]
    assert curves[:, mouth].max() == 0.0
    again = upper_face(900, np.random.default_rng(5), energy=energy, pitch=pitch)
    np.testing.assert_array_equal(curves, again)


@pytest.mark.parametrize("frames", [0, 1, 7])
def test_short_clips(frames: int) -> None:
    """A clip of no or few frames is no special case."""
    assert upper_face(frames, np.random.default_rng(0), energy=np.zeros(frames)).shape == (frames, 52)
