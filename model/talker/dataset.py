"""Clips from a seed, and a folder of them on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from voxmesh.model.talker.articulation import articulate
from voxmesh.model.talker.festival import SynthesiserCrash
from voxmesh.model.talker.moods import AXES, draw_style, express
from voxmesh.model.talker.pauses import fill_pauses, pause_s, without_speech
from voxmesh.model.talker.people import monologue
from voxmesh.model.talker.prosody import jaw_loudness, prosody
from voxmesh.model.talker.speech import say
from voxmesh.model.talker.text import sentence
from voxmesh.model.talker.upper_face import upper_face
from voxmesh.model.talker.voices import Voice, draw_person, draw_voice
from voxmesh.stream.errors import VoxmeshError

FPS = 60
SAMPLE_RATE = 16000
_ATTEMPTS = 5
SPLITS = ("train", "test", "valid")
_PEOPLE_SHARE, _LATE_SHARE = 0.4, 0.2
_SPEECHLESS_SHARE, _SHORTEST_S, _LONGEST_S = 0.10, 3.0, 8.0


@dataclass(frozen=True)
class Clip:
    """One spoken clip: audio (N,) float32 in -1..1 at 16 kHz, curves (T, 52) float32 at 60 fps in ARKIT_NAMES' order.

    Frame t depicts sample floor(t * 16000 / 60); T = ceil(N * 60 / 16000). `phones` are (name, start_s, end_s)
    without silences, names from `phones.PHONES`. style: (5,) float32 along `moods.AXES`, zeros for no mood.
    calm: (T, 52), the curves before the mood came over them; None where there is none.
    """

    audio: np.ndarray
    curves: np.ndarray
    phones: list[tuple[str, float, float]]
    voice: str
    language: str
    text: str
    split: str
    style: np.ndarray = field(default_factory=lambda: np.zeros(len(AXES), np.float32))
    calm: np.ndarray | None = None


def frames_of(samples: int) -> int:
    """Frames that depict `samples` samples: ceil(samples * 60 / 16000)."""
    return -(-samples * FPS // SAMPLE_RATE)


def _speechless_clip(rng: np.random.Generator, split: str) -> Clip:
    count = int(rng.uniform(_SHORTEST_S, 6.0) * SAMPLE_RATE)
    audio = without_speech(count, rng)
    return Clip(audio, upper_face(frames_of(count), rng), [], "none", "none", "", split)


def _utterances(rng: np.random.Generator, voice: Voice) -> Iterator[tuple[str, np.ndarray, list]]:
    """Takes until the clip is long enough to stop anywhere: (text, samples, phones)."""
    if voice.engine == "people":
        yield from monologue(rng, voice.name, voice.speed)
        return
    texts = [sentence(rng, voice.language) for _ in range(4)]
    if rng.random() < 0.3:  # short interjections between pauses
        texts = [" ".join(text.split()[: int(rng.integers(1, 4))]).rstrip(",") + "." for text in texts]
    if voice.engine == "flite":
        for text in texts:
            yield text, *say([text], voice)[0]
    else:
        letters = np.cumsum([len(text) for text in texts])
        texts = texts[: 1 + int(np.searchsorted(letters, 11.0 * _LONGEST_S))]  # nobody says 11 letters a second slower
        for text, take in zip(texts, say(texts, voice), strict=True):
            yield text, *take


def make_clip(seed: int, index: int, split: str = "train", *, people: bool = False, moods: bool = False) -> Clip:
    """Clip `index` of the endless stream that `seed` names; the same arguments give the same bytes.

    With `moods` it is the same clip `in_mood`. Where there may be `people`, they speak two clips in five, and
    synthesisers the others. A clip on which a synthesiser dies is drawn again. Raises VoxmeshError when one is missing,
    for a split that is none of SPLITS, or for people in another split than "train": none of them is held out.
    """
    if split not in SPLITS:
        raise VoxmeshError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if people and split != "train":
        raise VoxmeshError(f"recorded people speak in the train split only, not in {split!r}")
    for attempt in range(_ATTEMPTS):
        try:
            clip = _make_clip(np.random.default_rng([seed, index, SPLITS.index(split), attempt]), split, people)
            return in_mood(clip, seed, index) if moods else clip
        except SynthesiserCrash as crash:
            last = crash
    raise last


def in_mood(clip: Clip, seed: int, index: int) -> Clip:
    """Clip `index` of `seed` in a mood of its own: the same sound and phones, another face.

    The mood comes from a generator of its own, so what was computed from the sound of clips without moods holds.
    """
    style = draw_style(np.random.default_rng([seed, index, SPLITS.index(clip.split), *b"mood"]))
    return replace(clip, curves=express(clip.curves, style), style=style, calm=clip.curves)


def _make_clip(rng: np.random.Generator, split: str, people: bool) -> Clip:
    if rng.random() < _SPEECHLESS_SHARE:
        return _speechless_clip(rng, split)
    voice = draw_person(rng) if people and rng.random() < _PEOPLE_SHARE else draw_voice(rng, split)
    at = int(rng.uniform(0.2, 2.0 if rng.random() < 0.3 else 0.6) * SAMPLE_RATE)
    pieces, texts = [np.zeros(at, np.float32)], list[str]()
    phones: list[tuple[str, float, float]] = []
    for text, samples, marks in _utterances(rng, voice):
        if texts and at + len(samples) > _LONGEST_S * SAMPLE_RATE:
            break
        phones += [(name, at / SAMPLE_RATE + start, at / SAMPLE_RATE + end) for name, start, end in marks]
        pause = int(pause_s(rng) * SAMPLE_RATE)
        pieces += [samples, np.zeros(pause, np.float32)]
        at += len(samples) + pause
        texts.append(text)
        if at > _SHORTEST_S * SAMPLE_RATE and rng.random() < 0.6:
            break
    tail = int(rng.uniform(0.1, 2.0 if rng.random() < 0.3 else 0.4) * SAMPLE_RATE)
    short = int(_SHORTEST_S * SAMPLE_RATE) - at - tail
    audio = np.concatenate([*pieces, np.zeros(tail + max(short, 0), np.float32)])
    audio, phones = _cut(audio, phones)
    if rng.random() < _LATE_SHARE:
        audio, phones = _late(audio, phones, rng)
    level = rng.uniform(0.3, 0.95)
    frames = frames_of(len(audio))
    energy, pitch = prosody(audio, frames)
    amplitude = float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15))
    curves = articulate(phones, frames, amplitude=amplitude, loudness=jaw_loudness(energy))
    curves = curves + upper_face(frames, rng, energy=energy, pitch=pitch)
    audio = fill_pauses(audio, phones, rng)  # last: what is heard in pauses moves nothing
    audio = audio * np.float32(level / max(float(np.abs(audio).max()), 1e-3))
    return Clip(audio, curves, phones, f"{voice.engine}:{voice.name}", voice.language, " ".join(texts), split)


def _cut(audio: np.ndarray, phones: list[tuple[str, float, float]]) -> tuple[np.ndarray, list]:
    """At most 8 s: a longer utterance ends in the last long gap before, or simply there (speech that goes on)."""
    if not phones or phones[-1][2] <= _LONGEST_S - 0.1:
        return audio[: int(_LONGEST_S * SAMPLE_RATE)], phones
    ends = [
        (end, start)
        for (_, _, end), (_, start, _) in pairwise(phones)
        if start - end > 0.15 and _SHORTEST_S < start < _LONGEST_S
    ]
    stop = (ends[-1][1] - 0.03) if ends else _LONGEST_S
    kept = [(name, start, min(end, stop)) for name, start, end in phones if start < stop]
    return audio[: int(stop * SAMPLE_RATE)], kept


def _late(audio: np.ndarray, phones: list[tuple[str, float, float]], rng: np.random.Generator) -> tuple:
    """The clip as a microphone hears it that is opened while somebody speaks, or a file cut to the very first sound."""
    room = max(0, len(audio) - int(_SHORTEST_S * SAMPLE_RATE))
    cut_s = phones[0][1] + rng.uniform(-0.02, 0.04) if phones and rng.random() < 0.6 else rng.uniform(0.2, 1.2)
    start = int(np.clip(cut_s * SAMPLE_RATE, 0, room))
    since = [(name, a - start / SAMPLE_RATE, b - start / SAMPLE_RATE) for name, a, b in phones]
    return audio[start:], [(name, max(a, 0.0), b) for name, a, b in since if b > 0.0]


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.npz"


def _write_clip(folder: str, seed: int, index: int, split: str, people: bool, moods: bool) -> dict[str, object]:
    """Make clip `index` and put it in place whole; the line for the manifest."""
    clip = make_clip(seed, index, split, people=people, moods=moods)
    path = _path(Path(folder), index)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            audio=np.round(clip.audio * 32767.0).astype(np.int16),
            curves=clip.curves.astype(np.float16),
            phones=np.frombuffer(json.dumps(clip.phones).encode(), np.uint8),
            **({} if clip.calm is None else {"style": clip.style, "calm": clip.calm.astype(np.float16)}),
        )
    partial.replace(path)
    about = {"index": index, "seed": seed, "split": split, "moods": moods}
    about |= {"samples": len(clip.audio), "frames": len(clip.curves)}
    return {**about, "voice": clip.voice, "language": clip.language, "text": clip.text}


def write_dataset(
    folder: str | Path,
    clips: int,
    seed: int,
    split: str = "train",
    *,
    people: bool = False,
    moods: bool = False,
    workers: int = 1,
) -> None:
    """Write clips 0..clips-1 into `folder`: NNNNNN.npz each and manifest.jsonl, one line a clip, as they are made.

    Run again with the same arguments it makes only what is missing. Raises VoxmeshError when `folder` holds clips of
    another seed or split, or such with moods among such without.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.jsonl"
    done = set()
    for line in _manifest(folder) if manifest.exists() else ():
        has, asked = (line["seed"], line["split"], line.get("moods", False)), (seed, split, moods)
        if has != asked:
            found, wanted = (f"seed {a} split {b} {'with' if c else 'without'} moods" for a, b, c in (has, asked))
            raise VoxmeshError(f"{folder} already holds {found}, not {wanted}; choose another folder")
        if _path(folder, int(line["index"])).exists():
            done.add(line["index"])
    todo = [index for index in range(clips) if index not in done]
    arguments = zip(*((str(folder), seed, index, split, people, moods) for index in todo), strict=True) if todo else ()
    bar = tqdm(total=clips, initial=clips - len(todo), unit="clip", desc=f"talker {split}")
    with bar, manifest.open("a", encoding="utf-8") as out:

        def note(lines: Iterator[dict[str, object]]) -> None:
            for line in lines:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                out.flush()
                bar.update()

        if workers <= 1 or not todo:
            note(map(_write_clip, *arguments) if todo else iter(()))
        else:
            with ProcessPoolExecutor(workers) as pool:
                note(pool.map(_write_clip, *arguments, chunksize=4))


def _manifest(folder: Path) -> list[dict]:
    """The manifest's lines; a last line that a crash cut short is left out."""
    lines = []
    for text in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


class _Folder(Sequence[Clip]):
    """Clips read from disk when asked for, those without a mood given one where `moods` says so."""

    def __init__(self, folder: Path, lines: list[dict], moods: bool) -> None:
        self._folder, self._lines, self._moods = folder, lines, moods

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, item):
        if isinstance(item, slice):
            return _Folder(self._folder, self._lines[item], self._moods)
        line = self._lines[item]
        with np.load(_path(self._folder, line["index"]), allow_pickle=False) as data:
            audio = data["audio"].astype(np.float32) / 32767.0
            curves = data["curves"].astype(np.float32)
            phones = [(name, start, end) for name, start, end in json.loads(data["phones"].tobytes())]
            mood = {"style": data["style"], "calm": data["calm"].astype(np.float32)} if "calm" in data else {}
        clip = Clip(audio, curves, phones, line["voice"], line["language"], line["text"], line["split"], **mood)
        return in_mood(clip, line["seed"], line["index"]) if self._moods and not line.get("moods") else clip


def read_dataset(folder: str | Path, split: str | None = None, *, moods: bool = False) -> Sequence[Clip]:
    """Clips of a folder that `write_dataset` wrote, in the order of their index, each read when it is asked for.

    With `moods`, clips that were made without are given those that they would have been made with.
    Raises VoxmeshError when there is no manifest.
    """
    folder = Path(folder)
    if not (folder / "manifest.jsonl").exists():
        raise VoxmeshError(f"{folder} is no data set (no manifest.jsonl); make one: voxmesh talker make -o {folder}")
    lines = {line["index"]: line for line in _manifest(folder) if split in (None, line["split"])}
    return _Folder(folder, [lines[index] for index in sorted(lines) if _path(folder, index).exists()], moods)
