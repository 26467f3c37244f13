"""Does the upper face live? `python benchmarks/upper_face.py [--wav FILE|FOLDER] [--bundle B]`.

Blinks, brows and gaze of the live model over minutes of speech, of silence and of faint noise, beside the training
data's own for the same speech and at rest, and published figures. Then the same speech with other seeds: the mouth
should be the same, the upper face another. Speech is the talker's test split, or recordings, looped. `upper_figures.py`
says how each figure is read. The last line is one JSON object.

[1] Bentivoglio et al. 1997, Movement Disorders 12:1028; intervals are 60 s / rate. [2] Bahill, Adler and Stark 1975,
Investigative Ophthalmology 14:468. [textbook]: figures that are told everywhere; we cite nobody for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

import click
import numpy as np

from mendable import mendable
from mouth import IDENTITY, measure, posed, rest_points, streamed
from upper_figures import FIGURES, Upper, Value, correlations, figures, samples, turned
from voxmesh.model.talker.dataset import FPS, SAMPLE_RATE, make_clip
from voxmesh.model.talker.prosody import prosody
from voxmesh.model.talker.upper_face import upper_face
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.resample import Resampler
from voxmesh.stream.topology import LANDMARKS

WHOLE = 3 * SAMPLE_RATE // 60
"""Samples of three frames: the shortest stretch that is whole in both."""
NOISE_DBFS = -60.0
EYE_POINTS = 48
"""Vertices of each eyeball that are read: enough for its rotation."""
RATE_RANGE = (8.0, 30.0)
"""Blinks a minute that pass for alive, in speech and in silence."""
UPPER = ("lids", "brows", "yaw", "pitch")
SERIES = ("aperture", "width", *UPPER)
"""What is correlated between seeds."""


@dataclass(frozen=True)
class Speech:
    """audio: (N,) float32 at 16 kHz. energy, pitch: (T,) at 60 fps, as `prosody` tells them to the training data."""

    audio: np.ndarray
    energy: np.ndarray
    pitch: np.ndarray


def recordings(path: Path) -> list[np.ndarray]:
    """A file, or every .wav of a folder, at 16 kHz, in pieces of a minute or less."""
    paths = [path] if path.is_file() else sorted(path.glob("*.wav"))
    if not paths:
        raise VoxmeshError(f"no recordings in {path}: put some .wav files there, or name one")
    pieces = []
    for name in paths:
        with AudioFile(name) as audio:
            resampler = Resampler(audio.rate, SAMPLE_RATE)
            mono = np.concatenate([*(resampler.push(block) for block in audio.blocks()), resampler.flush()])
        pieces += [mono[start : start + 60 * SAMPLE_RATE] for start in range(0, len(mono), 60 * SAMPLE_RATE)]
    return pieces


def talker_clips() -> Iterator[np.ndarray]:
    """The talker's test clips, those without speech left out, without end."""
    return (clip.audio for clip in (make_clip(0, index, "test") for index in count()) if clip.phones)


def gather(takes: Iterator[np.ndarray], minutes: float) -> Speech:
    """So many minutes of takes, one after the other; each take's prosody is its own."""
    frames = round(minutes * 60 * FPS / 3) * 3
    audio, energy, pitch, have = [], [], [], 0
    while have < frames:
        take = next(takes)
        take = np.pad(take, (0, -len(take) % WHOLE))
        length = len(take) * FPS // SAMPLE_RATE
        loud, hertz = prosody(take, length)
        voiced = hertz > 0
        audio.append(take)
        energy.append(loud)
        # Voices differ in height, and the next one is no accent: each is moved to the same median.
        pitch.append(hertz * (120.0 / np.median(hertz[voiced])) if voiced.any() else hertz)
        have += length
    whole = np.concatenate(audio).astype(np.float32)[: frames * SAMPLE_RATE // FPS]
    return Speech(whole, np.concatenate(energy)[:frames], np.concatenate(pitch)[:frames])


class Reader:
    """Reads a bundle's face: live, or posed by curves."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._rest, marks = rest_points(bundle)
        self._eyes = []
        for side in ("Left", "Right"):
            # Looking aside moves the eyeball and nothing else.
            ball = np.flatnonzero(np.abs(bundle.deltas[bundle.blendshape_names.index(f"eyeLookIn{side}")]).max(1) > 0)
            self._eyes.append(ball[:: max(1, len(ball) // EYE_POINTS)])
        self._all = np.concatenate([marks, *self._eyes])

    def live(self, audio: np.ndarray, seed: int) -> tuple[Upper, dict[str, np.ndarray]]:
        """The streaming engine on (N,) samples at 16 kHz."""
        blocks = (audio[start : start + SAMPLE_RATE] for start in range(0, len(audio), SAMPLE_RATE))
        return self._read(streamed(self.bundle, blocks, SAMPLE_RATE, self._all, seed))

    def drawn(self, curves: np.ndarray) -> tuple[Upper, dict[str, np.ndarray]]:
        """The talker's curves, (T, 52). Raises VoxmeshError when the bundle has another frame rate."""
        return self._read(posed(self.bundle, curves, self._all))

    def _read(self, points: np.ndarray) -> tuple[Upper, dict[str, np.ndarray]]:
        """The upper face, and the series whose correlation is told."""
        at = {name: points[:, i].astype(float) for i, name in enumerate(LANDMARKS)}
        rest = dict(zip(LANDMARKS, self._rest.astype(float), strict=True))

        def closure(side: str) -> np.ndarray:
            upper, lower = f"lid_upper_{side}", f"lid_lower_{side}"
            return 1 - np.linalg.norm(at[upper] - at[lower], axis=1) / np.linalg.norm(rest[upper] - rest[lower])

        brows = [1000 * (at[name][:, 1] - rest[name][1]) for name in ("brow_left", "brow_right")]
        template, first, gaze = self.bundle.topology(IDENTITY).template, len(LANDMARKS), []
        for eye in self._eyes:
            gaze.append(turned(points[:, first : first + len(eye)], template[eye]))
            first += len(eye)
        lids = np.stack([closure("left"), closure("right")], axis=1)
        fps = self.bundle.features.clock.fps
        face = Upper(fps, lids, np.stack(brows, axis=1), np.mean(gaze, axis=0))
        mouth = measure(points[:, : len(LANDMARKS)], self._rest, fps)
        yaw, pitch = face.gaze_deg.T
        series = {"aperture": mouth.aperture, "width": mouth.width, "lids": face.lids, "brows": face.brows}
        return face, {**series, "yaw": yaw, "pitch": pitch}


def training_curves(frames: int, seed: int, speech: Speech | None) -> list[np.ndarray]:
    """The training data's upper face, drawn afresh each minute, for the speech or at rest."""
    step = 60 * FPS
    pieces = [slice(start, min(start + step, frames)) for start in range(0, frames, step)]
    rngs = [np.random.default_rng([seed, index]) for index in range(len(pieces))]
    return [
        upper_face(
            piece.stop - piece.start,
            rng,
            energy=None if speech is None else speech.energy[piece],
            pitch=None if speech is None else speech.pitch[piece],
        )
        for piece, rng in zip(pieces, rngs, strict=True)
    ]


def cell(value: Value, digits: int) -> str:
    if value is None:
        return "-"
    return " / ".join(f"{one:.{digits}f}" for one in (value if isinstance(value, list) else [value]))


def print_figures(columns: dict[str, dict[str, Value]]) -> None:
    click.echo(f"{'(* p10 / p50 / p90)':24}" + "".join(f"{name:>21}" for name in columns) + "   published")
    for name, (_, _, digits, title, published) in FIGURES.items():
        cells = "".join(f"{cell(found[name], digits):>21}" for found in columns.values())
        click.echo(f"{title:24}{cells}   {published}")


def print_correlations(kinds: dict[str, dict[str, dict[str, float | None]]]) -> None:
    click.echo(f"\n{'correlation, seeds':24}" + "".join(f"{name:>10}" for name in SERIES))
    for kind, pairs in kinds.items():
        for pair, found in pairs.items():
            cells = "".join(f"{cell(found.get(name), 3):>10}" for name in SERIES)
            click.echo(f"{f'{kind}, {pair}':24}{cells}")


def rounded(value: Any) -> Any:
    """Floats of a JSON-like value with four digits."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def run(bundle: Path | None, wav: Path | None, speech_minutes: float, silence_minutes: float, seeds: int) -> dict:
    """Measure, print and return what the last line says. Raises VoxmeshError for what a user can mend."""
    reader = Reader(load(bundle))
    takes = talker_clips() if wav is None else chain.from_iterable(repeat(recordings(wav)))
    speech = gather(takes, speech_minutes)
    quiet = np.zeros(round(silence_minutes * 60 * FPS / 3) * WHOLE, np.float32)
    hiss = np.random.default_rng(0).normal(0, 10 ** (NOISE_DBFS / 20), len(quiet)).astype(np.float32)
    # Training data first: a bundle that cannot be compared is told at once.
    data = {seed: [reader.drawn(c) for c in training_curves(len(speech.energy), seed, speech)] for seed in range(seeds)}
    rest = [reader.drawn(c) for s in range(seeds) for c in training_curves(len(quiet) * FPS // SAMPLE_RATE, s, None)]
    live = {}
    for seed in range(seeds):
        click.echo(f"speech, seed {seed} ...", err=True)
        live[seed] = reader.live(speech.audio, seed)
    click.echo("silence and noise ...", err=True)
    columns = {
        "live, speech": figures([samples(face) for face, _ in live.values()]),
        "live, silence": figures([samples(reader.live(quiet, 0)[0])]),
        "live, faint noise": figures([samples(reader.live(hiss, 0)[0])]),
        "training, speech": figures([samples(face) for faces in data.values() for face, _ in faces]),
        "training, rest": figures([samples(face) for face, _ in rest]),
    }
    print_figures(columns)
    drawn = {s: {name: np.concatenate([one[name] for _, one in faces]) for name in UPPER} for s, faces in data.items()}
    alike = {"live": correlations({s: series for s, (_, series) in live.items()}), "training": correlations(drawn)}
    print_correlations(alike)
    rates = {f"speech, seed {seed}": figures([samples(face)])["blinks_per_minute"] for seed, (face, _) in live.items()}
    rates |= {name: columns[f"live, {name}"]["blinks_per_minute"] for name in ("silence", "faint noise")}
    low, high = RATE_RANGE
    alive = all(low <= rate <= high for rate in rates.values())
    told = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
    click.echo(f"\nblinks a minute: {told}: {'all' if alive else 'NOT all'} within {low:g} to {high:g}")
    return rounded(
        {
            "bundle": str(reader.bundle.folder),
            "speech": "the talker's test split" if wav is None else str(wav),
            "speech_minutes": speech_minutes,
            "silence_minutes": silence_minutes,
            "seeds": seeds,
            "figures": columns,
            "correlation": alike,
            "blinks_per_minute": rates,
            "blinks_in_range": alive,
        }
    )


@click.command(help=(__doc__ or "").replace("\n", " "))
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--wav", type=click.Path(path_type=Path), help="Recordings instead of the talker's test clips.")
@click.option("--speech-minutes", type=click.FloatRange(0.05, 600), default=10.0, show_default=True)
@click.option("--silence-minutes", type=click.FloatRange(0.05, 600), default=5.0, show_default=True)
@click.option("--seeds", type=click.IntRange(2, 100), default=3, show_default=True, help="Seeds 0, 1, ... for speech.")
def main(bundle: Path | None, wav: Path | None, speech_minutes: float, silence_minutes: float, seeds: int) -> None:
    with mendable("upper_face"):
        report = run(bundle, wav, speech_minutes, silence_minutes, seeds)
    click.echo(json.dumps(report, allow_nan=False))


if __name__ == "__main__":
    main()
