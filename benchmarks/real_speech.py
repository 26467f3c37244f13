"""What does the mouth do on real speech? `python benchmarks/real_speech.py FOLDER [--bundle B]`.

For every NAME.wav with NAME.phones.json ([phone, start_s, end_s], ARPAbet, silences left out) in FOLDER: animates it
through the streaming engine and reads the inner lip landmarks. Apertures are shares of the neutral mouth's width. The
last line is one JSON object.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.types import AudioChunk

BILABIAL, OPEN = ("P", "B", "M"), ("AA", "AE", "AH", "AY", "AW", "AO", "EH")
PAUSE_S, SETTLE_S, SEALED = 0.3, 0.12, 0.02
"""A pause counts from 300 ms; its first and last 120 ms are the mouth closing and opening. Sealed: 2 % of its width."""
BLINK_MM = 4.0


def animate(bundle: Bundle, path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """(T,) lip aperture / mouth width, (T,) lid aperture in mm (mean of both eyes), frames per second."""
    audio = AudioFile(path)
    engine = Engine(bundle, source_rate=audio.rate)
    frames, position = [], 0
    for block in audio.blocks():
        frames += engine.push(AudioChunk(block, position))
        position += len(block)
    frames += engine.flush()
    marks, rest = engine.topology.landmarks, engine.topology.template
    width = np.linalg.norm(rest[marks["mouth_left"]] - rest[marks["mouth_right"]])
    vertices = np.stack([frame.vertices[list(marks.values())] for frame in frames])
    at = {name: vertices[:, i] for i, name in enumerate(marks)}
    lips = np.linalg.norm(at["lip_upper_inner"] - at["lip_lower_inner"], axis=1) / width
    lids = [np.linalg.norm(at[f"lid_upper_{s}"] - at[f"lid_lower_{s}"], axis=1) for s in ("left", "right")]
    return lips, np.mean(lids, axis=0) * 1000.0, engine.clock.fps


def pauses(phones: list[tuple[str, float, float]], end_s: float) -> list[tuple[float, float]]:
    """The silences of at least PAUSE_S between phones, before the first and after the last."""
    edges = [0.0, *(t for _, start, end in phones for t in (start, end)), end_s]
    gaps = zip(edges[0::2], edges[1::2], strict=True)
    return [(start, end) for start, end in gaps if end - start >= PAUSE_S]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle folder (default: the one shipped).")
def main(folder: Path, bundle: Path | None) -> None:
    """Animate FOLDER's recordings and report lips at p b m, open vowels and pauses, and blinks."""
    face = load(bundle)
    bilabial: list[float] = []
    vowels: list[float] = []
    silences: list[float] = []
    blinks, seconds = 0, 0.0
    click.echo("file              p b m  open vowels  pauses sealed  blinks  seconds")
    for path in sorted(folder.glob("*.wav")):
        phones = [tuple(phone) for phone in json.loads(path.with_suffix(".phones.json").read_text())]
        lips, lids, fps = animate(face, path)

        def over(start: float, end: float, lips: np.ndarray = lips, fps: float = fps) -> np.ndarray:
            first = min(max(0, int(start * fps)), len(lips) - 1)
            return lips[first : max(first + 1, int(np.ceil(end * fps)))]

        closed = [float(over(a - 0.04, b + 0.04).min()) for name, a, b in phones if name in BILABIAL]
        opened = [float(over(a, b).max()) for name, a, b in phones if name in OPEN]
        rests = [float(over(a + SETTLE_S, b - SETTLE_S).max()) for a, b in pauses(phones, len(lips) / fps)]
        shut = lids < BLINK_MM
        count = int((shut[1:] & ~shut[:-1]).sum())
        click.echo(
            f"{path.stem:16} {np.median(closed or [np.nan]):6.3f} {np.median(opened or [np.nan]):12.3f} "
            f"{sum(r <= SEALED for r in rests):9d} / {len(rests):<3d} {count:6d} {len(lips) / fps:8.1f}"
        )
        bilabial, vowels, silences = bilabial + closed, vowels + opened, silences + rests
        blinks, seconds = blinks + count, seconds + len(lips) / fps
    result = {
        "bilabial_median": round(float(np.median(bilabial)), 4),
        "open_median": round(float(np.median(vowels)), 4),
        "pauses": len(silences),
        "pauses_sealed": sum(r <= SEALED for r in silences),
        "widest_pause": round(max(silences, default=0.0), 4),
        "blinks_per_minute": round(60.0 * blinks / seconds, 1),
    }
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
