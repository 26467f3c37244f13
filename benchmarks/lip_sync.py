"""Do the lips say what is heard? `python benchmarks/lip_sync.py FOLDER [--bundle B] [--seed N]`.

Animates every NAME.wav of FOLDER through the streaming engine and measures the mouth's landmarks against
NAME.phones.json: a list of [phone, start_s, end_s], ARPAbet, silences left out; an empty list says that nobody speaks.
Every figure comes with a bootstrap 95 % interval over phones (pauses, seconds) and their number, by clip and overall,
where the clips' phones are pooled. `lip_figures.py` says how each is read. The last line is one JSON object.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from bootstrap import Figure, estimate
from lip_figures import KINDS, TITLES, UNITS, Samples, nonspeech_samples, speech_samples
from mendable import mendable
from mouth import animated, articulated
from voxmesh.model.talker.articulation import Phone
from voxmesh.model.talker.phones import SILENCE, from_flite
from voxmesh.stream.bundle import load
from voxmesh.stream.errors import VoxmeshError

LAYOUT = "it holds a list of [phone, start_s, end_s] in time order"
COLUMNS = (
    *("bilabial", "labiodental", "rounded", "spread", "open", "closure_rate", "false_closure"),
    *("lag_ms", "silence", "jitter", "blinks_per_minute", "quiet_share"),
)
"""What a clip's row shows; the JSON has every figure."""


def read_phones(path: Path) -> list[Phone]:
    """The phones of NAME.phones.json, names folded into ours, silences dropped.

    Raises VoxmeshError when it is missing, is not of the layout, names an unknown phone or goes back in time.
    """
    if not path.is_file():
        raise VoxmeshError(f"{path} is missing: {LAYOUT}, empty where nobody speaks")
    try:
        listed = json.loads(path.read_text("utf-8"))
        if not isinstance(listed, list):
            raise TypeError(f"it is a {type(listed).__name__}")
        listed = [(str(name), float(start), float(end)) for name, start, end in listed]
    except (ValueError, TypeError, OSError) as error:
        raise VoxmeshError(f"{path} is not a list of phones ({error}): {LAYOUT}") from error
    phones: list[Phone] = []
    before = 0.0
    for raw, start, end in listed:
        try:
            name = from_flite(raw)
        except KeyError as error:
            raise VoxmeshError(f"{path} has a phone {raw!r}, which ARPAbet has not: mend it") from error
        if not before - 1e-6 <= start < end < float("inf"):
            raise VoxmeshError(f"{path} has {raw} from {start:g} to {end:g} s after {before:g} s: {LAYOUT}")
        before = end
        if name != SILENCE:
            phones.append((name, start, end))
    return phones


def pooled(clips: list[Samples]) -> Samples:
    """All clips' samples as if they were one clip's."""
    names = dict.fromkeys(name for clip in clips for name in clip)
    groups = {name: zip(*(clip[name] for clip in clips if name in clip), strict=True) for name in names}
    return {name: tuple(np.concatenate(group) for group in groups[name]) for name in names}


def figures(samples: Samples) -> dict[str, Figure | None]:
    """Every figure of KINDS; None where there is nothing to make it of."""
    return {name: estimate(kind, samples[name]) if name in samples else None for name, kind in KINDS.items()}


def as_json(found: dict[str, Figure | None]) -> dict[str, Any]:
    """A figure as {"value", "low", "high", "n"}, an AUC also with "contrasts"; None stays null."""

    def one(figure: Figure) -> dict[str, Any]:
        values = {key: round(getattr(figure, key), 4) for key in ("value", "low", "high")}
        return values | dict(zip(("n", "contrasts"), figure.counts, strict=False))

    return {name: figure and one(figure) for name, figure in found.items()}


def cells(name: str, figure: Figure | None) -> tuple[str, str, str]:
    """Value, interval and number, as text."""
    if figure is None:
        return "-", "-", "0"
    digits = UNITS[name]
    interval = f"{figure.low:.{digits}f} .. {figure.high:.{digits}f}"
    return f"{figure.value:.{digits}f}", interval, " / ".join(map(str, figure.counts))


def print_clip(title: str, found: dict[str, Figure | None]) -> None:
    """Three lines: values, intervals, numbers."""
    columns = [cells(name, found[name]) for name in COLUMNS]
    for head, line in zip((title, "", ""), zip(*columns, strict=True), strict=True):
        click.echo(f"{head:16}" + "".join(f"{cell:>15}" for cell in line))


def print_overall(found: dict[str, Figure | None]) -> None:
    """One line a figure, with what it is."""
    click.echo(f"\n{'overall':20}{'value':>8}  {'95 % interval':18}{'n':12}")
    for name, figure in found.items():
        value, interval, number = cells(name, figure)
        click.echo(f"{name:20}{value:>8}  {interval:18}{number:12}{TITLES[name]}")


def run(folder: Path, bundle: Path | None, seed: int) -> dict[str, Any]:
    """Measure, print and return what the last line says. Raises VoxmeshError for what a user can mend."""
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise VoxmeshError(f"no recordings in {folder}: put NAME.wav and NAME.phones.json there")
    phones = {path: read_phones(path.with_suffix(".phones.json")) for path in paths}
    face = load(bundle)
    motions = {path: animated(face, path, seed) for path in paths}
    for path, motion in motions.items():
        if phones[path] and phones[path][-1][1] >= motion.seconds:
            raise VoxmeshError(
                f"{path} lasts {motion.seconds:.2f} s, its last phone starts at {phones[path][-1][1]:g} s:"
                " are these its phones?"
            )
    speech = [motions[path].aperture for path in paths if phones[path]]
    loudest = float(np.percentile(np.concatenate(speech), 95)) if speech else None
    click.echo(f"{'clip':16}" + "".join(f"{name.replace('_per_minute', '_min'):>15}" for name in COLUMNS))
    clips, files = [], {}
    for path, motion in motions.items():
        if phones[path]:
            samples = speech_samples(phones[path], motion, articulated(face, phones[path], len(motion)))
        else:
            samples = nonspeech_samples(motion, loudest if loudest is not None else 1.0)
        clips.append(samples)
        found = figures(samples)
        print_clip(path.stem, found)
        level = round(float(np.percentile(motion.aperture, 95)), 4)
        head = {"seconds": round(motion.seconds, 2), "phones": len(phones[path]), "aperture95": level}
        files[path.stem] = head | as_json(found)
    overall = figures(pooled(clips))
    print_overall(overall)
    return {
        "bundle": str(face.folder),
        "seed": seed,
        "clips": len(paths),
        "seconds": round(sum(motion.seconds for motion in motions.values()), 2),
        "phones": sum(map(len, phones.values())),
        "aperture95": None if loudest is None else round(loudest, 4),
        "overall": as_json(overall),
        "files": files,
    }


@click.command(help=(__doc__ or "").replace("\n", " "))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--seed", type=int, default=0, show_default=True, help="The engine's seed.")
def main(folder: Path, bundle: Path | None, seed: int) -> None:
    with mendable("lip_sync"):
        report = run(folder, bundle, seed)
    click.echo(json.dumps(report, allow_nan=False))


if __name__ == "__main__":
    main()
