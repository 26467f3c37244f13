"""Loudness and pitch per frame of a clean voice: enough to sway brows and jaw, no more."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

FPS, SAMPLE_RATE = 60, 16000
_WINDOW = 1024  # 64 ms


def prosody(audio: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Energy (frames,) 0..1 (60 dB range under the loudest) and pitch (frames,) in hertz, 0 where unvoiced.

    `audio` is (N,) at 16 kHz; a window of 64 ms is centred on each frame. Pitch is the highest peak of the
    autocorrelation between 60 and 420 Hz.
    """
    padded = np.pad(np.asarray(audio, np.float32), (_WINDOW // 2, _WINDOW))
    starts = np.minimum(np.arange(frames) * SAMPLE_RATE // FPS, len(padded) - _WINDOW)
    windows = padded[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW).astype(np.float32)
    power = np.mean(np.square(windows), axis=1)
    decibels = 10.0 * np.log10(power + 1e-10)
    energy = np.clip(1.0 + (decibels - decibels.max(initial=-60.0)) / 60.0, 0.0, 1.0)
    spectrum = fft.rfft(windows, 2 * _WINDOW, axis=1)
    correlation = fft.irfft(np.square(np.abs(spectrum)), axis=1)[:, : SAMPLE_RATE // 60 + 1]
    low = SAMPLE_RATE // 420
    lag = low + np.argmax(correlation[:, low:], axis=1)
    strength = correlation[np.arange(frames), lag] / (correlation[:, 0] + 1e-9)
    pitch = np.where((strength > 0.45) & (energy > 0.5), SAMPLE_RATE / lag, 0.0)
    return energy, pitch


def jaw_loudness(energy: np.ndarray) -> np.ndarray:
    """Slow loudness relative to the clip's own speech, (frames,) -1..1: louder syllables open wider."""
    speaking = energy > 0.5
    if speaking.sum() < 10:
        return np.zeros(len(energy))
    slow = gaussian_filter1d(energy, 5.0)
    middle = float(np.median(slow[speaking]))
    return np.clip((slow - middle) / 0.12, -1.0, 1.0)
