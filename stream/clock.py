"""The only map between video frames and audio samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameClock:
    """Frame t depicts sample floor(t * sample_rate * fps_den / fps_num): an exact fraction, never accumulated.

    (16000 // 30 = 533 samples a frame would drift 37.5 ms a minute.)
    """

    sample_rate: int
    fps_num: int
    fps_den: int = 1

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.fps_num, self.fps_den) < 1:
            raise ValueError(f"a clock needs positive numbers, not {self}")
        if self.fps_num > self.sample_rate * self.fps_den:
            raise ValueError(f"a clock cannot have more frames than samples: {self}")

    def sample(self, frame: int) -> int:
        """The first sample that frame `frame` depicts."""
        return frame * self.sample_rate * self.fps_den // self.fps_num

    def samples(self, frames: int) -> np.ndarray:
        """(frames,) int64: `sample` of frames 0 .. frames-1."""
        return np.arange(frames, dtype=np.int64) * (self.sample_rate * self.fps_den) // self.fps_num

    def frames(self, samples: int) -> int:
        """How many frames depict a sample below `samples`: ceil(samples * fps / rate)."""
        return -(-samples * self.fps_num // (self.sample_rate * self.fps_den))

    @property
    def fps(self) -> float:
        return self.fps_num / self.fps_den

    def faster(self, factor: int) -> FrameClock:
        """The clock that ticks `factor` times a frame; its ticks 0, factor, 2 * factor ... are the frames."""
        return FrameClock(self.sample_rate, self.fps_num * factor, self.fps_den)
