"""Log-mel features: one implementation for training and live.

A hop's window *ends* at its clock tick plus the look-ahead, so that the declared look-ahead is exact to the sample.
Every hop is computed by the same calls on the same shapes whatever the chunking, so results are equal to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.stream.clock import FrameClock


@dataclass(frozen=True)
class FeatureConfig:
    """How samples become features.

    Running-mean normalisation removes the microphone's colour and gain: each mel bin's mean over *speech* (hops within
    `speech_range_db` of a slowly falling peak) is tracked and subtracted.
    """

    sample_rate: int = 16000
    fps_num: int = 60
    fps_den: int = 1
    hops_per_frame: int = 2
    window_samples: int = 400
    fft_samples: int = 512
    mels: int = 64
    low_hz: float = 60.0
    high_hz: float = 7600.0
    floor_power: float = 1e-8
    lookahead_samples: int = 1600
    speech_range_db: float = 30.0
    peak_fall_db_per_s: float = 1.5
    mean_memory_s: float = 4.0
    prior_level: float = -4.0
    prior_peak: float = -1.0
    prior_s: float = 0.25
    clip: float = 7.0

    @property
    def clock(self) -> FrameClock:
        return FrameClock(self.sample_rate, self.fps_num, self.fps_den)

    @property
    def frame_width(self) -> int:
        """Numbers that a frame hears."""
        return self.hops_per_frame * self.mels

    @property
    def lookahead_ms(self) -> float:
        return 1000.0 * self.lookahead_samples / self.sample_rate


def mel_edges(config: FeatureConfig) -> np.ndarray:
    """(mels + 2,) hertz, even in mel = 2595 log10(1 + f / 700) (O'Shaughnessy 1987); bin m is centred on m + 1."""

    def mel(hz: float) -> float:
        return 2595.0 * float(np.log10(1.0 + hz / 700.0))

    points = np.linspace(mel(config.low_hz), mel(config.high_hz), config.mels + 2)
    return 700.0 * (10.0 ** (points / 2595.0) - 1.0)


def mel_matrix(config: FeatureConfig) -> np.ndarray:
    """(fft_samples // 2 + 1, mels) float32: triangles between `mel_edges`."""
    edges = mel_edges(config)
    bins = np.arange(config.fft_samples // 2 + 1) * (config.sample_rate / config.fft_samples)
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


class LogMel:
    """A stage: samples in, normalised log-mel hops out. `push` any number of samples, then `flush` once."""

    def __init__(self, config: FeatureConfig) -> None:
        self.config = config
        self.width = config.mels
        self._clock = config.clock.faster(config.hops_per_frame)
        self._mel = mel_matrix(config)
        self._window = np.hanning(config.window_samples + 2)[1:-1].astype(np.float32)
        self._normalise = RunningMean(config)
        # Frame t takes the hops_per_frame hops that end with hop t * hops_per_frame: the first of frame 0 are negative.
        self._first = 1 - config.hops_per_frame
        # The running mean hears the look-ahead before them too: what a hop is does not depend on the look-ahead.
        self._hop = self._first - round(config.lookahead_samples / config.sample_rate * self._clock.fps)
        # Before the stream there was silence: the first windows reach back into it.
        self._start = min(0, self._window_end(self._hop)) - config.window_samples
        self._buffer = np.zeros(-self._start, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 samples -> (n, mels) float32 hops: all whose windows have now been heard."""
        self._buffer = np.concatenate([self._buffer, np.asarray(samples, np.float32)])
        end = self._start + len(self._buffer)
        rows = []
        while self._window_end(self._hop) <= end:
            row = self._one(self._window_end(self._hop) - self._start)
            if self._hop >= self._first:
                rows.append(row)
            self._hop += 1
        drop = self._window_end(self._hop) - self.config.window_samples - self._start
        if drop > 0:
            self._start += min(drop, len(self._buffer))
            self._buffer = self._buffer[drop:]
        return np.stack(rows) if rows else np.zeros((0, self.config.mels), np.float32)

    def flush(self) -> np.ndarray:
        """(n, mels): the hops whose look-ahead runs past the last sample, completed with silence."""
        return self.push(np.zeros(self.config.lookahead_samples, np.float32))

    def _window_end(self, hop: int) -> int:
        return self._clock.sample(hop) + self.config.lookahead_samples

    def _one(self, end: int) -> np.ndarray:
        windowed = self._buffer[end - self.config.window_samples : end] * self._window
        spectrum = np.fft.rfft(windowed, self.config.fft_samples)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return self._normalise.push(np.log(power @ self._mel + self.config.floor_power))


class RunningMean:
    """Subtracts from each log-mel hop the running mean over recent speech."""

    def __init__(self, config: FeatureConfig) -> None:
        hops_per_s = config.hops_per_frame * config.fps_num / config.fps_den
        self._fall = np.float32(config.peak_fall_db_per_s / hops_per_s * np.log(10.0) / 10.0)
        self._range = np.float32(config.speech_range_db * np.log(10.0) / 10.0)
        self._memory = config.mean_memory_s * hops_per_s
        self._clip = np.float32(config.clip)
        self._mean = np.full(config.mels, config.prior_level, np.float32)
        self._peak = np.float32(config.prior_peak)
        self._weight = config.prior_s * hops_per_s

    def push(self, hop: np.ndarray) -> np.ndarray:
        """(mels,) -> (mels,) float32 in -clip..clip."""
        level = hop.mean(dtype=np.float32)
        self._peak = max(level, self._peak - self._fall)
        # 1 at the peak, 0 at the bottom of the speech range.
        speech = min(max(float(1.0 + (level - self._peak) / self._range), 0.0), 1.0)
        self._weight = min(self._weight + speech, self._memory)
        self._mean = self._mean + np.float32(speech / self._weight) * (hop - self._mean)
        return np.minimum(np.maximum(hop - self._mean, -self._clip), self._clip)


def log_mel(samples: np.ndarray, config: FeatureConfig) -> np.ndarray:
    """Whole-file features: (N,) float32 -> (clock.frames(N), hops_per_frame * mels) float32, one row a frame."""
    stage = LogMel(config)
    hops = np.concatenate([stage.push(samples), stage.flush()])
    frames = config.clock.frames(len(samples))
    return hops[: frames * config.hops_per_frame].reshape(frames, config.hops_per_frame * config.mels)
