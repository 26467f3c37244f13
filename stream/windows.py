"""Samples to the one-second windows that MeshTalk's published scheme hears, and those to log-mel.

It scales a whole file to a mean absolute value, which a stream cannot know. `Windows` scales each window by the mean of
what was heard up to that window's end; `whole_windows` is the scheme's own, for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.features import FeatureConfig, mel_matrix


@dataclass(frozen=True)
class SoundConfig:
    """How samples become the log-mel window of a frame, which is centred on what the frame depicts.

    mean_level: the mean absolute value that audio is scaled to. quietest_level: audio quieter than this is not raised
    further (the scheme itself divides by zero on silence).
    """

    sample_rate: int = 16000
    fps_num: int = 30
    fps_den: int = 1
    window_samples: int = 16000
    fft_samples: int = 2048
    hann_samples: int = 800
    hop_samples: int = 160
    mels: int = 80
    floor_power: float = 1e-10
    mean_level: float = 0.01
    quietest_level: float = 1e-5

    @property
    def clock(self) -> FrameClock:
        return FrameClock(self.sample_rate, self.fps_num, self.fps_den)

    @property
    def lookahead_samples(self) -> int:
        """Half a window: 500 ms."""
        return self.window_samples // 2

    @property
    def lookahead_ms(self) -> float:
        return 1000.0 * self.lookahead_samples / self.sample_rate

    @property
    def hops_per_frame(self) -> int:
        """Rows a frame: one, its whole window."""
        return 1

    @property
    def frame_width(self) -> int:
        """Numbers that a frame hears."""
        return self.mels * self.hops

    @property
    def hops(self) -> int:
        """Columns of a window's spectrogram: one at each end too."""
        return self.window_samples // self.hop_samples + 1

    @property
    def mel_scale(self) -> FeatureConfig:
        """What `features.mel_matrix` wants to know: triangles from 0 Hz to half the rate, not normalised."""
        return FeatureConfig(
            sample_rate=self.sample_rate,
            fft_samples=self.fft_samples,
            mels=self.mels,
            low_hz=0.0,
            high_hz=self.sample_rate / 2,
        )


class WindowLogMel:
    """A stage: samples in, a row of log-mel for each frame's window out. `push` any number of samples, then `flush`."""

    def __init__(self, config: SoundConfig) -> None:
        self.config = config
        self.width = config.frame_width
        self._windows = Windows(config)
        self._mel = mel_matrix(config.mel_scale)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 -> (n, mels * hops) float32, all mels' time courses in a row."""
        return self._rows(self._windows.push(samples))

    def flush(self) -> np.ndarray:
        """(n, mels * hops): the frames whose windows run past the last sample; called again, one more in silence."""
        rest = self._windows.flush()
        if not len(rest):
            silence = np.zeros(-(-self.config.sample_rate * self.config.fps_den // self.config.fps_num), np.float32)
            rest = np.concatenate([self._windows.push(silence), self._windows.flush()])
        return self._rows(rest)

    def _rows(self, windows: np.ndarray) -> np.ndarray:
        rows = [log_mel_of_window(window, self.config, self._mel).reshape(-1) for window in windows]
        return np.stack(rows) if rows else np.zeros((0, self.width), np.float32)


def log_mel_of_window(window: np.ndarray, config: SoundConfig, mel: np.ndarray | None = None) -> np.ndarray:
    """(window_samples,) -> (mels, hops) float32, natural logarithm of power. Ends are reflected; the Hann window is
    periodic and in the middle of the transform. mel: `mel_matrix(config.mel_scale)`, if it is at hand.
    """
    size, width = config.fft_samples, config.hann_samples
    padded = np.pad(window, size // 2, mode="reflect")
    hann = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(width) / width)).astype(np.float32)
    # Zeros around the Hann window turn phases only, and power has none.
    starts = np.arange(config.hops) * config.hop_samples + (size - width) // 2
    spectrum = np.fft.rfft(padded[starts[:, None] + np.arange(width)] * hann, size)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mel = mel_matrix(config.mel_scale) if mel is None else mel
    return np.log(np.maximum(power @ mel, np.float32(config.floor_power))).T


def whole_windows(samples: np.ndarray, config: SoundConfig) -> np.ndarray:
    """(N,) float32 -> (clock.frames(N), window_samples) float32, scaled by the mean absolute value of all samples.

    Silence lies before the first sample and after the last.
    """
    gain = _gain(float(np.abs(samples).sum(dtype=np.float64)), len(samples), config)
    half = config.lookahead_samples
    padded = np.pad(np.asarray(samples, np.float32), (half, config.window_samples - half)) * np.float32(gain)
    starts = config.clock.samples(config.clock.frames(len(samples)))
    return padded[starts[:, None] + np.arange(config.window_samples)]


class Windows:
    """A stage: samples in, windows out, each scaled by what was heard up to its end. `push` any number, then `flush`.

    The sum that the mean is made of is added up from window to window, so that any chunking gives the same windows.
    """

    def __init__(self, config: SoundConfig) -> None:
        self.config = config
        self._frame = 0
        self._sum, self._summed = 0.0, 0
        self._received = 0
        # Before the stream there was silence; it does not count towards the mean.
        self._start = -(config.window_samples - config.lookahead_samples)
        self._buffer = np.zeros(-self._start, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 -> (n, window_samples) float32: all windows that have been heard to their end."""
        self._received += len(samples)
        self._buffer = np.concatenate([self._buffer, np.asarray(samples, np.float32)])
        clock, half = self.config.clock, self.config.lookahead_samples
        ready = []
        while clock.sample(self._frame) + half <= self._received:
            ready.append(self._window())
        return np.stack(ready) if ready else np.zeros((0, self.config.window_samples), np.float32)

    def flush(self) -> np.ndarray:
        """(n, window_samples): the windows that reach past the last sample, into silence."""
        self._buffer = np.concatenate([self._buffer, np.zeros(self.config.lookahead_samples, np.float32)])
        ready = [self._window() for _ in range(self._frame, self.config.clock.frames(self._received))]
        return np.stack(ready) if ready else np.zeros((0, self.config.window_samples), np.float32)

    def _window(self) -> np.ndarray:
        """The next window, scaled; lets go of what no later one needs."""
        size = self.config.window_samples
        end = self.config.clock.sample(self._frame) + self.config.lookahead_samples
        heard = min(end, self._received)
        fresh = self._buffer[self._summed - self._start : heard - self._start]
        self._sum += float(np.abs(fresh).sum(dtype=np.float64))
        self._summed = heard
        window = self._buffer[end - size - self._start : end - self._start]
        self._frame += 1
        drop = min(self.config.clock.sample(self._frame) + self.config.lookahead_samples - size, self._summed)
        drop -= self._start
        self._buffer, self._start = self._buffer[drop:], self._start + drop
        return window * np.float32(_gain(self._sum, self._summed, self.config))


def _gain(total: float, count: int, config: SoundConfig) -> float:
    """What scales `count` samples of this sum of absolute values to the mean level."""
    return config.mean_level / max(total / max(count, 1), config.quietest_level)
