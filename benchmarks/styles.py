"""One sentence in every style, through the engine: a picture, and what a style leaves of the words.

    python benchmarks/styles.py -o docs/styles.png --data data/test --train data/train

In the picture, a style a row, at the same five instants of the same sentence. Beside it, for each style: how its mouth
opens in time with the neutral one's, how many of the neutral closures close, and how far the mean face moves. With
clips, the share of them whose style is recognised in what the engine makes of their sound: by a classifier that has
seen the talker's own faces only, in those styles, and not how a network does them. The last line is one JSON object.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from mouth import IDENTITY, Motion, measure, posed, rest_points
from style_classifier import StyleClassifier, learn, manner
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.talker.moods import express
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.types import AudioChunk
from voxmesh.viewer.camera import Camera
from voxmesh.viewer.sheet import Cell, draw_sheet

SHOWN = ("neutral", "cheerful", "sad", "angry", "surprised")
INSTANTS = {"closed": "lips meet", "open": "open", "spread": "spread", "round": "round", "rest": "at rest"}
SHUT = 0.02
"""Lips this share of the mouth's width apart are closed."""
WATCHED = 120
"""Vertices that the classifier sees, of mouth and upper face each."""


def take(bundle: Bundle, audio: np.ndarray, rate: int, style: str, seed: int = 0) -> np.ndarray:
    """(N,) samples in a named style -> (T, V, 3) metres, on the neutral identity."""
    engine = Engine(bundle, source_rate=rate, seed=seed, identity=IDENTITY, style=bundle.style.names[style])
    frames = engine.push(AudioChunk(audio, 0)) + engine.flush()
    return np.stack([frame.vertices for frame in frames])


def motion_of(bundle: Bundle, vertices: np.ndarray) -> Motion:
    rest, landmarks = rest_points(bundle)
    return measure(vertices[:, landmarks], rest, bundle.features.clock.fps)


def choose_instants(motions: dict[str, Motion]) -> dict[str, int]:
    """Frames of the neutral take, by name of INSTANTS, at which no style blinks."""
    plain = motions["neutral"]
    awake = np.all([m.lids_mm > 0.75 * np.median(m.lids_mm) for m in motions.values()], axis=0)
    spoken = np.flatnonzero(plain.aperture > 0.3 * plain.aperture.max())
    inside = awake & (np.arange(len(plain)) > spoken[0]) & (np.arange(len(plain)) < spoken[-1])

    def best(score: np.ndarray, where: np.ndarray) -> int:
        return int(np.argmax(np.where(where, score, -np.inf)))

    half_open = inside & (plain.aperture > 0.2 * plain.aperture.max())
    return {
        "closed": best(-plain.aperture, inside),
        "open": best(plain.aperture, inside),
        "spread": best(plain.width, half_open),
        "round": best(plain.protrusion - plain.width, inside),
        "rest": best(-np.arange(len(plain)) - 1e3 * plain.aperture, awake),
    }


def face_camera(bundle: Bundle) -> Camera:
    """From brow to chin and a little around."""
    template = bundle.topology(IDENTITY).template
    nose = template[np.argmax(template[:, 2])]
    return Camera((0.0, float(nose[1]) + 0.012, float(nose[2]) - 0.03), 0.185)


def draw(bundle: Bundle, takes: dict[str, np.ndarray], at: dict[str, int], path: Path) -> None:
    topology, camera = bundle.topology(IDENTITY), face_camera(bundle)
    cells = [
        Cell(f"{style}, {INSTANTS[name]}", topology, takes[style][frame], camera)
        for style in takes
        for name, frame in at.items()
    ]
    draw_sheet(cells, path, cell_size=(240, 270), columns=len(at))


def compare(bundle: Bundle, takes: dict[str, np.ndarray], motions: dict[str, Motion]) -> dict[str, dict[str, float]]:
    """Each style beside neutral: aperture_r, correlation of the apertures; closures, share of the frames with the
    neutral lips closed in speech that are closed too; mouth_mm, upper_mm, how far the mean face is moved.
    """
    plain, regions = motions["neutral"], bundle.topology(IDENTITY).regions
    spoken = np.flatnonzero(plain.aperture > 0.3 * plain.aperture.max())
    shut = np.flatnonzero(plain.aperture < SHUT)
    shut = shut[(shut > spoken[0]) & (shut < spoken[-1])]
    rows = {}
    for style, vertices in takes.items():
        moved = np.linalg.norm((vertices.mean(0) - takes["neutral"].mean(0)), axis=1) * 1000.0
        rows[style] = {
            "aperture_r": float(np.corrcoef(plain.aperture, motions[style].aperture)[0, 1]),
            "closures": float((motions[style].aperture[shut] < 2.0 * SHUT).mean()) if len(shut) else float("nan"),
            **{f"{region}_mm": float(moved[regions[region] > 0].mean()) for region in ("mouth", "upper")},
        }
    return rows


def watched(bundle: Bundle) -> np.ndarray:
    """The vertices that the classifier sees."""
    moving, regions = np.abs(bundle.deltas).max((0, 2)) > 1e-4, bundle.topology(IDENTITY).regions
    chosen = [np.flatnonzero((regions[name] > 0) & moving) for name in ("mouth", "upper")]
    return np.concatenate([every[:: max(1, len(every) // WATCHED)] for every in chosen])


def true_classifier(bundle: Bundle, data: Path, clips: int) -> StyleClassifier:
    """Learned from the talker's own faces in every style."""
    vertices = watched(bundle)
    rest = bundle.topology(IDENTITY).template[vertices]
    seen, classes = [], []
    for clip in [clip for clip in read_dataset(data)[: 2 * clips] if clip.phones][:clips]:
        for number, style in enumerate(SHOWN):
            points = posed(bundle, express(clip.curves, bundle.style.names[style]), vertices)
            seen.append(manner(points - rest, np.arange(len(vertices))))
            classes.append(number)
    return learn(np.stack(seen), np.array(classes))


def recognised(bundle: Bundle, classifier: StyleClassifier, data: Path, clips: int) -> np.ndarray:
    """(S, S) counts: row, the style that the engine was told; column, the style seen in what it made."""
    vertices, template = watched(bundle), bundle.topology(IDENTITY).template
    counts = np.zeros((len(SHOWN), len(SHOWN)), int)
    chosen = [clip for clip in read_dataset(data)[: 2 * clips] if clip.phones][:clips]
    for i, clip in enumerate(tqdm(chosen, desc="recognised", unit="clip")):
        for number, style in enumerate(SHOWN):
            made = take(bundle, clip.audio, 16000, style, seed=i)
            counts[number, classifier.classify(manner(made - template, vertices))] += 1
    return counts


@click.command()
@click.option("--bundle", default="default", show_default=True, help="A bundle with styles: a folder, or default.")
@click.option("--wav", type=click.Path(path_type=Path, exists=True), default=Path("stream/sample.wav"))
@click.option("--seconds", default=6.0, show_default=True, help="How much of the sentence.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Picture to write.")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Clips to recognise styles in.")
@click.option("--train", type=click.Path(path_type=Path, exists=True), help="Clips to learn the styles from.")
@click.option(
    "--clips", default=12, show_default=True, help="How many of the former; four times as many of the latter."
)
def main(
    bundle: str, wav: Path, seconds: float, output: Path | None, data: Path | None, train: Path | None, clips: int
) -> None:
    """Draw and measure a bundle's styles."""
    face = load(bundle)
    if face.style is None:
        raise click.UsageError(f"{face.folder} has no styles")
    with AudioFile(wav) as file:
        audio, rate = np.concatenate(list(file.blocks())), file.rate
    audio = audio[: int(seconds * rate)]
    styles = [*SHOWN, *(name for name in face.style.names if name not in SHOWN)]
    takes = {style: take(face, audio, rate, style) for style in tqdm(styles, desc="styles", unit="style")}
    motions = {style: motion_of(face, vertices) for style, vertices in takes.items()}
    if output is not None:
        at = choose_instants({style: motions[style] for style in SHOWN})
        draw(face, {style: takes[style] for style in SHOWN}, at, output)
    found: dict = {"styles": compare(face, takes, motions)}
    click.echo("| style | aperture, r with neutral | closures kept | mouth moved, mm | upper face moved, mm |")
    click.echo("|---|---|---|---|---|")
    for style, row in found["styles"].items():
        moved = f"{row['mouth_mm']:.2f} | {row['upper_mm']:.2f}"
        click.echo(f"| {style} | {row['aperture_r']:.3f} | {row['closures']:.2f} | {moved} |")
    if data is not None and train is not None:
        counts = recognised(face, true_classifier(face, train, 4 * clips), data, clips)
        found |= {"recognised": float(np.trace(counts) / counts.sum()), "confusion": counts.tolist()}
        click.echo(f"\n| told, seen | {' | '.join(SHOWN)} |\n|---|{'---|' * len(SHOWN)}")
        for style, row in zip(SHOWN, counts, strict=True):
            click.echo(f"| {style} | {' | '.join(map(str, row))} |")
        click.echo(f"\nrecognised: {100.0 * found['recognised']:.0f} % (chance {100 / len(SHOWN):.0f} %)\n")
    click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
