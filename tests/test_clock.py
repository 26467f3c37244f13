"""The clock is exact: every answer equals the one that fractions give."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxmesh.stream.clock import FrameClock


def make(rate: int, num: int, den: int) -> FrameClock:
    return FrameClock(rate, min(num, rate * den), den)


rates = st.integers(1, 768_000)
frames = st.integers(0, 10**9)


@given(rates, st.integers(1, 240_000), st.integers(1, 1001), frames)
def test_a_frame_depicts_the_floor_of_the_exact_fraction(rate: int, num: int, den: int, frame: int) -> None:
    """sample(t) = floor(t * rate / fps), in rational arithmetic."""
    clock = make(rate, num, den)
    assert clock.sample(frame) == math.floor(frame * rate / Fraction(clock.fps_num, clock.fps_den))


@given(rates, st.integers(1, 240_000), st.integers(1, 1001), st.integers(0, 10**9))
def test_frames_counts_the_frames_that_depict_a_sample_heard(rate: int, num: int, den: int, samples: int) -> None:
    """frames(n) is the first frame whose exact time is not before sample n."""
    clock = make(rate, num, den)
    count = clock.frames(samples)
    period = rate / Fraction(clock.fps_num, clock.fps_den)
    assert count * period >= samples
    assert count == 0 or (count - 1) * period < samples


@given(rates, st.integers(1, 240_000), st.integers(1, 1001), st.integers(1, 8), frames)
def test_a_faster_clock_meets_the_slower_one(rate: int, num: int, den: int, factor: int, frame: int) -> None:
    """Tick factor * t of the faster clock is frame t."""
    clock = make(rate, num, den)
    if clock.fps_num * factor <= rate * den:
        assert clock.faster(factor).sample(factor * frame) == clock.sample(frame)


def test_samples_is_sample_of_each() -> None:
    """The vectorised form equals the scalar one at a rate that does not divide."""
    clock = FrameClock(16000, 60000, 1001)
    assert clock.samples(2000).tolist() == [clock.sample(t) for t in range(2000)]


def test_an_hour_at_ntsc_does_not_drift() -> None:
    """107,892.1 frames of 30000/1001 fps make an hour: frame 107,892 starts inside its last tenth of a second."""
    clock = FrameClock(16000, 30000, 1001)
    assert clock.sample(107_892) == 107_892 * 16000 * 1001 // 30000
    assert abs(clock.sample(107_892) / 16000 - 3600) < 0.04


@pytest.mark.parametrize("numbers", [(0, 60, 1), (16000, 0, 1), (16000, 60, 0), (-1, 60, 1), (100, 101, 1)])
def test_impossible_clocks_are_refused(numbers: tuple[int, int, int]) -> None:
    """Zero, negative, or more frames than samples."""
    with pytest.raises(ValueError, match="clock"):
        FrameClock(*numbers)
