"""Where nobody speaks: how long pauses last, what is heard in them, and clips without any speech."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxmesh.model.talker.ambience import background
from voxmesh.model.talker.music import music
from voxmesh.model.talker.synthesis import SAMPLE_RATE, gain_of, hump, mix_at, samples
from voxmesh.model.talker.throat_sounds import BREATH_DB, breath, other_sound

BREATH_SHARE, OTHER_SHARE = 0.4, 0.25  # of the gaps that are long enough
SHORTEST_GAP_S, MARGIN_S = 0.25, 0.02
_EVENTS = frozenset({"typing", "mouse", "thumps", "clatter", "rustle", "wind", "swell", "beeps"})
Phone = tuple[str, float, float]


def pause_s(rng: np.random.Generator) -> float:
    """Seconds between two utterances: mostly 0.05-0.7, one in four up to 2."""
    return float(rng.uniform(0.7, 2.0) if rng.random() < 0.25 else rng.uniform(0.05, 0.7))


def gaps(phones: Sequence[Phone], seconds: float) -> list[tuple[float, float]]:
    """Stretches (start_s, end_s) of 0..`seconds` before, between and after `phones` that are 0.25 s or longer."""
    edges = [0.0, *(edge for _, start, end in phones for edge in (start, end)), seconds]
    pairs = zip(edges[0::2], edges[1::2], strict=True)
    return [(start, end) for start, end in pairs if end - start >= SHORTEST_GAP_S]


def _event(rng: np.random.Generator, room: int) -> tuple[np.ndarray, float]:
    """Something that happens near the microphone, at most `room` samples: (peak 1, dB relative to speech)."""
    count = min(room, samples(rng.uniform(0.1, 0.9)))
    _, sound = background(count, rng, among=_EVENTS)
    sound = sound * np.minimum(1.0, 6.0 * hump(count, 0.5))
    return sound / (np.max(np.abs(sound)) + 1e-12), float(rng.uniform(-40.0, -5.0))


def fill_pauses(audio: np.ndarray, phones: Sequence[Phone], rng: np.random.Generator) -> np.ndarray:
    """Put breaths, coughs, laughs, smacks, knocks and the like where `phones` leave room, 20 ms away from each.

    `audio` is (N,) float32 at 16 kHz, silent between phones; the same shape comes back, with every phone's samples
    untouched. It may exceed 1 in magnitude: a cough is sometimes louder than speech.
    """
    out = np.array(audio, np.float64)
    peak = float(np.max(np.abs(out), initial=0.0))
    for start, end in gaps(phones, len(out) / SAMPLE_RATE):
        first, last = samples(start + MARGIN_S), int((end - MARGIN_S) * SAMPLE_RATE)
        wanted = []
        if rng.random() < OTHER_SHARE:
            wanted.append(other_sound(rng) if rng.random() < 0.75 else _event(rng, last - first))
        if rng.random() < BREATH_SHARE:
            wanted.append((breath(rng, (last - first) / SAMPLE_RATE), float(rng.uniform(*BREATH_DB))))
        rng.shuffle(wanted)
        for sound, level_db in wanted:
            room = last - first - len(sound)
            if room < 0:
                continue
            late = rng.beta(1.5, 1.0)  # people breathe in right before they go on
            at = first + int(late * room)
            mix_at(out, peak * gain_of(level_db) * sound, at)
            first = at + len(sound)
    return out.astype(np.float32)


def without_speech(count: int, rng: np.random.Generator) -> np.ndarray:
    """A clip (count,) float32 in -1..1 in which nobody speaks: silence, noises, music, coughs and breaths, mixtures."""
    kind = rng.choice(["silence", "ambience", "music", "throat", "mixture"], p=[0.12, 0.3, 0.18, 0.22, 0.18])
    sound = np.zeros(count)
    if kind in ("ambience", "mixture"):
        sound += gain_of(rng.uniform(-60.0, -15.0)) * background(count, rng)[1]
    if kind == "music" or (kind == "mixture" and rng.random() < 0.4):
        sound += gain_of(rng.uniform(-50.0, -12.0)) * music(count, rng)
    if kind in ("throat", "mixture"):
        sound += gain_of(rng.uniform(-75.0, -45.0)) * background(count, rng, among=frozenset({"hiss", "fan"}))[1]
        at, speech_db = samples(rng.uniform(0.0, 1.0)), rng.uniform(-25.0, -6.0)  # as if someone were about to speak
        while at < count:
            breathes = rng.random() < 0.45
            one, level_db = (breath(rng), rng.uniform(*BREATH_DB)) if breathes else other_sound(rng)
            mix_at(sound, gain_of(min(speech_db + level_db, -1.0)) * one, at)
            at += len(one) + samples(rng.uniform(0.1, 2.0))
    return np.clip(sound, -1.0, 1.0).astype(np.float32)
