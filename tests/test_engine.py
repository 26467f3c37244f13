"""The engine: the same frames whatever the chunking, and as many as the clock says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import voice
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voxmesh.stream.backend import open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk, Frame

RATES = (8000, 16000, 22050, 44100, 48000, 96000)


def play(bundle: Bundle, samples: np.ndarray, sizes: list[int] | None = None, **options) -> list[Frame]:
    """All frames of `samples`, pushed in chunks of `sizes` and then the rest."""
    engine = Engine(bundle, **options)
    frames, start = [], 0
    for size in [*(sizes or []), len(samples)]:
        frames += engine.push(AudioChunk(samples[start : start + size], min(start, len(samples))))
        start += size
    return frames + engine.flush()


def assert_same(a: list[Frame], b: list[Frame]) -> None:
    assert [f.index for f in a] == [f.index for f in b] == list(range(len(a)))
    for one, other in zip(a, b, strict=True):
        assert one.sample == other.sample
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.vertices, other.vertices)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 5000), max_size=40), st.sampled_from([1, 2]))
def test_any_chunking_gives_the_same_frames(tiny: Bundle, rate: int, sizes: list[int], channels: int) -> None:
    """Vertices and labels to the bit, at rates that are resampled too, mono and stereo."""
    samples = voice(0.6, rate)
    if channels == 2:
        samples = np.stack([samples, samples[::-1]], 1)
    assert_same(play(tiny, samples, sizes, source_rate=rate), play(tiny, samples, source_rate=rate))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.integers(1, 6000))
def test_frames_out_are_what_the_clock_says(tiny: Bundle, rate: int, count: int) -> None:
    """ceil(seconds * fps) frames for any length, even one sample, and each depicts its clock's sample."""
    frames = play(tiny, voice(1.0, rate)[:count], source_rate=rate)
    clock = tiny.features.clock
    assert len(frames) == clock.frames(-(-count * clock.sample_rate // rate))
    assert [f.sample for f in frames] == clock.samples(len(frames)).tolist()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(RATES), st.integers(1, 6000), st.sampled_from([(30, 1), (25, 1), (30000, 1001), (120, 1)]))
def test_any_frame_rate_can_be_asked_for(tiny: Bundle, rate: int, count: int, fps: tuple[int, int]) -> None:
    """As many frames as that clock says, on its samples, chunk by chunk as at once."""
    samples = voice(1.0, rate)[:count]
    frames = play(tiny, samples, [count // 3], source_rate=rate, fps=fps)
    clock = FrameClock(16000, *fps)
    assert len(frames) == clock.frames(-(-count * clock.sample_rate // rate))
    assert [f.sample for f in frames] == clock.samples(len(frames)).tolist()
    assert_same(frames, play(tiny, samples, source_rate=rate, fps=fps))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(RATES), st.integers(1, 6000))
@example(16000, 1600)
def test_without_look_ahead_no_frame_is_too_many(tiny: Bundle, rate: int, count: int) -> None:
    """A frame that depicts the sample after the last is not made, though nothing more needs to be heard for it."""
    instant = replace(tiny, features=replace(tiny.features, lookahead_samples=0))
    frames = play(instant, voice(1.0, rate)[:count], [count // 2], source_rate=rate)
    assert len(frames) == instant.features.clock.frames(-(-count * 16000 // rate))


def test_half_the_frame_rate_is_every_other_frame(tiny: Bundle) -> None:
    """At 30 frames a second nothing is mixed: the face's own frames 0, 2, 4 ... to the bit."""
    samples = voice(0.5, 16000)
    own, half = play(tiny, samples), play(tiny, samples, fps=(30, 1))
    for one, other in zip(own[::2], half, strict=True):
        np.testing.assert_array_equal(one.vertices, other.vertices)


def test_frames_come_as_soon_as_their_look_ahead_is_heard(tiny: Bundle) -> None:
    """Frame t is out when sample(t) + look-ahead samples are in, and not one sample earlier."""
    engine, samples = Engine(tiny), voice(0.4, 16000)
    out: dict[int, int] = {}
    for i in range(len(samples)):
        for frame in engine.push(AudioChunk(samples[i : i + 1], i)):
            out[frame.index] = i + 1
    heard = {t: tiny.features.clock.sample(t) + tiny.features.lookahead_samples for t in range(60)}
    assert out == {t: last for t, last in heard.items() if last <= len(samples)}


def test_a_gap_is_heard_as_silence(tiny: Bundle) -> None:
    """Chunks that never came give the frames that zeros in their place give, and are counted."""
    samples = voice(1.0, 48000)
    holed = samples.copy()
    holed[10_000:17_003] = 0
    engine = Engine(tiny, source_rate=48000)
    frames = engine.push(AudioChunk(samples[:10_000], 0)) + engine.push(AudioChunk(samples[17_003:], 17_003))
    assert_same(frames + engine.flush(), play(tiny, holed, source_rate=48000))
    assert engine.lost_samples == 7_003


def test_what_was_heard_before_is_not_heard_again(tiny: Bundle) -> None:
    """A chunk that overlaps the last one adds only its new samples."""
    samples = voice(0.5, 16000)
    engine = Engine(tiny)
    frames = engine.push(AudioChunk(samples[:5000], 0)) + engine.push(AudioChunk(samples[:6000], 0))
    frames += engine.push(AudioChunk(samples[1000:], 1000))
    assert_same(frames + engine.flush(), play(tiny, samples))
    assert engine.lost_samples == 0


def test_seed_and_temperature_choose_the_labels(tiny: Bundle) -> None:
    """Same seed, same labels; another seed, others; at temperature 0 the seed does not matter."""
    samples = voice(0.5, 16000)

    def labels(**options) -> np.ndarray:
        return np.stack([f.labels for f in play(tiny, samples, **options)])

    np.testing.assert_array_equal(labels(seed=3), labels(seed=3))
    assert (labels(seed=3) != labels(seed=4)).any()
    np.testing.assert_array_equal(labels(seed=3, temperature=0.0), labels(seed=4, temperature=0.0))


def test_numbers_that_are_not_are_silence(tiny: Bundle) -> None:
    """NaN and infinity are heard as zeros and counted; no vertex is ever NaN."""
    samples = voice(0.5, 16000)
    broken, zeroed = samples.copy(), samples.copy()
    broken[100:200], broken[300] = np.nan, np.inf
    zeroed[100:200], zeroed[300] = 0, 0
    engine = Engine(tiny)
    frames = engine.push(AudioChunk(broken, 0)) + engine.flush()
    assert engine.replaced_samples == 101
    assert_same(frames, play(tiny, zeroed))
    assert all(np.isfinite(f.vertices).all() for f in frames)


def test_identities_move_their_own_template(tiny: Bundle) -> None:
    """Another identity, another mesh of the same topology."""
    samples = voice(0.2, 16000)
    first, second = play(tiny, samples, identity=0), play(tiny, samples, identity=1)
    assert first[0].vertices.shape == second[0].vertices.shape
    assert (first[5].vertices != second[5].vertices).any()


def test_frames_know_when_their_sample_was_captured(tiny: Bundle) -> None:
    """captured_ns of a frame is its sample's own time, interpolated inside the chunk that brought it."""
    samples, second = voice(0.5, 48000), 1_000_000_000
    engine, frames = Engine(tiny, source_rate=48000), []
    for start in range(0, len(samples), 480):
        frames += engine.push(AudioChunk(samples[start : start + 480], start, 5 * second + start * second // 48000))
    for frame in frames + engine.flush():
        assert abs(frame.captured_ns - (5 * second + frame.sample * second // 16000)) <= second // 48000 + 1


def test_the_backends_agree(tiny: Bundle) -> None:
    """ONNX and TorchScript choose the same labels and put vertices in the same place."""
    samples = voice(0.5, 16000)
    onnx = play(tiny, samples, backend=open_backend(tiny, "onnx"))
    script = play(tiny, samples, backend=open_backend(tiny, "torchscript"))
    for a, b in zip(onnx, script, strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_allclose(a.vertices, b.vertices, atol=1e-6)


@pytest.mark.parametrize("options", [{"temperature": -1.0}, {"temperature": float("nan")}, {"identity": 99}])
def test_impossible_options_are_refused(tiny: Bundle, options: dict) -> None:
    """With an error that a user can read."""
    with pytest.raises(VoxmeshError):
        Engine(tiny, **options)


def test_a_flushed_engine_takes_nothing_more(tiny: Bundle) -> None:
    """Its stream is over; nothing flushed twice either."""
    engine = Engine(tiny)
    assert engine.flush() == []
    with pytest.raises(ValueError, match="flushed"):
        engine.push(AudioChunk(np.zeros(10, np.float32), 0))
