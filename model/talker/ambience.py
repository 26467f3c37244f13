"""What goes on around a microphone: rooms' hum and hiss, machines, weather, hands at work, a crowd.

Each is `f(count, rng) -> (count,)` float64 at 16 kHz of unit power, the same for the same generator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from voxmesh.model.talker.music import music
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
    unit_power,
    wander,
)


def hiss(count: int, rng: np.random.Generator) -> np.ndarray:
    """Steady coloured noise, white to a little darker than pink."""
    slope = rng.uniform(-6.6, 0.0)
    return shaped_noise(count, rng, lambda f: tilt(f, slope, 40.0))


def swell(count: int, rng: np.random.Generator) -> np.ndarray:
    """Coloured noise that comes and goes six times a second, like speech but without any."""
    return unit_power(hiss(count, rng) * wander(count, rng, 6.0, 0.05, 1.0))


def mains(count: int, rng: np.random.Generator) -> np.ndarray:
    """Hum of the mains, 50 or 60 Hz or twice that, with harmonics."""
    base, time = float(rng.choice([50.0, 60.0, 100.0, 120.0])), np.arange(count) / SAMPLE_RATE
    waves = (rng.uniform() / k * np.sin(2 * np.pi * (k * base * time + rng.random())) for k in range(1, 9))
    return unit_power(sum(waves))


def fan(count: int, rng: np.random.Generator) -> np.ndarray:
    """A computer's fan or an air conditioner: broad noise, the blades' harmonics, a slow beat."""
    slope, corner = rng.uniform(-9.0, -3.0), rng.uniform(100.0, 500.0)
    whir = shaped_noise(count, rng, lambda f: tilt(f, slope, corner))
    blades = rng.uniform(60.0, 400.0) * (1.0 + 0.004 * wander(count, rng, 2.0, -1.0, 1.0))
    tone = sculpt(pulses(blades), (tilt(BINS_HZ, -9.0, 200.0))[None])
    return unit_power(whir + gain_of(rng.uniform(-25.0, -6.0)) * unit_power(tone) * wander(count, rng, 3.0, 0.6, 1.0))


def wind(count: int, rng: np.random.Generator) -> np.ndarray:
    """Wind on a microphone: deep rumble in gusts, with some whistling."""
    edge, slope = rng.uniform(40.0, 250.0), rng.uniform(-14.0, -7.0)
    gusts = wander(count, rng, rng.uniform(0.7, 4.0), 0.0, 1.0) ** 2 + 0.05
    rumble = shaped_noise(count, rng, lambda f: band(f, 12.0, 8000.0) * tilt(f, slope, edge)) * gusts
    pitch, width = rng.uniform(300.0, 1400.0), rng.uniform(60.0, 300.0)
    whistle = shaped_noise(count, rng, lambda f: resonances(f, (pitch,), (width,), (1.0,))) * gusts**2
    return unit_power(rumble + gain_of(rng.uniform(-40.0, -14.0)) * whistle)


def _tyres(frequency: np.ndarray) -> np.ndarray:
    return resonances(frequency, (900.0,), (900.0,), (1.0,)) + 0.3 * tilt(frequency, -6.0, 150.0)


def traffic(count: int, rng: np.random.Generator) -> np.ndarray:
    """A road: low rumble, cars that pass within seconds, an engine now and then."""
    corner = rng.uniform(60.0, 300.0)
    sound = 0.5 * shaped_noise(count, rng, lambda f: tilt(f, -8.0, corner) * band(f, 20.0, 6000.0))
    time = np.arange(count) / SAMPLE_RATE
    for _ in range(int(rng.integers(0, 4))):
        passing = np.exp(-0.5 * ((time - rng.uniform(0.0, time[-1])) / rng.uniform(0.3, 1.5)) ** 2)
        tyres = shaped_noise(
            count, rng, lambda f: resonances(f, (900.0,), (900.0,), (1.0,)) + 0.3 * tilt(f, -6.0, 150.0)
        )
        sound += rng.uniform(0.2, 1.5) * tyres * passing
    if rng.random() < 0.4:
        engine = pulses(rng.uniform(25.0, 90.0) * wander(count, rng, 1.0, 0.85, 1.15))
        sound += rng.uniform(0.2, 1.0) * unit_power(sculpt(engine, tilt(BINS_HZ, -9.0, 120.0)[None]))
    return unit_power(sound)


def _strokes(count: int, rng: np.random.Generator, per_second: float) -> np.ndarray:
    """Random moments (sample indices) of something done by hand: runs with small jitter, pauses between."""
    moments, at = list[int](), int(rng.uniform(0.0, 0.5) * SAMPLE_RATE)
    while at < count:
        moments.append(at)
        at += samples(float(rng.lognormal(np.log(1.0 / per_second), 0.35)))
        at += samples(rng.uniform(0.3, 1.2)) if rng.random() < 0.08 else 0
    return np.array(moments or [count // 2])


def _knock(rng: np.random.Generator, low_hz: float, high_hz: float, to_60_db_s: float, noise: float) -> np.ndarray:
    """Something struck: three decaying modes between `low_hz` and `high_hz`, and noise."""
    count = samples(to_60_db_s)
    time = np.arange(count) / SAMPLE_RATE
    modes = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), 3))
    tone = sum(
        rng.uniform(0.3, 1.0) * np.sin(2 * np.pi * mode * time) * decay(count, 0.001, to_60_db_s) for mode in modes
    )
    crack = min(count, samples(rng.uniform(0.004, 0.02)))
    tone[:crack] += noise * rng.normal(size=crack) * np.linspace(1.0, 0.0, crack)
    return tone


def typing(count: int, rng: np.random.Generator) -> np.ndarray:
    """A keyboard, three to nine keys a second: each a knock down and a softer one up, 60-120 ms later."""
    low, high = rng.uniform((150.0, 2000.0), (500.0, 6500.0))
    keys = [_knock(rng, low, high, rng.uniform(0.015, 0.06), rng.uniform(0.5, 3.0)) for _ in range(5)]
    sound = np.zeros(count)
    for at in _strokes(count, rng, rng.uniform(3.0, 9.0)):
        key, level = keys[rng.integers(len(keys))], gain_of(rng.uniform(-10.0, 0.0))
        mix_at(sound, level * key, int(at))
        mix_at(sound, level * rng.uniform(0.1, 0.6) * key[::2], int(at) + samples(rng.uniform(0.06, 0.12)))
    return unit_power(sound)


def mouse(count: int, rng: np.random.Generator) -> np.ndarray:
    """Mouse clicks, one every second or so: down and up."""
    down, up = (_knock(rng, 1200.0, 6000.0, rng.uniform(0.004, 0.015), 1.0) for _ in range(2))
    sound = np.zeros(count)
    for at in _strokes(count, rng, rng.uniform(0.5, 2.5)):
        mix_at(sound, down, int(at))
        mix_at(sound, 0.7 * up, int(at) + samples(rng.uniform(0.05, 0.14)))
    return unit_power(sound)


def thumps(count: int, rng: np.random.Generator) -> np.ndarray:
    """Doors, tables, steps: a few deep knocks, each its own."""
    sound = np.zeros(count)
    for _ in range(int(rng.integers(1, 7))):
        knock = _knock(
            rng, rng.uniform(40.0, 100.0), rng.uniform(150.0, 700.0), rng.uniform(0.08, 0.5), rng.uniform(0, 1)
        )
        mix_at(sound, gain_of(rng.uniform(-15.0, 0.0)) * knock, int(rng.integers(count)))
    return unit_power(sound)


def clatter(count: int, rng: np.random.Generator) -> np.ndarray:
    """Dishes, pens, switches: bursts of noise of any length up to 150 ms over a little hiss."""
    sound = 0.02 * hiss(count, rng)
    for _ in range(int(rng.integers(1, 12))):
        long = int(rng.integers(40, 2400))
        burst = rng.normal(size=long) * np.exp(-np.linspace(0.0, rng.uniform(3.0, 9.0), long))
        burst = np.convolve(burst, np.ones(int(rng.integers(1, 12))), "same")
        mix_at(sound, burst * rng.uniform(0.1, 1.0), int(rng.integers(count)))
    return unit_power(sound)


def rustle(count: int, rng: np.random.Generator) -> np.ndarray:
    """Paper or clothes: high noise made of countless small crackles, in strokes."""
    low, high = rng.uniform(300.0, 2000.0), rng.uniform(4000.0, 7800.0)
    crackle = rng.exponential(1.0, samples(count / SAMPLE_RATE / 80.0) + 2) ** 2  # 200 grains a second, few loud
    strokes = np.maximum(0.0, wander(count, rng, rng.uniform(1.0, 4.0), -0.6, 1.0)) + 0.01
    return unit_power(shaped_noise(count, rng, lambda f: band(f, low, high)) * curve(count, crackle) * strokes)


def _murmur(count: int, rng: np.random.Generator) -> np.ndarray:
    """One far talker without words: random formants four times a second, voice and hiss, phrases and pauses."""
    knots = max(3, round(count / SAMPLE_RATE * rng.uniform(7.0, 11.0)))
    base = float(np.exp(rng.uniform(np.log(85.0), np.log(260.0))))
    pitch = base * wander(count, rng, 3.0, 0.8, 1.25)
    formants = rng.uniform((250.0, 800.0, 2200.0), (850.0, 2300.0, 3200.0), (knots, 3))
    vowel = resonances(BINS_HZ, formants[:, None], (110.0, 160.0, 260.0), (1.0, 0.5, 0.25))
    voiced = np.where(np.arange(knots) % 2, rng.uniform(0.0, 0.25, knots), rng.uniform(0.4, 1.0, knots))  # syllables
    voiced *= np.repeat(rng.random(knots // 12 + 1) < 0.75, 12)[:knots]
    fricative = resonances(BINS_HZ, rng.uniform(2500.0, 6500.0, (knots, 1, 1)), (1500.0,), (1.0,))
    hissing = np.where(rng.random(knots) < 0.2, rng.uniform(0.0, 0.25, knots), 0.0)
    voice = sculpt(pulses(pitch), vowel * tilt(BINS_HZ, -8.0, 150.0) * voiced[:, None])
    return unit_power(unit_power(voice) + 0.4 * sculpt(rng.normal(size=count), fricative * hissing[:, None]))


def babble(count: int, rng: np.random.Generator) -> np.ndarray:
    """A crowd: six to twenty overlapping wordless talkers, near and far (two voices, each heard several times)."""
    voices = [_murmur(count, rng) * np.minimum(1.0, 20.0 * hump(count, 0.5)) for _ in range(2)]
    sound = np.zeros(count)
    for _ in range(int(rng.integers(6, 21))):
        sound += gain_of(rng.uniform(-12.0, 0.0)) * np.roll(voices[rng.integers(2)], int(rng.integers(count)))
    far = rng.uniform(1500.0, 7000.0)
    return unit_power(sculpt(sound, band(BINS_HZ, 80.0, far, 1.0)[None]))


def beeps(count: int, rng: np.random.Generator) -> np.ndarray:
    """Notifications and ringing: short pure tones, a few in a row."""
    sound = np.zeros(count)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(count))
        for _ in range(int(rng.integers(1, 5))):
            long = samples(rng.uniform(0.05, 0.4))
            pitch = float(np.exp(rng.uniform(np.log(400.0), np.log(3500.0))))
            mix_at(sound, np.sin(2 * np.pi * pitch * np.arange(long) / SAMPLE_RATE) * hump(long, 0.1, 0.5), at)
            at += long
    return unit_power(sound)


# How often each is heard.
BACKGROUNDS: dict[str, tuple[Callable[[int, np.random.Generator], np.ndarray], float]] = {
    "hiss": (hiss, 0.25),
    "swell": (swell, 0.08),
    "mains": (mains, 0.06),
    "fan": (fan, 0.1),
    "wind": (wind, 0.06),
    "traffic": (traffic, 0.07),
    "typing": (typing, 0.07),
    "mouse": (mouse, 0.02),
    "thumps": (thumps, 0.04),
    "clatter": (clatter, 0.06),
    "rustle": (rustle, 0.04),
    "beeps": (beeps, 0.02),
    "babble": (babble, 0.08),
    "music": (music, 0.12),
}
STEADY = frozenset({"hiss", "swell", "mains", "fan", "wind", "traffic"})


def background(count: int, rng: np.random.Generator, *, among: frozenset[str] | None = None) -> tuple[str, np.ndarray]:
    """A random background: (its name, samples (count,) of unit power); `among` limits the choice."""
    names = [name for name in BACKGROUNDS if among is None or name in among]
    shares = np.array([BACKGROUNDS[name][1] for name in names])
    name = names[rng.choice(len(names), p=shares / shares.sum())]
    return name, BACKGROUNDS[name][0](max(count, 16), rng)[:count]
