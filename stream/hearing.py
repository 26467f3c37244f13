"""From audio chunks to one row of features a frame: what an engine does before the networks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voxmesh.stream.features import FeatureConfig, LogMel
from voxmesh.stream.resample import Resampler, to_mono
from voxmesh.stream.types import AudioChunk
from voxmesh.stream.windows import SoundConfig, WindowLogMel


@dataclass(frozen=True)
class Heard:
    """What a frame hears. index, sample, captured_ns: as `Frame`'s. features: (hops * mels,) float32."""

    index: int
    sample: int
    captured_ns: int
    features: np.ndarray


class Hearing:
    """push(chunk) -> the frames whose look-ahead has been heard; flush() -> the rest.

    Frames out = `clock.frames(samples in)`, whatever the chunking. Samples that never came (a gap in
    `AudioChunk.start`) are heard as silence and counted in `lost_samples`.
    next_frame: index of the first that has not come out yet.
    heard: (n,) float32, what the last push or flush heard, mono at the features' rate.
    """

    def __init__(self, config: FeatureConfig | SoundConfig, source_rate: int | None = None) -> None:
        self.config = config
        self.clock = config.clock
        self.source_rate = source_rate or self.clock.sample_rate
        self.lost_samples = 0
        self.received = 0  # samples, at the source's rate
        self.heard = np.zeros(0, np.float32)
        self.resampler = Resampler(self.source_rate, self.clock.sample_rate)
        self.features = WindowLogMel(config) if isinstance(config, SoundConfig) else LogMel(config)
        self._hops = np.zeros((0, self.features.width), np.float32)
        self.next_frame = 0
        self._captured: deque[tuple[int, int]] = deque()  # (source sample, captured_ns), oldest first
        self._flushed = False

    def push(self, chunk: AudioChunk) -> list[Heard]:
        """Raises ValueError once flushed, VoxmeshError for samples that are no sound (see `to_mono`)."""
        if self._flushed:
            raise ValueError("this engine was flushed: its stream is over, make another")
        samples = to_mono(np.asarray(chunk.samples))
        gap = chunk.start - self.received
        if gap < 0:
            # Heard before: keep only what is new.
            samples, gap = samples[-gap:], 0
        if gap:
            self.lost_samples += gap
            samples = np.concatenate([np.zeros(gap, np.float32), samples])
        if not len(samples):
            self.heard = np.zeros(0, np.float32)
            return []
        if chunk.captured_ns:
            self._captured.append((chunk.start, chunk.captured_ns))
        self.received += len(samples)
        self.heard = self.resampler.push(samples)
        self._hear(self.features.push(self.heard))
        return self._frames(self._available())

    def flush(self) -> list[Heard]:
        """The frames whose look-ahead ends in silence after the last sample. The stream is over after it."""
        self._flushed = True
        self.heard = self.resampler.flush()
        self._hear(self.features.push(self.heard))
        # The resampler may be a few samples short of or past the exact ratio: the clock decides.
        wanted = self.clock.frames(self.samples)
        while self.next_frame + self._available() < wanted:
            self._hear(self.features.flush())
        return self._frames(wanted - self.next_frame)

    @property
    def samples(self) -> int:
        """How many were heard, at the bundle's rate, those that the resampler still holds back included."""
        return -(-self.received * self.clock.sample_rate // self.source_rate)

    def _hear(self, hops: np.ndarray) -> None:
        if len(hops):
            self._hops = np.concatenate([self._hops, hops])

    def _available(self) -> int:
        """Frames whose features are there. With no look-ahead they are there one sample before the one depicted."""
        return min(self.clock.frames(self.samples) - self.next_frame, len(self._hops) // self.config.hops_per_frame)

    def _frames(self, count: int) -> list[Heard]:
        if count <= 0:
            return []
        taken = count * self.config.hops_per_frame
        rows = self._hops[:taken].reshape(count, -1)
        self._hops = self._hops[taken:]
        return [self._frame(row) for row in rows]

    def _frame(self, features: np.ndarray) -> Heard:
        index = self.next_frame
        self.next_frame += 1
        sample = self.clock.sample(index)
        return Heard(index, sample, self._captured_ns(sample), features)

    def _captured_ns(self, sample: int) -> int:
        """When the depicted sample entered the microphone, from the chunk that brought it."""
        source = sample * self.source_rate // self.clock.sample_rate
        while len(self._captured) > 1 and self._captured[1][0] <= source:
            self._captured.popleft()
        if not self._captured:
            return 0
        start, captured_ns = self._captured[0]
        return captured_ns + (source - start) * 1_000_000_000 // self.source_rate
