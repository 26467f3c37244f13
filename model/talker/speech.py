"""Text to 16 kHz speech with phone timings, whoever the synthesiser is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import soxr

from voxmesh.model.talker import espeak, festival, flite
from voxmesh.model.talker.phones import SILENCE, from_festival, from_flite, from_ipa
from voxmesh.model.talker.voices import Voice

SAMPLE_RATE = 16000
Phone = tuple[str, float, float]

_STOPS = frozenset({"P", "B", "T", "D", "K", "G", "CH", "JH", "TS", "DZ", "PF", "Q"})
_NASALS = frozenset({"M", "N", "NG", "NY"})
_VOWELS = frozenset({"AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"})
_VOWELS |= {"UE", "OE"}
_NASAL_LATE_S = 0.022  # espeak-ng marks a vowel after a nasal this much after the mouth opens (median over 224 m)
_SPLIT_SHARE = {"Y": 0.35, "W": 0.35, "L": 0.45, "R": 0.4, "D": 0.3, "Q": 0.25}


def _expand(name: str, language: str, start: float, end: float) -> list[Phone]:
    """An IPA name in our phones; several phones in one name share its time."""
    phones = from_ipa(name, language)
    shares = np.array([_SPLIT_SHARE.get(phone, 1.0) for phone in phones])
    edges = start + (end - start) * np.concatenate([[0.0], np.cumsum(shares) / max(shares.sum(), 1e-9)])
    return [(phone, float(a), float(b)) for phone, a, b in zip(phones, edges, edges[1:], strict=False)]


def close_stops(samples: np.ndarray, rate: int, phones: Sequence[Phone], *, most_s: float = 0.13) -> list[Phone]:
    """Start each stop where its closure starts.

    espeak-ng marks a stop at its burst, after a silent closure that it counts to the phone before. The closure is the
    run of quiet (5 ms windows, 30 dB under the loudest) right before the mark; the phone before ends there.
    """
    window = max(1, rate // 200)
    count = len(samples) // window
    level = np.abs(samples[: count * window]).reshape(count, window).max(axis=1) if count else np.zeros(0)
    quiet = level < 0.03 * (level.max() if count else 1.0)
    fixed = list(phones)
    for index, (name, start, end) in enumerate(fixed):
        if name not in _STOPS or index == 0:
            continue
        mark = min(int(start * rate) // window, count) - 1
        first = mark + 1
        for slack in (0, 1):  # the mark may sit a window after the burst's start
            at = mark - slack
            while at >= 0 and quiet[at]:
                first, at = at, at - 1
            if first <= mark:
                break
        begin = max(first * window / rate, start - most_s)
        before, before_start, before_end = fixed[index - 1]
        begin = max(begin, before_start + 0.3 * (before_end - before_start))
        if begin < start:
            fixed[index] = (name, begin, end)
            fixed[index - 1] = (before, before_start, min(before_end, begin))
    return fixed


def end_nasals(phones: Sequence[Phone]) -> list[Phone]:
    """End each nasal where the vowel after it starts: espeak-ng marks that vowel only after its transition."""
    fixed = list(phones)
    for index, ((name, start, end), (after, after_start, after_end)) in enumerate(pairwise(phones)):
        if name in _NASALS and after in _VOWELS and after_start == end:
            early = min(_NASAL_LATE_S, 0.4 * (end - start))
            fixed[index] = (name, fixed[index][1], end - early)
            fixed[index + 1] = (after, end - early, after_end)
    return fixed


def join_doubled(phones: Sequence[Phone]) -> list[Phone]:
    """Make one long consonant of two alike in a row: the lips of "pp" close once."""
    joined: list[Phone] = []
    for name, start, end in phones:
        if joined and joined[-1][0] == name and joined[-1][2] == start and name not in _VOWELS:
            joined[-1] = (name, joined[-1][1], end)
        else:
            joined.append((name, start, end))
    return joined


def say(texts: Sequence[str], voice: Voice) -> list[tuple[np.ndarray, list[Phone]]]:
    """Say each of `texts`: (samples (N,) float32 at 16 kHz, phones without silences) each, deterministic.

    Raises VoxmeshError when the synthesiser is missing.
    """
    takes: list[tuple[np.ndarray, list[Phone]]] = []
    if voice.engine == "espeak":
        said = espeak.speak(
            texts, voice.name, words_per_minute=voice.words_per_minute, pitch=voice.pitch, pitch_range=voice.pitch_range
        )
        for one in said:
            marks = [
                phone
                for name, start, end in one.phones
                for phone in (_expand(name, voice.language, start, end) or [(SILENCE, start, end)])
            ]
            phones = end_nasals(close_stops(one.samples, one.rate, marks))
            takes.append(_finish(one.samples, one.rate, phones, voice.speed))
    elif voice.engine == "festival":
        said = festival.speak(texts, voice.name, duration_stretch=voice.duration_stretch, pitch=voice.pitch_scale)
        for samples, rate, marks in said:
            phones = [(from_festival(name, voice.language), start, end) for name, start, end in marks]
            takes.append(_finish(samples, rate, join_doubled(phones), voice.speed))
    else:
        for text in texts:
            samples, rate, marks = flite.speak(
                text, voice.name, duration_stretch=voice.duration_stretch, pitch_hz=voice.pitch_hz
            )
            phones = [(from_flite(name), start, end) for name, start, end in marks]
            takes.append(_finish(samples, rate, phones, voice.speed))
    return takes


def _finish(samples: np.ndarray, rate: int, phones: Sequence[Phone], speed: float) -> tuple[np.ndarray, list[Phone]]:
    """Resample to 16 kHz played `speed` times as fast, times scaled with it, silences and empty phones dropped."""
    samples = soxr.resample(samples, rate * speed, SAMPLE_RATE) if rate * speed != SAMPLE_RATE else samples
    kept = [(n, start / speed, end / speed) for n, start, end in phones if n != SILENCE and end - start > 0.001]
    return samples.astype(np.float32), kept
