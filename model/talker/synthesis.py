"""Building blocks of made-up sounds: shaped noise, glottal pulses, resonances that move, envelopes, levels.

A throat, a wind or a fan is a source (noise or pulses) through a gain per frequency, so everything else is built here
from those two (source-filter, Fant 1960, "Acoustic Theory of Speech Production").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import fft

SAMPLE_RATE = 16000
_BLOCK, _WINDOW, _HOP = 1024, 512, 256
BINS_HZ = np.fft.rfftfreq(_BLOCK, 1 / SAMPLE_RATE)


def samples(seconds: float) -> int:
    """Samples in `seconds`, at least one."""
    return max(1, round(seconds * SAMPLE_RATE))


def gain_of(decibels: float) -> float:
    """Amplitude ratio of a level difference."""
    return float(10.0 ** (decibels / 20.0))


def unit_peak(sound: np.ndarray) -> np.ndarray:
    """The sound scaled to a largest magnitude of 1; silence stays silence."""
    return sound / (np.max(np.abs(sound), initial=0.0) + 1e-12)


def unit_power(sound: np.ndarray) -> np.ndarray:
    """The sound scaled to a mean square of 1; silence stays silence."""
    return sound / (np.sqrt(np.mean(np.square(sound))) + 1e-12)


def resonances(
    frequency: np.ndarray, centres: Sequence[float], widths: Sequence[float], heights: Sequence[float]
) -> np.ndarray:
    """Sum of resonance curves: height / (1 + ((f - centre) / (width / 2))^2), all in hertz but the heights."""
    offset = (np.asarray(frequency)[..., None] - np.asarray(centres)) / (np.asarray(widths) / 2.0)
    return np.sum(np.asarray(heights) / (1.0 + offset**2), axis=-1)


def tilt(frequency: np.ndarray, decibels_per_octave: float, corner_hz: float) -> np.ndarray:
    """Amplitude that is flat below `corner_hz` and changes by so much per octave above."""
    return (np.maximum(frequency, corner_hz) / corner_hz) ** (decibels_per_octave / 6.0206)


def band(frequency: np.ndarray, low_hz: float, high_hz: float, order: float = 2.0) -> np.ndarray:
    """Amplitude of a band with Butterworth-like edges of about 6 * order dB an octave."""
    safe = np.maximum(frequency, 1.0)
    return 1.0 / np.sqrt((1.0 + (low_hz / safe) ** (2 * order)) * (1.0 + (safe / high_hz) ** (2 * order)))


def shaped_noise(count: int, rng: np.random.Generator, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gaussian noise (count,) of unit power whose amplitude spectrum follows `gain` of the frequency in hertz."""
    size = fft.next_fast_len(max(count, 16), real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum = rng.standard_normal(2 * len(frequency)).view(np.complex128)
    return unit_power(fft.irfft(spectrum * gain(frequency), size)[:count])


def pulses(pitch_hz: np.ndarray) -> np.ndarray:
    """Band-limited pulse train (N,) of unit power: the pitch's harmonics below 7.8 kHz, all as loud, in phase.

    Their sum in closed form is Dirichlet's kernel, sin((2M + 1) x / 2) / sin(x / 2), whatever their number M.
    """
    count = max(1, int(7800.0 / np.max(pitch_hz)))
    half = np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    below = np.sin(half)
    near = np.abs(below) < 1e-5
    train = np.where(near, 2.0 * count + 1.0, np.sin((2 * count + 1) * half) / np.where(near, 1.0, below))
    return unit_power(train - 1.0)


def curve(count: int, knots: Sequence[float] | np.ndarray) -> np.ndarray:
    """Values (count,) through knots spread evenly from first to last sample, straight in between."""
    return np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(knots)), knots)


def wander(count: int, rng: np.random.Generator, per_second: float, low: float, high: float) -> np.ndarray:
    """Random values (count,) between `low` and `high` that turn `per_second` times a second."""
    return curve(count, rng.uniform(low, high, max(2, round(count / SAMPLE_RATE * per_second) + 2)))


def hump(count: int, peak_at: float, sharpness: float = 1.0) -> np.ndarray:
    """Envelope (count,) from 0 up to 1 at the share `peak_at` of its length and back, raised cosines to a power."""
    time = np.linspace(0.0, 1.0, count)
    rise, fall = time / max(peak_at, 1e-3), (1.0 - time) / max(1.0 - peak_at, 1e-3)
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(rise, fall), 0.0, 1.0))) ** sharpness


def decay(count: int, attack_s: float, to_60_db_s: float) -> np.ndarray:
    """Envelope (count,): a straight attack, then an exponential fall that reaches -60 dB after `to_60_db_s`."""
    time = np.arange(count) / SAMPLE_RATE
    return np.minimum(1.0, (time + 1 / SAMPLE_RATE) / max(attack_s, 1e-4)) * 10.0 ** (
        -3.0 * np.maximum(0.0, time - attack_s) / to_60_db_s
    )


def sculpt(source: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Filter (N,) with gains that move: (K, 513) amplitudes at BINS_HZ, spread evenly over the source.

    Windows of 32 ms are filtered without phase and overlap by half.
    """
    count = len(source)
    frames = (count + _WINDOW) // _HOP + 1
    padded = np.zeros((frames - 1) * _HOP + _BLOCK)
    padded[_WINDOW : _WINDOW + count] = source
    window = np.zeros(_BLOCK)
    window[_HOP : _HOP + _WINDOW] = np.hanning(_WINDOW + 1)[:-1]
    blocks = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK)[::_HOP] * window
    at = np.clip((np.arange(frames) - 0.5) / max(frames - 2.0, 1.0), 0.0, 1.0) * (len(gains) - 1)
    low = np.minimum(at.astype(int), len(gains) - 1)
    high = np.minimum(low + 1, len(gains) - 1)
    share = (at - low)[:, None]
    blocks = fft.irfft(fft.rfft(blocks, axis=1) * ((1.0 - share) * gains[low] + share * gains[high]), axis=1)
    out = np.zeros((frames + _BLOCK // _HOP, _HOP))
    for part in range(_BLOCK // _HOP):
        out[part : part + frames] += blocks[:, part * _HOP : (part + 1) * _HOP]
    return out.ravel()[_WINDOW : _WINDOW + count]


def mix_at(canvas: np.ndarray, sound: np.ndarray, at: int) -> None:
    """Add `sound` to `canvas` in place from sample `at` on; what would reach over either end is left out."""
    first, last = max(at, 0), min(at + len(sound), len(canvas))
    if first < last:
        canvas[first:last] += sound[first - at : last - at]
