"""Time stays true however the sound card's crystal is cut."""

from __future__ import annotations

import pytest

from clock_truth import stream
from voxmesh.stream.bundle import Bundle


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_a_card_that_runs_fast_or_slow_piles_nothing_up(tiny: Bundle, ppm: float) -> None:
    """After two minutes at 200 ppm, 24 ms apart, frames still leave as long after their sound as at the beginning."""
    found = stream(tiny, 16000, (60, 1), ppm, 121)
    assert (found["frames"], found["wrong"]) == (found["wanted"], 0)
    assert found["error_ms"] < 0.01
    assert abs(found["last_minute_ms"] - found["first_minute_ms"]) < 0.1
    assert found["last_minute_ms"] < tiny.features.lookahead_ms + 20


def test_ntsc_of_44100_does_not_drift(tiny: Bundle) -> None:
    """Neither fraction is a whole number of samples; the last frame is within one of where it should be."""
    found = stream(tiny, 44100, (30000, 1001), 0, 10)
    assert (found["frames"], found["wrong"]) == (found["wanted"], 0)
    assert abs(found["drift_ms"]) < 1000 / 16000
