"""People: recordings with their texts that Debian packages hold; no synthesiser made these voices.

Fish Fillets NG, a game: three hours of actors in Czech and Dutch (GPL-2). KLettres, which teaches letters: a score of
people in as many languages, saying letters and syllables (GPL-2). The English prompts of a telephone exchange, see
`prompts.py` (CC BY-SA 3.0). The recordings stay where they are; when each phone was said is ours: `voxmesh talker
align` wrote it into `people.jsonl.gz`.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voxmesh.model.talker import espeak
from voxmesh.model.talker.phones import SILENCE, from_ipa
from voxmesh.model.talker.prompts import decode_g722, transcripts
from voxmesh.stream.errors import VoxmeshError

FOLDER = Path("/usr/share")
MARKS = Path(__file__).with_name("people.jsonl.gz")
SAMPLE_RATE = 16000
_APT = "sh .ci/system-packages.sh train"
_GAME, _GAME_LANGUAGES = Path("games/fillets-ng"), ("cs", "nl")
_LETTERS = Path("klettres")
_LETTER_LANGUAGES = {
    **{code: code for code in ("cs", "da", "de", "es", "fr", "hu", "it", "nb", "nl", "ru", "uk")},
    **{"en": "en-us", "en_GB": "en", "pt_BR": "pt-br"},
}
"""KLettres' names of the languages whose letters espeak-ng reads as its speakers do, and espeak-ng's."""
_STRING = r'"((?:[^"\\]|\\.)*)"'
_SOUND = re.compile(r'<sound name="([^"]+)"\s*file="([^"]+)"')
_LINE = re.compile(rf"dialogId\({_STRING},\s*{_STRING},\s*{_STRING}\)\s*dialogStr\({_STRING}\)")


@dataclass(frozen=True)
class Line:
    """A recorded line: `path` below /usr/share, who speaks it, in what language (as espeak-ng says), and its text."""

    path: str
    speaker: str
    language: str
    text: str


@dataclass(frozen=True)
class Recording:
    """A recorded line whose phones are known: (name, first frame, frame after the last) at 60 frames a second."""

    path: str
    speaker: str
    language: str
    phones: list[tuple[str, int, int]]


def lines(folder: Path = FOLDER, workers: int = 2) -> list[Line]:
    """Every recorded line with a text; prompts are written down now, in minutes.

    Raises VoxmeshError when the packages are not installed.
    """
    prompts = (Line(path, "en:allison", "en-us", text) for path, text in transcripts(folder, workers))
    found = [*_game_lines(folder), *_letters(folder), *prompts]
    if not found:
        raise VoxmeshError(f"no recordings of people in {folder}; install them: {_APT}")
    return found


def _game_lines(folder: Path) -> Iterator[Line]:
    scripts = folder / _GAME / "script"
    for language in _GAME_LANGUAGES:
        for script in sorted(scripts.rglob(f"dialogs_{language}.lua")):
            scene = script.parent.relative_to(scripts)
            for name, font, _, text in _LINE.findall(script.read_text("utf-8")):
                path = _GAME / "sound" / scene / language / f"{name}.ogg"
                if (folder / path).is_file():
                    speaker = f"{language}:{font.removeprefix('font_') or 'other'}"
                    yield Line(str(path), speaker, language, re.sub(r"\\(.)", r"\1", text))


def _letters(folder: Path) -> Iterator[Line]:
    for code, language in _LETTER_LANGUAGES.items():
        listed = folder / _LETTERS / code / "sounds.xml"
        if listed.is_file():
            for text, file in _SOUND.findall(listed.read_text("utf-8")):
                path = _LETTERS / file
                if (folder / path).is_file():
                    yield Line(str(path), f"{code}:letters", language, text.lower())


def listen(path: str, folder: Path = FOLDER) -> np.ndarray:
    """The recording's samples (N,) float32 at 16 kHz. Raises VoxmeshError when it is not there."""
    if path.endswith(".g722") and (folder / path).is_file():
        return decode_g722(folder / path)
    try:
        samples, rate = soundfile.read(folder / path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise VoxmeshError(f"{folder / path} cannot be read ({error}); install it: {_APT}") from None
    return soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE).astype(np.float32)


Spelled = tuple[str, float]
"""A phone, and how many seconds espeak-ng takes for it."""


def spelled(texts: Sequence[str], language: str) -> list[list[Spelled]]:
    """The phones of each text as espeak-ng reads it in `language`; two alike in a row are one."""
    base = language.partition("-")[0]
    found = []
    for one in espeak.speak(texts, language):
        parts = [(from_ipa(name, base), end - start) for name, start, end in one.phones]
        phones = [(phone, seconds / len(names)) for names, seconds in parts for phone in names]
        runs = (list(run) for _, run in groupby(phones, key=lambda phone: phone[0]))
        found.append([(run[0][0], sum(seconds for _, seconds in run)) for run in runs if run[0][0] != SILENCE])
    return found


def write_recordings(recordings: Sequence[Recording], path: Path = MARKS) -> None:
    """One JSON line a recording, compressed; the same recordings give the same bytes."""
    text = "".join(json.dumps(asdict(one)) + "\n" for one in recordings)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


@lru_cache(maxsize=2)
def recordings(path: Path = MARKS) -> tuple[Recording, ...]:
    """What `write_recordings` wrote."""
    parsed = (json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines())
    return tuple(
        Recording(one["path"], one["speaker"], one["language"], [tuple(p) for p in one["phones"]]) for one in parsed
    )


def monologue(rng: np.random.Generator, speaker: str, speed: float) -> Iterator[tuple[str, np.ndarray, list]]:
    """Random lines of one speaker, each (path, samples, phones in seconds), played `speed` times as fast."""
    mine = [one for one in recordings() if one.speaker == speaker]
    for index in rng.permutation(len(mine)):
        one = mine[index]
        samples = listen(one.path)
        samples = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE).astype(np.float32)
        yield one.path, samples, [(name, a / 60 / speed, b / 60 / speed) for name, a, b in one.phones]
