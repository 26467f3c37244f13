"""The status line's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.stream.telemetry import Telemetry


def test_numbers_are_what_happened() -> None:
    """Level, frame rate, time a frame, latency and drops of a made-up second."""
    time = iter([10.0, 11.0, 12.0])
    telemetry = Telemetry(1000, now=lambda: next(time))
    telemetry.heard(np.full((500, 2), 0.1, np.float32))
    telemetry.heard(np.full(500, -0.1, np.float32))
    for _ in range(60):
        telemetry.made(1, 1_000_000)
        telemetry.published(1_000, 1_000 + 100_000_000)
    telemetry.made(0, 5)
    first = telemetry.snapshot(overruns=2, dropped_samples=30, viewers=1)
    assert first.seconds == 1.0 and first.frames == 60 and first.fps == pytest.approx(60)
    assert first.level_dbfs == pytest.approx(-20) and not first.clipped
    assert first.frame_ms == (1.0, 1.0) and first.latency_ms == (100.0, 100.0)
    assert (first.overruns, first.dropped_ms, first.viewers) == (2, 30.0, 1)
    second = telemetry.snapshot()
    assert second.fps == 0 and second.level_dbfs is None and second.frames == 60
    assert len(first.line()) <= 115 and "-20.0 dBFS" in first.line() and "--" in second.line()


def test_silence_nan_and_clipping_have_a_level() -> None:
    """Zeros are -120 dBFS, NaN is left out, full scale is said."""
    telemetry = Telemetry(1000)
    telemetry.heard(np.array([0, np.nan, 0], np.float32))
    assert telemetry.snapshot().level_dbfs == -120.0
    telemetry.heard(np.ones(4, np.float32))
    loud = telemetry.snapshot()
    assert loud.clipped and "CLIP" in loud.line()


def test_unknown_capture_times_are_left_out() -> None:
    """A frame whose sample has no capture time counts, but has no latency."""
    telemetry = Telemetry(1000)
    telemetry.published(0, 123)
    assert telemetry.snapshot().latency_ms is None and telemetry.snapshot().frames == 1


def test_memory_is_bounded() -> None:
    """A day's frames leave 600 numbers behind."""
    telemetry = Telemetry(1000)
    for i in range(5000):
        telemetry.made(1, i)
        telemetry.published(1, i)
    assert len(telemetry._made.recent_ns) == len(telemetry._latency.recent_ns) == 600
