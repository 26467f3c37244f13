"""The sound that each frame depicts: from its sample up to the next frame's, once all of it has been heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.types import Frame


@dataclass(frozen=True)
class SoundBlock:
    """What one frame depicts. index, sample, captured_ns: that frame's. samples: (N,) float32 at the clock's rate."""

    index: int
    sample: int
    captured_ns: int
    samples: np.ndarray


class DepictedSound:
    """push(samples heard, frames made) -> the blocks that are complete; flush() -> the last one, which may be short.

    With a look-ahead longer than a frame a block is complete when its frame is made; else it comes a little later.
    """

    def __init__(self, clock: FrameClock) -> None:
        self._clock = clock
        self._samples = np.zeros(0, np.float32)
        self._start = 0  # absolute index of the first of them
        self._waiting: deque[Frame] = deque()

    def push(self, samples: np.ndarray, frames: list[Frame]) -> list[SoundBlock]:
        """samples: (n,) float32, the next of the stream. frames: the next ones, in order."""
        self._samples = np.concatenate([self._samples, samples])
        self._waiting.extend(frames)
        blocks = []
        while self._waiting:
            end = self._clock.sample(self._waiting[0].index + 1)
            if end > self._start + len(self._samples):
                break
            blocks.append(self._take(end))
        return blocks

    def flush(self) -> list[SoundBlock]:
        """Whatever has been heard of the frames that still wait."""
        ends = [self._clock.sample(frame.index + 1) for frame in self._waiting]
        return [block for block in map(self._take, ends) if len(block.samples)]

    def _take(self, end: int) -> SoundBlock:
        frame, count = self._waiting.popleft(), end - self._start
        # Frames may be missing between the last one and this: so is their sound.
        begin = max(0, frame.sample - self._start)
        block = SoundBlock(frame.index, frame.sample, frame.captured_ns, self._samples[begin:count])
        self._samples, self._start = self._samples[count:], end
        return block
