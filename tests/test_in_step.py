"""The face in step with its sound: sound and frames in, at any pace; what is heard and what is drawn agree."""

from __future__ import annotations

import numpy as np

from voxmesh.stream import wire
from voxmesh.viewer.in_step import BUFFER_MS, LIMIT_MS, InStep

RATE = 16000
BLOCK = 160


def frame(index: int) -> wire.FrameMessage:
    return wire.FrameMessage("a", index, index * RATE // 60, 0, 0, 0, np.zeros((0, 3)), np.zeros(52), RATE)


def ramp(start: int, count: int) -> np.ndarray:
    """Samples that say which they are."""
    return np.arange(start, start + count, dtype=np.float32)


def filled(ms: float) -> InStep:
    step = InStep(RATE)
    step.push_sound(0, ramp(0, round(RATE * ms / 1000)))
    return step


def test_every_sample_is_played_once_and_in_order() -> None:
    """Silence until enough is there, then all of it, whatever the blocks that it comes and goes in."""
    step, out, pushed = InStep(RATE), [], 0
    for tick in range(200):
        count = (tick * 7919) % 300
        step.push_sound(pushed, ramp(pushed, count))
        pushed += count
        out.append(step.pull(BLOCK, tick * 0.01))
    played = np.concatenate(out)
    played = played[played > 0]
    np.testing.assert_array_equal(played, ramp(1, len(played)))
    assert pushed - len(played) <= RATE * LIMIT_MS // 1000 and step.dropped_samples == 0


def test_a_frame_is_drawn_when_its_sample_is_heard() -> None:
    """Not when it comes: the device's own delay counts, and the newest of several that are due is drawn."""
    step = filled(200)
    for index in range(12):
        step.push_frame(frame(index))
    assert step.frame(10.0) is None
    step.pull(1600, 10.0)
    assert step.heard(9.99) is None and step.frame(9.99) is None
    assert step.heard(10.0) == 0 and step.frame(10.0).index == 0
    assert step.frame(10.016) is None and step.frame(10.017).index == 1
    assert step.heard(10.06) == 960 and step.frame(10.06).index == 3 and step.skipped == 1
    # Sound that has not been asked for yet is not heard, however late it is.
    assert step.heard(20.0) == 1599 and step.frame(20.0).index == 5


def test_a_loudspeaker_that_runs_dry_gathers_again() -> None:
    """Silence for what is missing, counted once; it goes on when BUFFER_MS are there, at the next sample."""
    step = filled(BUFFER_MS)
    have = RATE * BUFFER_MS // 1000
    step.pull(have // 2, 0.0)
    assert step.pull(have // 2 + 100, 0.0)[have // 2 :].tolist() == [0.0] * 100 and step.dry == 1
    step.push_sound(have, ramp(have, 100))
    assert not step.pull(100, 0.1).any() and step.heard(5.0) == have - 1
    step.push_sound(have + 100, ramp(have + 100, 2 * have))
    assert step.pull(10, 0.2).tolist() == ramp(have, 10).tolist()


def test_a_slow_loudspeaker_is_caught_up_with() -> None:
    """What waits never exceeds LIMIT_MS; what is cut is counted, and the frames follow the sound over the cut."""
    step, limit = filled(0), RATE * LIMIT_MS // 1000
    for start in range(0, 10 * RATE, RATE // 10):
        step.push_sound(start, ramp(start, RATE // 10))
    first = step.pull(1, 0.0)[0]
    assert first == step.dropped_samples and 10 * RATE - first <= limit + RATE // 10
    assert step.heard(0.0) == first


def test_lost_sound_is_silence_and_what_comes_twice_is_played_once() -> None:
    """A hole of 100 samples keeps its place; a jump of a minute, or back to the start, does not."""
    step = filled(BUFFER_MS)
    have = RATE * BUFFER_MS // 1000
    step.push_sound(have - 50, ramp(have - 50, 100))
    step.push_sound(have + 150, ramp(have + 150, 10))
    out = np.concatenate([step.pull(have // 2, 0.0), step.pull(have // 2 + 160, 0.0)])
    assert out[: have + 50].tolist() == ramp(0, have + 50).tolist()
    assert not out[have + 50 : have + 150].any() and out[-1] == have + 159
    for start in (60 * RATE, 0):
        step.push_sound(start, ramp(start, 3 * have))
        assert step.pull(1, 1.0)[0] == start


def test_frames_without_sound_are_counted() -> None:
    """So that somebody can be told that the publisher sends none."""
    step = InStep(RATE)
    for index in range(5):
        step.push_frame(frame(index))
    assert step.unheard == 5
    step.push_sound(0, ramp(0, 10))
    step.push_frame(frame(5))
    assert step.unheard == 0
