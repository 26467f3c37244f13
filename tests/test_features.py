"""Features do not depend on chunking, and end exactly at the declared look-ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from conftest import voice
from hypothesis import given, settings
from hypothesis import strategies as st

from voxmesh.stream.features import FeatureConfig, LogMel, log_mel

CONFIG = FeatureConfig()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=60))
def test_any_chunking_gives_the_same_bits(sizes: list[int]) -> None:
    """Hops of chunks equal hops of the whole, to the bit."""
    samples = voice(0.7, CONFIG.sample_rate)
    stage, rows, start = LogMel(CONFIG), [], 0
    for size in [*sizes, len(samples)]:
        rows.append(stage.push(samples[start : start + size]))
        start += size
    rows.append(stage.flush())
    np.testing.assert_array_equal(np.concatenate(rows)[: CONFIG.hops_per_frame * 42], whole(samples))


def whole(samples: np.ndarray) -> np.ndarray:
    assert CONFIG.clock.frames(len(samples)) == 42
    return log_mel(samples, CONFIG).reshape(-1, CONFIG.mels)


def test_a_frame_hears_up_to_its_look_ahead_and_no_further() -> None:
    """Changing the sample after the declared look-ahead changes nothing; changing the last one inside it does."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 16000).astype(np.float32)
    before = log_mel(samples, CONFIG)
    for frame in (5, 17, 31):
        edge = CONFIG.clock.sample(frame) + CONFIG.lookahead_samples
        beyond = samples.copy()
        beyond[edge:] = 0.9
        np.testing.assert_array_equal(log_mel(beyond, CONFIG)[: frame + 1], before[: frame + 1])
        inside = samples.copy()
        inside[edge - 40 : edge] = 0.9
        assert (log_mel(inside, CONFIG)[frame] != before[frame]).any()


def test_no_look_ahead_is_a_look_ahead_too() -> None:
    """With none, the first windows end before the sound begins; later ones are those of 100 ms, six frames on."""
    samples = np.concatenate([np.zeros(3200, np.float32), voice(0.8, CONFIG.sample_rate)])
    now = log_mel(samples, replace(CONFIG, lookahead_samples=0))
    assert now.shape == (60, CONFIG.hops_per_frame * CONFIG.mels)
    np.testing.assert_allclose(now[30:], log_mel(samples, CONFIG)[24:-6], atol=0.1)


def test_gain_hardly_matters() -> None:
    """Six decibels more (1.39 in log power), and once the running mean has settled speech looks as before."""
    samples = voice(8.0, CONFIG.sample_rate)
    quiet, loud = log_mel(samples, CONFIG), log_mel(2 * samples, CONFIG)
    difference = np.abs(quiet - loud)[300:][quiet[300:] > 0]
    assert difference.mean() < 0.3
