"""The engine: audio chunks in, frames out. The same for a microphone and a file."""

from __future__ import annotations

from collections import deque

import numpy as np

from voxmesh.stream.backend import Backend, initial_state, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import LogMel
from voxmesh.stream.noise import gumbel
from voxmesh.stream.resample import Resampler
from voxmesh.stream.types import AudioChunk, Frame


class Engine:
    """push(chunk) -> the frames whose look-ahead has been heard; flush() -> the rest.

    Frames out = `clock.frames(samples in)`; the same samples, seed and temperature give the same frames whatever the
    chunking. Samples that never came (a gap in `AudioChunk.start`) are heard as silence and counted in `lost_samples`.
    temperature scales every head's own; 0 takes the most probable label each time.
    heard: (n,) float32, what the last push or flush heard, mono at the bundle's rate.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        source_rate: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        identity: int = 0,
        backend: Backend | None = None,
    ) -> None:
        if not (np.isfinite(temperature) and temperature >= 0):
            raise VoxmeshError(f"temperature is {temperature}: it must be 0 or more")
        self.bundle = bundle
        self.clock = bundle.features.clock
        self.topology = bundle.topology(identity)
        self.seed = seed
        self.source_rate = source_rate or self.clock.sample_rate
        self.lost_samples = 0
        self.heard = np.zeros(0, np.float32)
        self._backend = backend if backend is not None else open_backend(bundle)
        self._resampler = Resampler(self.source_rate, self.clock.sample_rate)
        self._features = LogMel(bundle.features)
        self._state = initial_state(bundle)
        self._constant = {
            "temperature": (bundle.temperature * np.float32(temperature)).astype(np.float32),
            "template": self.topology.template,
            "identity": self._backend.identity(self.topology.template),
        }
        self._hops = np.zeros((0, bundle.features.mels), np.float32)
        self._next_frame = 0
        self._received = 0  # samples at the source's rate
        self._captured: deque[tuple[int, int]] = deque()  # (source sample, captured_ns), oldest first
        self._flushed = False

    @property
    def replaced_samples(self) -> int:
        """NaN and infinite samples that were heard as silence."""
        return self._resampler.replaced

    def push(self, chunk: AudioChunk) -> list[Frame]:
        if self._flushed:
            raise ValueError("this engine was flushed: its stream is over, make another")
        samples = np.asarray(chunk.samples)
        gap = chunk.start - self._received
        if gap < 0:
            # Heard before: keep only what is new.
            samples, gap = samples[-gap:], 0
        if gap:
            self.lost_samples += gap
            samples = np.concatenate([np.zeros((gap, *samples.shape[1:]), np.float32), samples])
        if not len(samples):
            self.heard = np.zeros(0, np.float32)
            return []
        if chunk.captured_ns:
            self._captured.append((chunk.start, chunk.captured_ns))
        self._received += len(samples)
        self.heard = self._resampler.push(samples)
        self._hear(self._features.push(self.heard))
        return self._frames(self._available())

    def flush(self) -> list[Frame]:
        """The frames whose look-ahead ends in silence after the last sample. The engine is done after it."""
        self._flushed = True
        self.heard = self._resampler.flush()
        self._hear(self._features.push(self.heard))
        # The resampler may be a few samples short of or past the exact ratio: the clock decides.
        total = -(-self._received * self.clock.sample_rate // self.source_rate)
        wanted = self.clock.frames(total)
        while self._next_frame + self._available() < wanted:
            self._hear(self._features.flush())
        return self._frames(wanted - self._next_frame)

    def _hear(self, hops: np.ndarray) -> None:
        if len(hops):
            self._hops = np.concatenate([self._hops, hops])

    def _available(self) -> int:
        return len(self._hops) // self.bundle.features.hops_per_frame

    def _frames(self, count: int) -> list[Frame]:
        per_frame = self.bundle.features.hops_per_frame
        frames = [self._frame(self._hops[i * per_frame : (i + 1) * per_frame]) for i in range(count)]
        self._hops = self._hops[max(0, count) * per_frame :]
        return frames

    def _frame(self, hops: np.ndarray) -> Frame:
        index = self._next_frame
        inputs = {
            "features": hops.reshape(-1),
            "noise": gumbel(self.seed, index, self.bundle.heads, self.bundle.classes),
            **self._constant,
        }
        vertices, labels, self._state = self._backend.step(inputs, self._state)
        self._next_frame += 1
        sample = self.clock.sample(index)
        return Frame(index, sample, self._captured_ns(sample), vertices, labels)

    def _captured_ns(self, sample: int) -> int:
        """When the depicted sample entered the microphone, from the chunk that brought it."""
        source = sample * self.source_rate // self.clock.sample_rate
        while len(self._captured) > 1 and self._captured[1][0] <= source:
            self._captured.popleft()
        if not self._captured:
            return 0
        start, captured_ns = self._captured[0]
        return captured_ns + (source - start) * 1_000_000_000 // self.source_rate
