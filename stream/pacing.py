"""A file as a real-time source: chunk k is released when the wall clock says that it has been spoken, without drift."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk

CHUNKS_PER_S = 100


class PacedFile:
    """Yields chunks of 10 ms. Chunk k ends at sample (k + 1) * rate // 100, an exact fraction, and is due then.

    Late chunks (a suspended process) follow at once until the file has caught up: no sample is skipped.
    loop: begin again at the end, for ever. now_ns, sleep: the wall clock, for tests.
    """

    def __init__(
        self,
        audio: AudioFile,
        *,
        loop: bool = False,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = audio.path.name
        self.rate = audio.rate
        self.dropped_samples = self.overflows = 0
        self._audio, self._loop, self._now_ns, self._sleep = audio, loop, now_ns, sleep

    def chunks(self) -> Iterator[AudioChunk | None]:
        """Raises VoxmeshError when not even one sample can be read."""
        began, position, tick = self._now_ns(), 0, 0
        while True:
            tick += 1
            samples = self._read(tick * self.rate // CHUNKS_PER_S - position)
            start, position = position, position + len(samples)
            if not len(samples):
                if start == 0:
                    raise VoxmeshError(f"{self._audio.path} holds no samples that can be read: the file is damaged")
                return
            wait_ns = began + position * 1_000_000_000 // self.rate - self._now_ns()
            if wait_ns > 0:
                self._sleep(wait_ns / 1e9)
            yield AudioChunk(samples, start, began + start * 1_000_000_000 // self.rate)

    def _read(self, count: int) -> np.ndarray:
        """(n, channels): n < count only at the end of a file that does not loop."""
        samples = self._audio.read(count)
        while self._loop and len(samples) < count:
            self._audio.rewind()
            more = self._audio.read(count - len(samples))
            if not len(more):
                break
            samples = np.concatenate([samples, more])
        return samples

    def close(self) -> None:
        self._audio.close()
