"""Made-up music: a key, a tempo, chords, an arpeggio or a tune, a bass, drums.

Strings are Karplus and Strong's (1983, "Digital synthesis of plucked-string and drum timbres"), the rest sums of
harmonics with envelopes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from voxmesh.model.talker.synthesis import SAMPLE_RATE, decay, gain_of, mix_at, samples, unit_power, wander

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10))
Note = Callable[[float, float], np.ndarray]


def _hertz(key: tuple[float, tuple[int, ...]], degree: int) -> float:
    """Pitch of the scale's `degree`-th note above the key's root (equal temperament)."""
    root_hz, scale = key
    return root_hz * 2.0 ** (degree // len(scale) + scale[degree % len(scale)] / 12.0)


def _string(rng: np.random.Generator) -> Note:
    """A plucked string: a burst of noise that runs around a loop of one period and loses its highs."""
    loss, bright = rng.uniform(0.985, 0.998), rng.uniform(0.0, 0.9)

    def play(pitch_hz: float, seconds: float) -> np.ndarray:
        period = max(2, round(SAMPLE_RATE / pitch_hz - 0.5))
        burst = np.zeros(samples(seconds))
        pluck = lfilter([1.0 - bright], [1.0, -bright], rng.normal(size=min(period, len(burst))))
        burst[: len(pluck)] = pluck
        loop = np.zeros(period + 2)
        loop[0], loop[period], loop[period + 1] = 1.0, -0.5 * loss, -0.5 * loss
        return lfilter([1.0], loop, burst)

    return play


def _harmonics(rng: np.random.Generator) -> Note:
    """Organ, flute, brass, bell or pad: harmonics, each with its share and its own decay; sometimes vibrato."""
    count = int(rng.integers(2, 12))
    share = rng.uniform(0.2, 1.0, count) / np.arange(1, count + 1) ** rng.uniform(0.5, 2.0)
    stretch = 1.0 + (rng.random() < 0.2) * rng.uniform(0.0, 0.04)  # a bell's partials are no harmonics
    attack, fade = np.exp(rng.uniform(np.log((0.004, 0.3)), np.log((0.15, 6.0))))
    depth, rate = (rng.random() < 0.4) * rng.uniform(0.0, 0.002), rng.uniform(4.0, 7.0)

    def play(pitch_hz: float, seconds: float) -> np.ndarray:
        time = np.arange(samples(seconds)) / SAMPLE_RATE
        phase = 2 * np.pi * pitch_hz * (time - depth / rate * np.cos(2 * np.pi * rate * time))
        sound = np.zeros(len(time))
        for number in range(1, count + 1):
            if pitch_hz * number**stretch < 7600.0:
                sound += share[number - 1] * np.sin(number**stretch * phase)
        end = np.minimum(1.0, (time[-1] - time) / 0.03)
        return sound * decay(len(time), attack, fade) * end

    return play


def _drums(count: int, beat: int, rng: np.random.Generator) -> np.ndarray:
    """A bar's pattern of kick, snare and hat, repeated."""
    time = np.arange(samples(0.25)) / SAMPLE_RATE
    kick = np.sin(2 * np.pi * (rng.uniform(40, 60) * time - 3.0 * np.exp(-time / 0.02))) * decay(len(time), 0.001, 0.3)
    noise = rng.normal(size=len(time))
    snare = (0.5 * noise + np.sin(2 * np.pi * 190.0 * time)) * decay(len(time), 0.001, rng.uniform(0.12, 0.3))
    hat = np.diff(noise, prepend=0.0) * decay(len(time), 0.001, rng.uniform(0.03, 0.15))
    busy, sound = rng.uniform(0.3, 1.0), np.zeros(count)
    kicks, snares, hats = rng.random(8) < 0.2, rng.random(8) < 0.08, rng.random(8) < busy
    kicks[0] = snares[2] = snares[6] = True
    for step, at in enumerate(range(0, count, max(beat // 2, 1))):
        for hit, drum, level in ((kicks, kick, 1.0), (snares, snare, 0.7), (hats, hat, 0.3)):
            if hit[step % 8]:
                mix_at(sound, level * rng.uniform(0.7, 1.0) * drum, at)
    return sound


def music(count: int, rng: np.random.Generator) -> np.ndarray:
    """Some bars of music (count,) of unit power, begun anywhere; the same for the same generator."""
    key = float(55.0 * 2.0 ** (rng.integers(0, 12) / 12.0)), _SCALES[rng.integers(len(_SCALES))]
    beat = samples(60.0 / rng.uniform(60.0, 170.0))
    instruments = [(_string if rng.random() < 0.4 else _harmonics)(rng) for _ in range(3)]
    chords, arpeggio, tune, bass, drums = rng.random(5) < (0.6, 0.45, 0.6, 0.5, 0.5)
    chords |= not (arpeggio or tune)
    octave = len(key[1])
    progression, tune_at = rng.integers(0, octave, 4), octave * int(rng.integers(2, 4))
    notes: dict[tuple[int, int, int], np.ndarray] = {}

    def put(who: int, degree: int, at: int, long: int, level: float) -> None:
        name = (who, degree, long)
        if name not in notes:
            notes[name] = unit_power(instruments[who](_hertz(key, degree), long / SAMPLE_RATE))
        mix_at(sound, level * notes[name], at)

    sound, levels = np.zeros(count), 10.0 ** (rng.uniform(-10.0, 0.0, 5) / 20.0)
    split = int(rng.choice([1, 2, 4]))  # notes a beat
    for step, at in enumerate(range(-int(rng.integers(beat)), count, beat)):
        root = int(progression[step // 4 % 4])
        if chords and step % 4 == 0:
            for offset in (0, 2, 4):
                put(0, octave + root + offset, at, 4 * beat, levels[0])
        if bass and step % 2 == 0:
            put(1, root, at, 2 * beat, levels[3])
        if arpeggio:
            for part in range(split):
                put(1, 2 * octave + root + 2 * (part % 3), at + part * beat // split, beat // split, levels[1])
        if tune and rng.random() < 0.8:
            tune_at = int(np.clip(tune_at + rng.integers(-2, 3), 2 * octave - 2, 4 * octave))
            put(2, tune_at, at, beat * int(rng.choice([1, 1, 2])), levels[2])
    if drums:
        sound += gain_of(rng.uniform(-4.0, 7.0)) * levels[4] * _drums(count, beat, rng)
    return unit_power(sound * wander(count, rng, 0.5, 0.7, 1.0))
