"""What people's throats, noses and lips do between words: breaths, coughs, laughs, smacks, hums.

Each is `f(rng) -> (N,)` float64 at 16 kHz with a peak of 1, the same for the same generator. Shapes follow textbook
descriptions, not any recording: an inhaled breath is broad noise with a few formants, a cough is an explosion, a noisy
middle and sometimes a voiced end, a laugh is a row of breathy bursts four to six a second (Bachorowski et al. 2001,
"The acoustic features of human laughter", JASA 110:1581).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from voxmesh.model.talker.synthesis import (
    BINS_HZ,
    SAMPLE_RATE,
    band,
    curve,
    decay,
    gain_of,
    hump,
    mix_at,
    pulses,
    resonances,
    samples,
    sculpt,
    shaped_noise,
    tilt,
    unit_peak,
    unit_power,
    wander,
)


def _throat(rng: np.random.Generator, openness: float = 0.5) -> np.ndarray:
    """Gain (513,) of a neutral throat of random length; `openness` 0..1 raises the first formant."""
    length = rng.uniform(0.85, 1.25)
    centres = length * np.array([rng.uniform(300, 420) + 450 * openness, rng.uniform(1050, 1750), 2600, 3600, 4700])
    centres *= rng.uniform(0.93, 1.07, 5)
    heights = np.array([1.0, rng.uniform(0.3, 0.9), rng.uniform(0.15, 0.6), rng.uniform(0.1, 0.4), rng.uniform(0, 0.3)])
    return resonances(BINS_HZ, centres, rng.uniform((80, 110, 160, 250, 350), (180, 260, 400, 600, 800)), heights)


def _voice(count: int, rng: np.random.Generator, pitch_hz: np.ndarray, breath: float, throat: np.ndarray) -> np.ndarray:
    """Voiced sound (count,) of unit power: pulses with some noise through a throat."""
    pitch_hz = pitch_hz * (1.0 + 0.01 * wander(count, rng, 60.0, -1.0, 1.0))
    source = pulses(pitch_hz) + breath * rng.normal(size=count)
    slope = tilt(BINS_HZ, rng.uniform(-12.0, -7.0), 1.2 * float(np.mean(pitch_hz)))
    return unit_power(sculpt(source, (throat * slope)[None]))


def breath(rng: np.random.Generator, most_s: float = 1.0) -> np.ndarray:
    """A breath in or out, through mouth or nose, 0.25-1.0 s and at most `most_s`: noise with 2-4 broad formants."""
    count = samples(float(np.clip(rng.lognormal(np.log(0.45), 0.4), 0.25, 1.0)))
    count = min(count, samples(most_s))
    nose = rng.random() < 0.3
    formants = int(rng.integers(2, 5))
    centres = np.sort(np.exp(rng.uniform(np.log(350.0), np.log(2200.0 if nose else 5500.0), formants)))
    widths = centres * rng.uniform(0.12, 0.5, formants) + 120.0
    heights = 10.0 ** (rng.uniform(-18.0, 0.0, formants) / 20.0)
    slope, corner, floor = rng.uniform(-7.0, -1.0), rng.uniform(500.0, 1500.0), gain_of(rng.uniform(-26.0, -10.0))
    low_cut = rng.uniform(80.0, 350.0)

    def gain(frequency: np.ndarray) -> np.ndarray:
        shape = resonances(frequency, centres, widths, heights) + floor
        return shape * tilt(frequency, slope, corner) * band(frequency, low_cut, 7600.0)

    inward = rng.random() < 0.65  # breaths in grow and stop, breaths out fade
    envelope = hump(count, rng.uniform(0.5, 0.85) if inward else rng.uniform(0.15, 0.4), rng.uniform(0.7, 1.8))
    sound = shaped_noise(count, rng, gain) * envelope * wander(count, rng, 12.0, 0.6, 1.0)
    if not inward and rng.random() < 0.3:  # it hits the microphone
        puff = shaped_noise(count, rng, lambda f: band(f, 15.0, rng.uniform(60.0, 160.0), 2.0))
        sound += rng.uniform(0.3, 1.5) * puff * envelope**2 * wander(count, rng, 15.0, 0.0, 1.0)
    return unit_peak(sound)


def sigh(rng: np.random.Generator) -> np.ndarray:
    """A long breath out, 0.6-1.5 s, the throat closing, sometimes with a falling voice."""
    count = samples(rng.uniform(0.6, 1.5))
    envelope = hump(count, rng.uniform(0.1, 0.3), rng.uniform(0.8, 1.4))
    wide, narrow = _throat(rng, 0.9), _throat(rng, 0.1)
    slope = tilt(BINS_HZ, -3.0, 800.0)
    sound = unit_power(sculpt(rng.normal(size=count), np.stack([wide, narrow]) * slope + 0.05)) * envelope
    if rng.random() < 0.4:
        start = rng.uniform(110.0, 300.0)
        tone = _voice(count, rng, curve(count, [start, start * rng.uniform(0.55, 0.8)]), 0.5, 0.5 * (wide + narrow))
        sound += rng.uniform(0.2, 1.0) * tone * envelope**2
    return unit_peak(sound)


def _one_cough(rng: np.random.Generator, throats: np.ndarray, pitch_hz: float) -> np.ndarray:
    """A cough whose throat (3, 513) goes through three shapes."""
    first, second, throat = throats
    burst, middle, tail = (
        samples(rng.uniform(0.05, 0.1)),
        samples(rng.uniform(0.07, 0.22)),
        samples(rng.uniform(0.05, 0.16)),
    )
    count = burst + middle + tail
    wide = first + gain_of(rng.uniform(-16.0, -6.0))  # the explosion fills the whole band
    noise = sculpt(
        rng.normal(size=count), np.stack([wide, 0.5 * (wide + second), second, throat]) * tilt(BINS_HZ, -2.0, 1500.0)
    )
    level = gain_of(rng.uniform(-20.0, -8.0))
    envelope = np.zeros(count)
    attack = samples(rng.uniform(0.003, 0.012))
    envelope[:burst] = np.minimum(1.0, np.arange(burst) / attack) * curve(burst, [1.0, 1.0, 0.8, 0.3])
    envelope[burst:] = level * curve(count - burst, [1.0, 0.9, 0.6, 0.0])
    envelope[burst:] = np.maximum(envelope[burst:], 0.3 * decay(count - burst, 1e-4, 0.12))
    sound = unit_power(noise) * envelope
    voiced = rng.random()
    if voiced < 0.7:  # the vocal folds sound at the end, often also in the explosion
        pitch = pitch_hz * curve(count, [1.0, 1.25, 1.0, 0.6])
        tone = _voice(count, rng, pitch, 0.4, throat)
        swell = np.zeros(count)
        swell[burst + middle // 2 :] = hump(count - burst - middle // 2, 0.5) * gain_of(rng.uniform(-14.0, -2.0))
        swell[:burst] = (voiced < 0.4) * rng.uniform(0.3, 1.0) * hump(burst, 0.4)
        sound += tone * swell
    return sound * np.minimum(1.0, np.arange(count)[::-1] / 160.0)


def cough(rng: np.random.Generator) -> np.ndarray:
    """One to three coughs, 0.2-0.45 s each: an explosion, a noisy middle, mostly a voiced end."""
    throats = np.stack([_throat(rng, openness) for openness in rng.uniform(0.2, 1.0, 3)])
    pitch = float(np.exp(rng.uniform(np.log(95.0), np.log(380.0))))
    parts = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.33, 0.12]))):
        parts += [gain_of(rng.uniform(-9.0, 0.0)) * _one_cough(rng, throats, pitch * rng.uniform(0.9, 1.1))]
        parts += [np.zeros(samples(rng.uniform(0.02, 0.25)))]
    return unit_peak(np.concatenate(parts[:-1]))


def laugh(rng: np.random.Generator) -> np.ndarray:
    """Three to nine breathy bursts, four to six a second, pitch and loudness falling; some only breath."""
    bursts, period = int(rng.integers(3, 10)), samples(1.0 / rng.uniform(4.0, 6.3))
    pitch = float(np.exp(rng.uniform(np.log(120.0), np.log(480.0))))
    throat, breathy = _throat(rng, rng.uniform(0.0, 1.0)), rng.random() < 0.3
    slope, breathiness = rng.uniform(-5.0, 1.0), rng.uniform(0.3, 1.2)
    fall = gain_of(rng.uniform(-2.5, -0.3))
    canvas = np.zeros(bursts * period + samples(0.5))
    for index in range(bursts):
        at = index * period + samples(rng.uniform(0.0, 0.02))
        level = fall**index * rng.uniform(0.6, 1.0)
        puff = samples(rng.uniform(0.07, 0.13))
        hiss = unit_power(sculpt(rng.normal(size=puff), ((throat + 0.05) * tilt(BINS_HZ, -2.0, 1500.0))[None]))
        mix_at(canvas, gain_of(-2.0 if breathy else rng.uniform(-16.0, -6.0)) * level * hiss * hump(puff, 0.5), at)
        if not breathy:
            count = samples(rng.uniform(0.06, 0.13))
            bend = pitch * gain_of(slope * index / bursts) * curve(count, [0.95, 1.08, rng.uniform(0.8, 1.0)])
            tone = _voice(count, rng, bend, breathiness, throat)
            mix_at(canvas, level * tone * hump(count, 0.35), at + int(0.6 * puff))
    if rng.random() < 0.4:  # air again
        gasp = breath(rng, 0.5)
        mix_at(canvas, gain_of(rng.uniform(-18.0, -6.0)) * gasp, len(canvas) - len(gasp))
    return unit_peak(canvas[: int(np.flatnonzero(canvas)[-1]) + 1])


def clear_throat(rng: np.random.Generator) -> np.ndarray:
    """One or two rough growls, 0.2-0.5 s each: a creaky voice with much noise."""
    throat, pitch = _throat(rng, rng.uniform(0.0, 0.5)), rng.uniform(60.0, 150.0)
    parts = []
    for _ in range(int(rng.integers(1, 3))):
        count = samples(rng.uniform(0.2, 0.5))
        rough = pitch * (1.0 + 0.25 * wander(count, rng, pitch / 2.0, -1.0, 1.0))
        tone = _voice(count, rng, rough, rng.uniform(0.5, 1.5), throat) * wander(count, rng, pitch, 0.1, 1.0)
        parts += [tone * hump(count, rng.uniform(0.2, 0.6), 0.6), np.zeros(samples(rng.uniform(0.03, 0.12)))]
    return unit_peak(np.concatenate(parts[:-1]))


def sniff(rng: np.random.Generator) -> np.ndarray:
    """One to three sharp breaths through the nose, 0.12-0.4 s: high noise that grows and stops."""
    low, high = rng.uniform(500.0, 1800.0), rng.uniform(3500.0, 7500.0)
    peaks = rng.uniform((900.0, 2500.0), (2200.0, 5500.0))

    def gain(frequency: np.ndarray) -> np.ndarray:
        return (0.3 + resonances(frequency, peaks, (500.0, 900.0), (1.0, 0.8))) * band(frequency, low, high)

    parts = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
        count = samples(rng.uniform(0.12, 0.4))
        rough = wander(count, rng, 40.0, 0.3, 1.0)  # wet walls flutter
        parts += [shaped_noise(count, rng, gain) * rough * hump(count, rng.uniform(0.4, 0.85), 1.5)]
        parts += [np.zeros(samples(rng.uniform(0.05, 0.2)))]
    return unit_peak(np.concatenate(parts[:-1]))


def _click(rng: np.random.Generator, low_hz: float, high_hz: float, to_60_db_s: float) -> np.ndarray:
    """A cavity that pops open: two decaying resonances and a little noise."""
    count = samples(to_60_db_s)
    time = np.arange(count) / SAMPLE_RATE
    first, second = rng.uniform(low_hz, high_hz), rng.uniform(high_hz, 1.9 * high_hz)
    tone = np.sin(2 * np.pi * first * time) + rng.uniform(0.1, 0.7) * np.sin(
        2 * np.pi * second * time + rng.uniform(0, 6)
    )
    return (tone + rng.uniform(0.1, 0.8) * rng.normal(size=count)) * decay(count, 0.0005, to_60_db_s)


def lip_smack(rng: np.random.Generator) -> np.ndarray:
    """One to four small pops of parting wet lips within 0.15 s."""
    canvas = np.zeros(samples(rng.uniform(0.05, 0.18)))
    for _ in range(int(rng.integers(1, 5))):
        pop = _click(rng, 700.0, 2600.0, rng.uniform(0.006, 0.03))
        mix_at(canvas, gain_of(rng.uniform(-18.0, 0.0)) * pop, int(rng.uniform(0.0, 0.8) * len(canvas)))
    return unit_peak(canvas)


def tongue_click(rng: np.random.Generator) -> np.ndarray:
    """A tut or a cluck, 15-60 ms: one strong click, sometimes again."""
    pop = _click(rng, 900.0, 3200.0, rng.uniform(0.015, 0.06))
    if rng.random() < 0.3:
        pop = np.concatenate([pop, np.zeros(samples(rng.uniform(0.12, 0.25))), pop * rng.uniform(0.5, 1.0)])
    return unit_peak(pop)


def hum(rng: np.random.Generator) -> np.ndarray:
    """ "Mm", "mhm" or a hummed note behind closed lips, 0.2-1.2 s: a nasal low formant and little above."""
    count = samples(rng.uniform(0.2, 1.2))
    base = float(np.exp(rng.uniform(np.log(80.0), np.log(320.0))))
    pitch = base * curve(count, rng.uniform(0.85, 1.2, int(rng.integers(2, 5))))
    nose = resonances(
        BINS_HZ, (rng.uniform(220, 330), rng.uniform(900, 1300), 2300.0), (90, 200, 350), (1.0, 0.12, 0.06)
    )
    envelope = np.minimum(1.0, 4.0 * hump(count, 0.5))
    if rng.random() < 0.35:  # "mhm": a breath between two notes
        dip = rng.uniform(0.3, 0.6)
        envelope *= 1.0 - np.exp(-0.5 * ((np.linspace(0, 1, count) - dip) / 0.06) ** 2)
    return unit_peak(_voice(count, rng, pitch, rng.uniform(0.02, 0.2), nose) * envelope)


# How often each comes up where people make a sound that is no breath, and its peak in dB relative to speech's.
# A cough or a laugh is often louder than the words around it.
OTHER_SOUNDS: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], float, tuple[float, float]]] = {
    "cough": (cough, 0.2, (-22.0, 9.0)),
    "laugh": (laugh, 0.15, (-25.0, 4.0)),
    "clear_throat": (clear_throat, 0.1, (-25.0, 0.0)),
    "sigh": (sigh, 0.1, (-40.0, -10.0)),
    "sniff": (sniff, 0.13, (-40.0, -8.0)),
    "lip_smack": (lip_smack, 0.16, (-42.0, -10.0)),
    "tongue_click": (tongue_click, 0.06, (-35.0, -5.0)),
    "hum": (hum, 0.1, (-30.0, -3.0)),
}
BREATH_DB = (-45.0, -12.0)


def other_sound(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A random sound that is no breath: (samples with a peak of 1, peak in dB relative to speech)."""
    shares = np.array([share for _, share, _ in OTHER_SOUNDS.values()])
    make, _, level_db = list(OTHER_SOUNDS.values())[rng.choice(len(shares), p=shares / shares.sum())]
    return make(rng), float(rng.uniform(*level_db))
