"""What a session says of itself: level, frame rate, time a frame takes, latency, drops. The signal never reads it."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

WINDOW_FRAMES = 600
BUCKETS_MS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 33.0, 50.0, 75.0, 100.0, 125.0, 150.0, 200.0, 300.0, 500.0, 1000.0)


@dataclass(frozen=True)
class Histogram:
    """How many values there were since the beginning: up to each of BUCKETS_MS and above the one before; then above."""

    counts: tuple[int, ...]
    total_ms: float


@dataclass(frozen=True)
class Snapshot:
    """Numbers of one moment; None where nothing has been measured yet.

    level_dbfs: RMS since the last snapshot, 0 is a full-scale square wave. clipped: a sample reached full scale.
    fps: frames published a second since the last snapshot. frame_ms, latency_ms: (p50, p95) of the last 600 frames.
    dropped_ms: audio that was lost. viewers: who gets frames. overruns: how often one of them began to miss some.
    skipped: frames that were too late to be published. xruns: how often the sound card lost some. replaced_samples:
    were not numbers. frame_histogram, latency_histogram: of all frames.
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
    skipped: int
    xruns: int
    replaced_samples: int
    frame_histogram: Histogram
    latency_histogram: Histogram

    def figures(self) -> dict[str, Any]:
        """All but the histograms, as JSON holds it."""
        histograms = ("frame_histogram", "latency_histogram")
        return {name: value for name, value in asdict(self).items() if name not in histograms}

    def line(self) -> str:
        """One line for a terminal of 120 columns."""
        level = (
            "-- dBFS" if self.level_dbfs is None else f"{self.level_dbfs:5.1f} dBFS{' CLIP' if self.clipped else ''}"
        )
        frame = "--" if self.frame_ms is None else f"{self.frame_ms[0]:.1f} (p95 {self.frame_ms[1]:.1f}) ms"
        latency = "--" if self.latency_ms is None else f"{self.latency_ms[0]:.0f} (p95 {self.latency_ms[1]:.0f}) ms"
        counts = (("skipped", self.skipped), ("xruns", self.xruns), ("overruns", self.overruns))
        rare = "".join(f"  {name} {count}" for name, count in counts if count)
        return (
            f"{self.seconds:.1f} s  {level}  {self.fps:.1f} fps  frame {frame}  latency {latency}  "
            f"lost {self.dropped_ms:.0f} ms  viewers {self.viewers}{rare}"
        )


class Telemetry:
    """Takes what happened, gives snapshots. Memory is bounded. now: seconds, for tests."""

    def __init__(self, source_rate: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = source_rate, now
        self._samples = 0
        self._frames = 0
        self._made, self._latency = _Times(), _Times()
        self._power, self._powers, self._peak = 0.0, 0, 0.0
        self._since, self._frames_before = now(), 0

    def heard(self, samples: np.ndarray, start: int | None = None) -> None:
        """(N,) or (N, C) samples came in; start: absolute index of the first, if not right after the last ones."""
        self._samples = (self._samples if start is None else start) + len(samples)
        finite = samples[np.isfinite(samples)].astype(np.float64)
        if finite.size:
            self._power += float(finite @ finite)
            self._powers += finite.size
            self._peak = max(self._peak, float(np.abs(finite).max()))

    def made(self, frames: int, spent_ns: int) -> None:
        """The engine took `spent_ns` for a push that gave `frames` frames."""
        if frames:
            self._made.add(spent_ns // frames, frames)

    def published(self, captured_ns: int, published_ns: int) -> None:
        """A frame left; captured_ns is 0 when unknown."""
        self._frames += 1
        if captured_ns:
            self._latency.add(published_ns - captured_ns)

    def snapshot(
        self,
        overruns: int = 0,
        dropped_samples: int = 0,
        viewers: int = 0,
        skipped: int = 0,
        xruns: int = 0,
        replaced_samples: int = 0,
        *,
        anew: bool = True,
    ) -> Snapshot:
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
            frame_ms=self._made.percentiles(),
            latency_ms=self._latency.percentiles(),
            overruns=overruns,
            dropped_ms=1000.0 * dropped_samples / self._rate,
            viewers=viewers,
            skipped=skipped,
            xruns=xruns,
            replaced_samples=replaced_samples,
            frame_histogram=self._made.histogram(),
            latency_histogram=self._latency.histogram(),
        )
        if anew:
            self._since, self._frames_before = now, self._frames
            self._power, self._powers, self._peak = 0.0, 0, 0.0
        return result


class _Times:
    """The last WINDOW_FRAMES of a time that every frame has, and how often it fell where since the beginning."""

    def __init__(self) -> None:
        self.recent_ns: deque[int] = deque(maxlen=WINDOW_FRAMES)
        self._counts = [0] * (len(BUCKETS_MS) + 1)
        self._total_ms = 0.0

    def add(self, value_ns: int, frames: int = 1) -> None:
        self.recent_ns.append(value_ns)
        self._counts[bisect_left(BUCKETS_MS, value_ns / 1e6)] += frames
        self._total_ms += value_ns / 1e6 * frames

    def histogram(self) -> Histogram:
        return Histogram(tuple(self._counts), self._total_ms)

    def percentiles(self) -> tuple[float, float] | None:
        """(p50, p95) of the recent ones, ms."""
        if not self.recent_ns:
            return None
        p50, p95 = np.percentile(np.array(self.recent_ns), (50, 95)) / 1e6
        return float(p50), float(p95)
