"""Samples to the one-second windows that the published scheme hears, and those to log-mel.

It scales a whole file to a mean absolute value, which a stream cannot know. `Windows` scales each window by the mean of
what was heard up to that window's end; `whole_windows` is the scheme's own, for comparison.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from voxmesh.model.meshtalk.config import SoundConfig
from voxmesh.stream.features import mel_matrix


class LogMel(nn.Module):
    """forward((B, window_samples)) -> (B, mels, hops), natural logarithm of power. Ends are reflected."""

    hann: Tensor
    mel: Tensor

    def __init__(self, config: SoundConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("hann", torch.hann_window(config.hann_samples), persistent=False)
        self.register_buffer("mel", torch.from_numpy(mel_matrix(config.mel_scale)), persistent=False)

    def forward(self, windows: Tensor) -> Tensor:
        c = self.config
        spectrum = torch.stft(
            windows,
            c.fft_samples,
            hop_length=c.hop_samples,
            win_length=c.hann_samples,
            window=self.hann,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return torch.log((self.mel.T @ spectrum.abs().square()).clamp_min(c.floor_power))


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
