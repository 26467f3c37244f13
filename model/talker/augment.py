"""Rooms, microphones and noise: what stands between a clean synthetic voice and a real one.

Everything keeps the length and shifts no sound by more than 2 ms: filters are zero-phase (a real gain per frequency)
and an echo's direct path is its first sample.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.signal import fftconvolve

SAMPLE_RATE = 16000


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


def _reverberate(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exponentially decaying noise after a direct path (Schroeder's diffuse tail), 0.1-0.8 s to -60 dB."""
    seconds = float(np.exp(rng.uniform(np.log(0.1), np.log(0.8))))
    count = int(min(seconds, 0.6) * SAMPLE_RATE)
    tail = rng.normal(size=count) * 10.0 ** (-3.0 * np.arange(count) / (seconds * SAMPLE_RATE))
    tail[: int(rng.uniform(0.001, 0.008) * SAMPLE_RATE)] = 0.0
    tail *= 10.0 ** (rng.uniform(-14.0, -1.0) / 20.0) / np.sqrt(np.sum(tail**2) + 1e-12)
    tail[0] = 1.0
    return fftconvolve(audio, tail)[: len(audio)]


def noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Background of one kind, (count,) of unit power: coloured hiss, hum, babble-like swells or clicks and thumps."""
    kind = rng.choice(["hiss", "hum", "swell", "clicks"], p=[0.5, 0.12, 0.23, 0.15])
    size = fft.next_fast_len(count, real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum = fft.rfft(rng.normal(size=size))
    if kind == "hum":
        base, time = float(rng.choice([50.0, 60.0, 100.0, 120.0])), np.arange(count) / SAMPLE_RATE
        sound = sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * (k * base * time + rng.random())) for k in range(1, 9))
    elif kind == "clicks":
        sound = 0.02 * fft.irfft(spectrum / np.maximum(frequency, 100.0) ** 0.5, size)[:count]
        for _ in range(int(rng.integers(1, 12))):
            at, long = int(rng.integers(count)), int(rng.integers(40, 2400))
            burst = rng.normal(size=long) * np.exp(-np.linspace(0.0, rng.uniform(3.0, 9.0), long))
            burst = np.convolve(burst, np.ones(int(rng.integers(1, 12))), "same")
            sound[at : at + long] += (burst * rng.uniform(0.1, 1.0))[: count - at]
    else:
        sound = fft.irfft(spectrum / np.maximum(frequency, 40.0) ** rng.uniform(0.0, 1.1), size)[:count]
        if kind == "swell":
            knots = rng.uniform(0.05, 1.0, count // (SAMPLE_RATE // 6) + 3)
            sound = sound * np.interp(np.arange(count), np.arange(len(knots)) * (SAMPLE_RATE // 6), knots)
    return sound / (np.sqrt(np.mean(np.square(sound))) + 1e-9)


def augment(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random recording of `audio`, (N,) float32 in -1..1 at 16 kHz: the same shape, range and timing."""
    count = len(audio)
    sound = np.asarray(audio, np.float64)
    if count < 16:
        return sound.astype(np.float32)
    speech_power = float(np.mean(np.square(sound[np.abs(sound) > 0.02]))) if np.any(np.abs(sound) > 0.02) else 1e-3
    if rng.random() < 0.55:
        sound = _reverberate(sound, rng)
    if rng.random() < 0.75:
        snr_db = rng.uniform(0.0, 40.0) if rng.random() < 0.8 else rng.uniform(-3.0, 10.0)
        sound = sound + noise(count, rng) * np.sqrt(speech_power) * 10.0 ** (-snr_db / 20.0)
    if rng.random() < 0.8:
        sound = _equalise(sound, rng)
    if rng.random() < 0.15:  # an overdriven input
        peak = np.max(np.abs(sound)) + 1e-9
        drive = rng.uniform(1.0, 5.0)
        sound = np.tanh(sound / peak * drive) / np.tanh(drive)
    if rng.random() < 0.1:  # eight bits, mu-law
        peak = np.max(np.abs(sound)) + 1e-9
        code = np.round(127 * np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256.0)) / 127
        sound = peak * np.sign(code) * np.expm1(np.abs(code) * np.log(256.0)) / 255
    level = 10.0 ** (rng.uniform(-36.0, -1.0) / 20.0)
    sound = sound * (level / (np.max(np.abs(sound)) + 1e-9))
    if rng.random() < 0.15:  # a gain that drifts
        sound = sound * 10.0 ** (np.interp(np.arange(count), [0, count], rng.uniform(-6.0, 0.0, 2)) / 20.0)
    return np.clip(sound + 1e-5 * rng.normal(size=count), -1.0, 1.0).astype(np.float32)
