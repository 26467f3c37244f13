"""Any rate and channel count to the bundle's mono rate, as a stage that adds 2 ms and no jitter.

A windowed sinc, one set of taps for each fraction of a sample at which an output can fall (Smith and Gossett 1984).
soxr's streams work in blocks: measured on chunks of 10 ms, they hold sound back for 6 to 37 ms at 48 kHz and for up to
115 ms at 8 kHz, which a user hears as a late face.
"""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

from voxmesh.stream.errors import VoxmeshError

ZERO_CROSSINGS = 32
"""Of the sinc on each side, at the lower rate: 2 ms at 16 kHz."""
KAISER_BETA = 6.0
"""-63 dB of aliasing."""
CUTOFF = 0.96
"""Of the lower Nyquist frequency: -6 dB at 7.7 kHz, less than -0.1 dB up to 7.2 kHz."""
LOUDEST = 32768.0
"""Beyond it samples are cut: far above full scale (16-bit integers that nobody scaled get so far), far below what makes
a power infinite, which the features' running mean would remember for ever."""
MAX_TABLE = 1024
BLOCK_OUTPUTS = 4096


class Resampler:
    """push (N,) or (N, C) samples at `source_rate` -> (n,) float32 at `rate`; output k lies at k / rate seconds.

    Of N samples come ceil(N * rate / source_rate), the last `delay_samples` of the source after a flush.
    Integers are taken at their type's full scale. Non-finite samples become 0 and are counted in `replaced`; those
    beyond LOUDEST are cut.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        if not 1000 <= source_rate <= 768_000:
            raise VoxmeshError(f"a sample rate of {source_rate} Hz is not supported: use 1,000 to 768,000 Hz")
        self.replaced = 0
        common = gcd(source_rate, rate)
        self._up, self._down = rate // common, source_rate // common
        self._cutoff = CUTOFF * min(1.0, rate / source_rate)
        self.delay_samples = 0 if source_rate == rate else ceil(ZERO_CROSSINGS / min(1.0, rate / source_rate))
        # Usual rates have few fractions (48 kHz: 1, 44.1 kHz: 160); for odd ones taps are computed as they are needed.
        table = self._up <= MAX_TABLE and self.delay_samples > 0
        self._table = self._taps(np.arange(self._up)) if table else None
        # Output k is made of source samples around k * down / up: before the first there was silence.
        self._buffer = np.zeros(self.delay_samples, np.float32)
        self._start = -self.delay_samples
        self._next = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32: every output whose surroundings have been heard."""
        mono = to_mono(np.asarray(samples))
        if not (np.abs(mono) <= LOUDEST).all():
            finite = np.isfinite(mono)
            self.replaced += int(mono.size - finite.sum())
            mono = np.where(finite, np.clip(mono, -LOUDEST, LOUDEST), np.float32(0))
        if self.delay_samples == 0:
            return mono
        self._buffer = np.concatenate([self._buffer, mono])
        return self._until(self._start + len(self._buffer) - self.delay_samples)

    def flush(self) -> np.ndarray:
        """The outputs that lie among the last samples: after them there is silence."""
        if self.delay_samples == 0:
            return np.zeros(0, np.float32)
        end = self._start + len(self._buffer)
        self._buffer = np.concatenate([self._buffer, np.zeros(self.delay_samples, np.float32)])
        return self._until(end)

    def _until(self, end: int) -> np.ndarray:
        """The outputs before source sample `end`."""
        last = -(-end * self._up // self._down)
        pieces = [np.zeros(0, np.float32)]
        while self._next < last:
            outputs = np.arange(self._next, min(last, self._next + BLOCK_OUTPUTS), dtype=np.int64)
            whole, phase = np.divmod(outputs * self._down, self._up)
            taps = self._taps(phase) if self._table is None else self._table[phase]
            windows = np.lib.stride_tricks.sliding_window_view(self._buffer, 2 * self.delay_samples)
            # Row by row, never a matrix product: its rounding would depend on how many rows there are.
            pieces.append((windows[whole - self.delay_samples + 1 - self._start] * taps).sum(axis=1))
            self._next = int(outputs[-1]) + 1
        keep = self._next * self._down // self._up - self.delay_samples + 1
        if keep > self._start:
            self._buffer = self._buffer[keep - self._start :]
            self._start = keep
        return np.concatenate(pieces)

    def _taps(self, phase: np.ndarray) -> np.ndarray:
        """(P,) fractions in units of 1 / up -> (P, 2 * delay_samples) float32, each row summing to 1."""
        distance = np.arange(1 - self.delay_samples, self.delay_samples + 1) - phase[:, None] / self._up
        edge = np.clip(1.0 - (distance / self.delay_samples) ** 2, 0.0, None)
        taps = np.sinc(self._cutoff * distance) * np.i0(KAISER_BETA * np.sqrt(edge))
        return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)


def to_mono(samples: np.ndarray) -> np.ndarray:
    """(N,) or (N, C) of any real type -> (N,) float32. Raises VoxmeshError for other shapes and types."""
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu" or samples.shape[1:] == (0,):
        raise VoxmeshError(
            f"sound of shape {samples.shape} and type {samples.dtype}: give (N,) or (N, channels) numbers"
        )
    # What does not fit into float32 becomes infinite, and silence then.
    with np.errstate(over="ignore", invalid="ignore"):
        if samples.dtype.kind in "iu":
            info = np.iinfo(samples.dtype)
            middle = (int(info.max) + int(info.min) + 1) // 2
            samples = (samples.astype(np.float64) - middle) / (int(info.max) + 1 - middle)
        samples = samples.astype(np.float32, copy=False)
        return samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
