"""What the status line says: level, frame rate, time a frame takes, latency, drops. The signal never reads it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WINDOW_FRAMES = 600


@dataclass(frozen=True)
class Snapshot:
    """Numbers of one moment; None where nothing has been measured yet.

    level_dbfs: RMS since the last snapshot, 0 is a full-scale square wave. clipped: a sample reached full scale.
    fps: frames published a second since the last snapshot. frame_ms, latency_ms: (p50, p95) of the last 600 frames.
    dropped_ms: audio that was lost. viewers: who gets frames. overruns: how often one of them began to miss some.
    Latency is from the depicted sample's entry into the microphone to the frame's publication: the look-ahead counts.
    """

    seconds: float
    frames: int
    level_dbfs: float | None
    clipped: bool
    fps: float
    frame_ms: tuple[float, float] | None
    latency_ms: tuple[float, float] | None
    overruns: int
    dropped_ms: float
    viewers: int

    def line(self) -> str:
        """One line for a terminal of 120 columns."""
        level = (
            "-- dBFS" if self.level_dbfs is None else f"{self.level_dbfs:5.1f} dBFS{' CLIP' if self.clipped else ''}"
        )
        frame = "--" if self.frame_ms is None else f"{self.frame_ms[0]:.1f} (p95 {self.frame_ms[1]:.1f}) ms"
        latency = "--" if self.latency_ms is None else f"{self.latency_ms[0]:.0f} (p95 {self.latency_ms[1]:.0f}) ms"
        return (
            f"{self.seconds:.1f} s  {level}  {self.fps:.1f} fps  frame {frame}  latency {latency}  "
            f"lost {self.dropped_ms:.0f} ms  viewers {self.viewers} ({self.overruns} overruns)"
        )


class Telemetry:
    """Takes what happened, gives snapshots. Memory is bounded. now: seconds, for tests."""

    def __init__(self, source_rate: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = source_rate, now
        self._samples = 0
        self._frames = 0
        self._frame_ns: deque[int] = deque(maxlen=WINDOW_FRAMES)
        self._latency_ns: deque[int] = deque(maxlen=WINDOW_FRAMES)
        self._power, self._powers, self._peak = 0.0, 0, 0.0
        self._since, self._frames_before = now(), 0

    def heard(self, samples: np.ndarray) -> None:
        """(N,) or (N, C) samples came in."""
        self._samples += len(samples)
        finite = samples[np.isfinite(samples)].astype(np.float64)
        if finite.size:
            self._power += float(finite @ finite)
            self._powers += finite.size
            self._peak = max(self._peak, float(np.abs(finite).max()))

    def made(self, frames: int, spent_ns: int) -> None:
        """The engine took `spent_ns` for a push that gave `frames` frames."""
        if frames:
            self._frame_ns.append(spent_ns // frames)

    def published(self, captured_ns: int, published_ns: int) -> None:
        """A frame left; captured_ns is 0 when unknown."""
        self._frames += 1
        if captured_ns:
            self._latency_ns.append(published_ns - captured_ns)

    def snapshot(self, overruns: int = 0, dropped_samples: int = 0, viewers: int = 0, *, anew: bool = True) -> Snapshot:
        """The numbers now; level and frame rate begin anew unless told not to."""
        now = self._now()
        elapsed = max(now - self._since, 1e-6)
        level = 10.0 * np.log10(max(self._power / self._powers, 1e-12)) if self._powers else None
        result = Snapshot(
            seconds=self._samples / self._rate,
            frames=self._frames,
            level_dbfs=None if level is None else float(level),
            clipped=self._peak >= 1.0,
            fps=(self._frames - self._frames_before) / elapsed,
            frame_ms=_percentiles(self._frame_ns),
            latency_ms=_percentiles(self._latency_ns),
            overruns=overruns,
            dropped_ms=1000.0 * dropped_samples / self._rate,
            viewers=viewers,
        )
        if anew:
            self._since, self._frames_before = now, self._frames
            self._power, self._powers, self._peak = 0.0, 0, 0.0
        return result


def _percentiles(values_ns: deque[int]) -> tuple[float, float] | None:
    if not values_ns:
        return None
    p50, p95 = np.percentile(np.array(values_ns), (50, 95)) / 1e6
    return float(p50), float(p95)
