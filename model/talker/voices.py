"""Who speaks: voices with an explicit split, so that nobody heard in a test was ever heard in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.model.talker.festival import SPEAKERS
from voxmesh.stream.errors import VoxmeshError

ESPEAK_VARIANTS: dict[str, tuple[str, ...]] = {
    "train": (
        *("", "f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "klatt", "klatt2", "klatt3", "klatt4"),
        *("Alex", "Andrea", "Annie", "Denis", "Diogo", "Gene", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael"),
        *("Nguyen", "adam", "anika", "antonio", "aunty", "benjamin", "boris", "caleb", "david", "edward", "gustave"),
        *("iven", "iven2", "john", "linda", "max", "michel", "norbert", "paul", "quincy", "robert", "sandro"),
        *("steph", "steph2", "travis", "grandpa", "croak", "whisper"),
    ),
    "test": ("f5", "m6", "Alicia", "Andy", "belinda", "ed", "grandma", "Mike", "pablo", "zac", "whisperf"),
}
"""Variants of espeak-ng's formant synthesiser ("!v" files); no variant is in both splits."""

ESPEAK_LANGUAGES: dict[str, tuple[str, ...]] = {
    "en": ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"),
    "de": ("de",),
    "fr": ("fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "it": ("it",),
    "nl": ("nl",),
    "pt": ("pt", "pt-br"),
    "pl": ("pl",),
}
"""Languages of `sentences.SENTENCES` and their accents."""

LANGUAGE_SHARE: dict[str, float] = {
    **{"en": 0.50, "de": 0.12, "fr": 0.10, "es": 0.09, "it": 0.08, "nl": 0.04, "pt": 0.04, "pl": 0.03}
}

FLITE_VOICES: dict[str, tuple[str, ...]] = {"train": ("slt", "rms"), "test": ("awb",)}
"""flite's recorded people; kal's labels run past its audio and are not used."""

FESTIVAL_VOICES: dict[str, dict[str, float]] = {
    "train": {
        **{"kal_diphone": 0.35, "cmu_us_slt_arctic_hts": 0.25, "lp_diphone": 0.09, "pc_diphone": 0.09},
    },
    "test": {"ked_diphone": 1.0},
}
"""festival's recorded people and their shares; its slt is flite's slt, so both are in the same split."""

_FLITE_PITCH_HZ = {"slt": (150.0, 240.0), "rms": (75.0, 130.0), "awb": (90.0, 150.0)}
FLITE_SHARE, FESTIVAL_SHARE = 0.25, 0.25


@dataclass(frozen=True)
class Voice:
    """One way to speak. `speed` resamples the sound: > 1 is a shorter vocal tract, higher and faster."""

    engine: str  # "espeak", "flite" or "festival"
    name: str
    language: str
    words_per_minute: int = 175
    pitch: int = 50
    pitch_range: int = 50
    duration_stretch: float = 1.0
    pitch_hz: float | None = None
    pitch_scale: float = 1.0
    speed: float = 1.0


def draw_voice(rng: np.random.Generator, split: str) -> Voice:
    """A random voice of `split` ("train" or "test") with random rate, pitch and vocal tract."""
    if split not in ESPEAK_VARIANTS:
        raise VoxmeshError(f"unknown split {split!r}; choose train or test")
    speed = float(np.exp(rng.uniform(np.log(0.85), np.log(1.18)))) if rng.random() < 0.7 else 1.0
    engine = rng.random()
    if engine < FESTIVAL_SHARE:
        return _festival(rng, split, speed)
    if engine < FESTIVAL_SHARE + FLITE_SHARE:
        name = str(rng.choice(FLITE_VOICES[split]))
        low, high = _FLITE_PITCH_HZ[name]
        stretch = float(np.exp(rng.normal(0.05, 0.14)).clip(0.75, 1.5)) * speed
        return Voice(
            "flite", name, "en", duration_stretch=stretch, pitch_hz=float(rng.uniform(low, high)) / speed, speed=speed
        )
    languages = list(LANGUAGE_SHARE)
    language = str(rng.choice(languages, p=np.array([LANGUAGE_SHARE[one] for one in languages])))
    accent = str(rng.choice(ESPEAK_LANGUAGES[language]))
    variant = str(rng.choice(ESPEAK_VARIANTS[split]))
    return Voice(
        "espeak",
        f"{accent}+{variant}" if variant else accent,
        language,
        words_per_minute=int(np.clip(rng.normal(160, 25), 100, 240) / speed),
        pitch=int(rng.integers(15, 86)),
        pitch_range=int(rng.integers(25, 100)),
        speed=speed,
    )


def _festival(rng: np.random.Generator, split: str, speed: float) -> Voice:
    shares = FESTIVAL_VOICES[split]
    weights = np.array(list(shares.values()))
    name = str(rng.choice(list(shares), p=weights / weights.sum()))
    return Voice(
        "festival",
        name,
        SPEAKERS[name].language,
        duration_stretch=float(np.exp(rng.normal(0.05, 0.16)).clip(0.7, 1.6)) * speed,
        pitch_scale=float(np.exp(rng.normal(0.0, 0.15)).clip(0.75, 1.4)) / speed,
        speed=speed,
    )


def named(name: str) -> Voice:
    """The voice that flite ("slt"), festival ("kal_diphone") or espeak-ng ("en-us+f3") calls so, in its plain style."""
    if name in SPEAKERS:
        return Voice("festival", name, SPEAKERS[name].language)
    if any(name in names for names in FLITE_VOICES.values()):
        return Voice("flite", name, "en")
    return Voice("espeak", name, name.partition("-")[0])


def voice_key(voice: Voice) -> str:
    """The part of a voice that identifies a speaker: "flite:slt" or "espeak:f3" (whatever the accent).

    flite and festival may know one person by two names: festival's "cmu_us_slt_arctic_hts" is "flite:slt" too.
    """
    if voice.name == "cmu_us_slt_arctic_hts":
        return "flite:slt"
    variant = voice.name.partition("+")[2] if voice.engine == "espeak" else voice.name
    return f"{voice.engine}:{variant}"
