"""Who speaks: voices with an explicit split, so that nobody heard in a test was ever heard in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.model.talker.festival import SPEAKERS
from voxmesh.model.talker.people import recordings
from voxmesh.model.talker.sentences import SENTENCES
from voxmesh.stream.errors import VoxmeshError

ESPEAK_VARIANTS: dict[str, tuple[str, ...]] = {
    "train": (
        *("", "f1", "f2", "f3", "m1", "m2", "m3", "m4", "m7", "m8", "klatt", "klatt2", "klatt4"),
        *("Alex", "Andrea", "Annie", "Denis", "Diogo", "Gene", "Hugo", "Jacky", "Marco", "Mario", "Michael"),
        *("Nguyen", "adam", "antonio", "aunty", "benjamin", "boris", "caleb", "david", "edward", "gustave"),
        *("iven", "iven2", "john", "linda", "max", "michel", "paul", "quincy", "robert", "sandro"),
        *("steph", "steph2", "travis", "grandpa", "croak", "whisper"),
        *("Gene2", "Henrique", "Mr serious", "Storm", "edward2", "iven3", "iven4", "kaukovalta", "klatt5", "klatt6"),
        *("marcelo", "pedro", "rob", "shelby", "steph3", "victor"),
    ),
    "valid": ("f4", "m5", "klatt3", "Lee", "anika", "norbert", "miguel"),
    "test": ("f5", "m6", "Alicia", "Andy", "belinda", "ed", "grandma", "Mike", "pablo", "zac", "whisperf"),
}
"""Variants of espeak-ng's formant synthesiser ("!v" files); no variant is in two splits.

Left out: what sounds on in closures or after the end (echoes: RicishayMax, UniRobot, robosoft, announcer, anikaRobot),
effects (Demonic, Tweaky, fast), and AnxiousAndy, too near to Andy of the test.
"""
_WHISPERS = {"train": ("whisper", "croak"), "valid": (), "test": ("whisperf",)}
_WHISPER_SHARE = 0.06

ESPEAK_LANGUAGES: dict[str, tuple[str, ...]] = {
    **{language: (language,) for language in SENTENCES},
    "en": (
        *("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"),
    ),
    "fr": ("fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "pt": ("pt", "pt-br"),
    "vi": ("vi", "vi-vn-x-central", "vi-vn-x-south"),
}
"""Languages of `sentences.SENTENCES` and their accents."""

_SHARES = {"en": 0.36, "de": 0.08, "fr": 0.07, "es": 0.06, "it": 0.04, "nl": 0.03, "pt": 0.03, "pl": 0.03}
_REST = (1.0 - sum(_SHARES.values())) / (len(SENTENCES) - len(_SHARES))
LANGUAGE_SHARE: dict[str, float] = {language: _SHARES.get(language, _REST) for language in SENTENCES}
"""How often espeak-ng speaks each language; with flite and most of festival, English is about six tenths of all."""

FLITE_VOICES: dict[str, tuple[str, ...]] = {"train": ("slt", "rms"), "valid": (), "test": ("awb",)}
"""flite's recorded people; kal's labels run past its audio and are not used."""

FESTIVAL_VOICES: dict[str, dict[str, float]] = {
    "train": {
        **{"kal_diphone": 0.32, "cmu_us_slt_arctic_hts": 0.28, "lp_diphone": 0.16},
        **{"hy_fi_mv_diphone": 0.12, "upc_ca_ona_hts": 0.06, "czech_ph": 0.06},
    },
    "valid": {"pc_diphone": 1.0},
    "test": {"ked_diphone": 1.0},
}
"""festival's recorded people and their shares; its slt is flite's slt, so both are in the same split."""

_FLITE_PITCH_HZ = {"slt": (130.0, 280.0), "rms": (65.0, 160.0), "awb": (75.0, 180.0)}
FLITE_SHARE, FESTIVAL_SHARE = 0.25, 0.25
_ODD_RATE_SHARE = 0.25


@dataclass(frozen=True)
class Voice:
    """One way to speak. `speed` resamples the sound: > 1 is a shorter vocal tract, higher and faster."""

    engine: str  # "espeak", "flite", "festival" or "people"
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
    """A random voice of `split` ("train", "valid" to choose by, "test" to report): rate, pitch and vocal tract vary."""
    if split not in ESPEAK_VARIANTS:
        raise VoxmeshError(f"unknown split {split!r}; choose one of {', '.join(ESPEAK_VARIANTS)}")
    speed = float(np.exp(rng.uniform(np.log(0.82), np.log(1.22)))) if rng.random() < 0.8 else 1.0
    engine = rng.random()
    if engine < FESTIVAL_SHARE:
        return _festival(rng, split, speed)
    if engine < FESTIVAL_SHARE + FLITE_SHARE and FLITE_VOICES[split]:
        name = str(rng.choice(FLITE_VOICES[split]))
        low, high = _FLITE_PITCH_HZ[name]
        stretch = _stretch(rng) * speed
        return Voice(
            "flite", name, "en", duration_stretch=stretch, pitch_hz=float(rng.uniform(low, high)) / speed, speed=speed
        )
    languages = list(LANGUAGE_SHARE)
    language = str(rng.choice(languages, p=np.array([LANGUAGE_SHARE[one] for one in languages])))
    accent = str(rng.choice(ESPEAK_LANGUAGES[language]))
    whispers = rng.random() < _WHISPER_SHARE and len(_WHISPERS[split]) > 0
    variants = _WHISPERS[split] if whispers else ESPEAK_VARIANTS[split]
    variant = str(rng.choice(variants))
    usual, odd = rng.normal(165, 30), rng.uniform(220, 270) if rng.random() < 0.5 else rng.uniform(85, 120)
    words_per_minute = odd if rng.random() < _ODD_RATE_SHARE else usual
    return Voice(
        "espeak",
        f"{accent}+{variant}" if variant else accent,
        language,
        words_per_minute=int(np.clip(words_per_minute, 85, 270) / speed),
        pitch=int(rng.integers(0, 100)),
        pitch_range=int(rng.integers(5, 100)),
        speed=speed,
    )


def draw_person(rng: np.random.Generator) -> Voice:
    """A random recorded person, as often as there are recordings; the vocal tract varies by a tenth."""
    everyone = recordings()
    one = everyone[int(rng.integers(len(everyone)))]
    return Voice("people", one.speaker, one.language, speed=float(np.exp(rng.uniform(np.log(0.9), np.log(1.12)))))


def _stretch(rng: np.random.Generator) -> float:
    """How much slower than its recordings a voice speaks: mostly 0.8 to 1.3, now and then hasty or drawling."""
    return float(np.exp(rng.normal(0.05, 0.16 if rng.random() >= _ODD_RATE_SHARE else 0.35)).clip(0.6, 1.7))


def _festival(rng: np.random.Generator, split: str, speed: float) -> Voice:
    shares = FESTIVAL_VOICES[split]
    weights = np.array(list(shares.values()))
    name = str(rng.choice(list(shares), p=weights / weights.sum()))
    return Voice(
        "festival",
        name,
        SPEAKERS[name].language,
        duration_stretch=_stretch(rng) * speed,
        pitch_scale=float(np.exp(rng.normal(0.0, 0.2)).clip(0.65, 1.6)) / speed,
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
