"""Any rate and channel count to the bundle's mono rate, as a stage."""

from __future__ import annotations

import numpy as np
import soxr

from voxmesh.stream.errors import VoxmeshError


class Resampler:
    """push (N,) or (N, C) samples at `source_rate` -> (n,) float32 at `rate`.

    Non-finite samples become 0 and are counted in `replaced`.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        if not 1000 <= source_rate <= 768_000:
            raise VoxmeshError(f"a sample rate of {source_rate} Hz is not supported: use 1,000 to 768,000 Hz")
        self._stream = None if source_rate == rate else soxr.ResampleStream(source_rate, rate, 1, "float32")
        self.replaced = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        mono = np.asarray(samples, np.float32)
        if mono.ndim == 2:
            mono = mono.mean(axis=1, dtype=np.float32)
        finite = np.isfinite(mono)
        if not finite.all():
            self.replaced += int(mono.size - finite.sum())
            mono = np.where(finite, mono, np.float32(0))
        return mono if self._stream is None else self._stream.resample_chunk(mono)

    def flush(self) -> np.ndarray:
        """The samples still inside the filter."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        return self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
