"""The resampler: tones stay, aliases go, time does not shift, chunks do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.resample import Resampler

RATE = 16000


def tone(hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


def resample(samples: np.ndarray, source_rate: int) -> np.ndarray:
    stage = Resampler(source_rate, RATE)
    return np.concatenate([stage.push(samples), stage.flush()])


@pytest.mark.parametrize("rate", [11025, 22050, 32000, 44100, 44101, 48000, 96000, 192000])
@pytest.mark.parametrize("hz", [50.0, 1000.0, 4500.0])
def test_tones_stay_where_they_are(rate: int, hz: float) -> None:
    """Gain and time: within -60 dB of the same tone sampled at 16 kHz, away from the ends."""
    got, want = resample(tone(hz, rate), rate), tone(hz, RATE)
    assert abs(got - want)[200:-200].max() < 1e-3


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_what_16_khz_cannot_hold_is_removed(rate: int) -> None:
    """A tone at 9.5 kHz leaves less than -55 dB."""
    assert abs(resample(tone(9500, rate), rate))[200:-200].max() < 10 ** (-55 / 20)


@given(st.sampled_from([8000, 16000, 44100, 44099, 48000, 96000]), st.integers(0, 3000))
def test_as_many_samples_as_the_rates_say(rate: int, count: int) -> None:
    """ceil(N * 16000 / rate), for any N."""
    assert len(resample(np.zeros(count, np.float32), rate)) == -(-count * RATE // rate)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([8000, 44100, 44099, 48000, 96000]), st.lists(st.integers(0, 900), max_size=30), st.integers(1, 2)
)
def test_any_chunking_gives_the_same_bits(rate: int, sizes: list[int], channels: int) -> None:
    """Chunk by chunk equals all at once, to the bit."""
    samples = np.random.default_rng(0).normal(0, 0.3, (6000, channels)).astype(np.float32)
    stage, pieces, start = Resampler(rate, RATE), [], 0
    for size in [*sizes, len(samples)]:
        pieces.append(stage.push(samples[start : start + size]))
        start += size
    pieces.append(stage.flush())
    np.testing.assert_array_equal(np.concatenate(pieces), resample(samples, rate))


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_sound_is_held_back_for_a_few_milliseconds_only(rate: int) -> None:
    """Never more than the filter's half (2 ms from 16 kHz up, 4 ms at 8 kHz) and a sample, on 10 ms chunks."""
    stage, sent, got = Resampler(rate, RATE), 0, 0
    for _ in range(50):
        sent += rate // 100
        got += len(stage.push(np.zeros(rate // 100, np.float32)))
        assert 0 <= sent / rate - got / RATE <= max(0.002, 32 / rate) + 1.5 / RATE


@pytest.mark.parametrize("rate", [0, 999, 1_000_000, -5])
def test_rates_beyond_reason_are_refused(rate: int) -> None:
    """Below 1 kHz and above 768 kHz."""
    with pytest.raises(VoxmeshError, match="Hz"):
        Resampler(rate, RATE)
