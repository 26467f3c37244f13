"""A room between mouth and microphone: early reflections, then a tail whose highs die first."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

from voxmesh.model.talker.synthesis import SAMPLE_RATE, band, gain_of, samples, shaped_noise

_BANDS_HZ = ((20.0, 800.0), (800.0, 2500.0), (2500.0, 7900.0))


def room_response(rng: np.random.Generator) -> np.ndarray:
    """Impulse response (K,) of a random room, direct path 1 at sample 0, 0.1-0.8 s to -60 dB at low frequencies.

    Early reflections are 4-12 taps within 3-40 ms, as of image sources (Allen and Berkley 1979, "Image method for
    efficiently simulating small-room acoustics"): random places instead of a box's. The tail is noise that decays
    exponentially in three bands, each higher one faster (air and walls take highs first).
    """
    seconds = float(np.exp(rng.uniform(np.log(0.1), np.log(0.8))))
    count = max(int(min(seconds, 0.6) * SAMPLE_RATE), samples(0.045))
    time = np.arange(count) / SAMPLE_RATE
    tail, faster = np.zeros(count), rng.uniform(0.5, 1.0)
    for index, (low, high) in enumerate(_BANDS_HZ):
        noise = shaped_noise(count, rng, lambda f, low=low, high=high: band(f, low, high))
        tail += noise * np.sqrt(high - low) * 10.0 ** (-3.0 * time / (seconds * faster**index))
    tail[: samples(rng.uniform(0.003, 0.015))] = 0.0
    response = tail * gain_of(rng.uniform(-16.0, -2.0)) / np.sqrt(np.sum(tail**2) + 1e-12)
    places = np.sort(rng.uniform(0.003, 0.04, int(rng.integers(4, 13))))
    strength = gain_of(rng.uniform(-15.0, -3.0)) * 0.003 / places * rng.choice([-1.0, 1.0], len(places), p=[0.25, 0.75])
    np.add.at(response, (places * SAMPLE_RATE).astype(int), strength * rng.uniform(0.4, 1.0, len(places)))
    response[0] = 1.0
    return response


def reverberate(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (N,) as heard in a random room: the same length, the direct sound where it was."""
    return fftconvolve(audio, room_response(rng))[: len(audio)]
