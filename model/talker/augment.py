"""Rooms, noise, microphones and lines: what stands between a clean synthetic voice and a real one.

Everything keeps the length and shifts no sound by more than 2 ms: filters are zero-phase (a real gain per frequency),
an echo's direct path is its first sample and a codec's delay is taken off.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.signal import lfilter

from voxmesh.model.talker.ambience import STEADY, background
from voxmesh.model.talker.codecs import lose_packets, telephone, through_codec
from voxmesh.model.talker.rooms import reverberate
from voxmesh.model.talker.synthesis import SAMPLE_RATE


def _filter_gain(frequency: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random smooth gain per frequency (hertz): tilt, a few broad peaks, sometimes a band's limits."""
    octaves = np.log2(np.maximum(frequency, 30.0) / 1000.0)
    decibels = rng.uniform(-4.0, 4.0) * octaves
    for _ in range(int(rng.integers(0, 4))):
        height, centre, width = rng.uniform((-9.0, -3.5, 0.2), (9.0, 3.0, 1.0))
        decibels += height * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    if rng.random() < 0.5:  # a microphone's or a codec's low cut
        decibels += 20.0 * rng.uniform(0.5, 2.0) * np.minimum(0.0, octaves - np.log2(rng.uniform(50.0, 350.0) / 1000.0))
    if rng.random() < 0.35:  # a telephone, a codec, a hand over the microphone
        edge = np.log2(rng.uniform(2.5, 7.5))
        decibels += 20.0 * rng.uniform(1.5, 6.0) * np.minimum(0.0, edge - octaves)
    return 10.0 ** (np.clip(decibels, -70.0, 25.0) / 20.0)


def _equalise(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = fft.next_fast_len(len(audio) + SAMPLE_RATE // 8, real=True)
    spectrum = fft.rfft(audio, size)
    gain = _filter_gain(fft.rfftfreq(size, 1 / SAMPLE_RATE), rng)
    return fft.irfft(spectrum * gain, size)[: len(audio)]


def _add_background(audio: np.ndarray, speech_power: float, rng: np.random.Generator) -> np.ndarray:
    """Something else is heard too, mostly 5-35 dB under speech; steady noise may drown it."""
    name, sound = background(len(audio), rng)
    snr_db = rng.uniform(5.0, 38.0)
    if name in STEADY and rng.random() < 0.2:
        snr_db = rng.uniform(-3.0, 8.0)
    return audio + sound * np.sqrt(speech_power) * 10.0 ** (-snr_db / 20.0)


def drift(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (N,) on a moving zero, about 6-40 dB under its peak: not heard, yet power.

    It is a recorder's offset, its jump when it was switched on (gone within 0.05-1 s) and rumble below 20 Hz.
    """
    count = len(audio)
    offset, jump, rumble = rng.normal(size=3) * (rng.random(3) < (0.5, 0.4, 0.5))
    time = (np.arange(count) - int(rng.uniform(0.0, 400.0))) / SAMPLE_RATE
    start = np.where(time >= 0.0, np.exp(-np.maximum(time, 0.0) / np.exp(rng.uniform(np.log(0.05), 0.0))), 0.0)
    knots = np.cumsum(rng.normal(size=count // 800 + 4))  # 20 Hz
    slow = CubicSpline(np.arange(len(knots)) * 800.0, knots - knots.mean())(np.arange(count))
    zero = offset + 2.0 * jump * start + rumble * slow / (np.abs(slow).max() + 1e-9)
    return audio + zero * np.max(np.abs(audio)) * 10.0 ** (-rng.uniform(6.0, 40.0) / 20.0)


def _distort(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An overdriven input: rounded or cut off."""
    peak = np.max(np.abs(audio)) + 1e-9
    if rng.random() < 0.5:
        drive = rng.uniform(1.0, 5.0)
        return np.tanh(audio / peak * drive) / np.tanh(drive)
    return np.clip(audio, -peak * rng.uniform(0.15, 0.8), peak * rng.uniform(0.15, 0.8))


def _control_gain(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Automatic gain: quiet stretches come up by at most 25 dB within 0.1-1 s, loud ones go down; pauses hiss."""
    keep = np.exp(-1.0 / (rng.uniform(0.1, 1.0) * SAMPLE_RATE))
    power = lfilter([1.0 - keep], [1.0, -keep], np.square(audio), zi=[keep * np.mean(np.square(audio))])[0]
    loud = np.sqrt(power / (power.max() + 1e-12))
    return audio * (loud + 10.0 ** (-25.0 / 20.0)) ** -rng.uniform(0.3, 0.9)


def augment(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random recording of `audio`, (N,) float32 in -1..1 at 16 kHz: the same shape, range and timing.

    In order: a room, a background, the microphone's colour, overdrive, a zero that drifts, automatic gain, a
    telephone's band, a codec, lost packets, a level, a noise floor.
    """
    count = len(audio)
    sound = np.asarray(audio, np.float64)
    if count < 16:
        return sound.astype(np.float32)
    speech_power = float(np.mean(np.square(sound[np.abs(sound) > 0.02]))) if np.any(np.abs(sound) > 0.02) else 1e-3
    if rng.random() < 0.55:
        sound = reverberate(sound, rng)
    if rng.random() < 0.75:
        sound = _add_background(sound, speech_power, rng)
    if rng.random() < 0.8:
        sound = _equalise(sound, rng)
    if rng.random() < 0.15:
        sound = _distort(sound, rng)
    if rng.random() < 0.2:
        sound = drift(sound, rng)
    if rng.random() < 0.15:
        sound = _control_gain(sound, rng)
    if rng.random() < 0.1:
        sound = telephone(sound, rng)
    if rng.random() < 0.2:
        sound = through_codec(sound, rng)
    if rng.random() < 0.05:
        sound = lose_packets(sound, rng)
    level = 10.0 ** (rng.uniform(-36.0, -1.0) / 20.0)
    sound = sound * (level / (np.max(np.abs(sound)) + 1e-9))
    if rng.random() < 0.15:  # a gain that drifts
        sound = sound * 10.0 ** (np.interp(np.arange(count), [0, count], rng.uniform(-6.0, 0.0, 2)) / 20.0)
    return np.clip(sound + 1e-5 * rng.normal(size=count), -1.0, 1.0).astype(np.float32)
