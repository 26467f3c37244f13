"""Other frame rates: as many frames as the clock says, where it says, and in between two of the face's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.frame_rate import FrameRate, rate_of
from voxmesh.stream.types import Frame

OWN = FrameClock(16000, 60)
RATES = [(30, 1), (60, 1), (25, 1), (24, 1), (30000, 1001), (24000, 1001), (120, 1), (50, 1)]


def frames(samples: int) -> list[Frame]:
    """The face's own frames for so many samples; each vertex says its frame's sample."""
    return [
        Frame(t, s, 1_000_000 + s * 62_500, np.full((1, 3), s, np.float32), np.array([t]))
        for t, s in enumerate(OWN.samples(OWN.frames(samples)).tolist())
    ]


def converted(samples: int, rate: tuple[int, int]) -> list[Frame]:
    stage = FrameRate(OWN, FrameClock(16000, *rate))
    return [out for frame in frames(samples) for out in stage.push(frame)] + stage.flush(samples)


@given(st.sampled_from(RATES), st.integers(1, 40_000))
def test_frames_and_samples_are_what_the_clock_says(rate: tuple[int, int], samples: int) -> None:
    """Any rate, any length: no frame more or less, and each on its exact sample."""
    clock, got = FrameClock(16000, *rate), converted(samples, rate)
    assert [frame.index for frame in got] == list(range(clock.frames(samples)))
    assert [frame.sample for frame in got] == clock.samples(len(got)).tolist()


@pytest.mark.parametrize("rate", RATES)
def test_a_pose_is_the_one_of_its_sample(rate: tuple[int, int]) -> None:
    """A face that moves evenly is where it was at that sample, and so is the time of its capture."""
    got = converted(16000, rate)
    for frame in got[: len(got) - 3]:
        assert abs(frame.vertices[0, 0] - frame.sample) < 0.01
        assert frame.captured_ns == 1_000_000 + frame.sample * 62_500


def test_half_the_rate_waits_for_nothing() -> None:
    """At 30 frames a second every other frame is one of the face's own, and leaves with it."""
    stage = FrameRate(OWN, FrameClock(16000, 30))
    for frame in frames(16000):
        out = stage.push(frame)
        assert len(out) == (frame.index % 2 == 0)
        assert not out or out[0].vertices is frame.vertices


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60", (60, 1)),
        ("29.97", (30000, 1001)),
        ("23.976", (24000, 1001)),
        ("30000/1001", (30000, 1001)),
        ("12.5", (25, 2)),
    ],
)
def test_rates_are_read_as_people_write_them(text: str, rate: tuple[int, int]) -> None:
    """The film industry's decimals stand for the fractions that they round."""
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "0", "-25", "fast", "1/0", "1000", "nan"])
def test_other_rates_are_refused(text: str) -> None:
    """With what to say instead."""
    with pytest.raises(VoxmeshError, match="frame"):
        rate_of(text)
