"""The viewer's commands: `render` and `sheet` draw recordings, `view` draws what is live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.camera import VIEWS, frame
from voxmesh.viewer.clip import Clip, load_clip
from voxmesh.viewer.options import Size
from voxmesh.viewer.view import view

__all__ = ["render", "sheet", "view"]


@click.command()
@click.argument("clip", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="OUT.mp4, or OUT.png for a picture."
)
@click.option("--audio", type=click.Path(path_type=Path), help="The sound the clip was made from, for the mp4.")
@click.option("--size", type=Size(), default="720", show_default=True, help="Pixels: 720, or 800x920.")
@click.option("--view", "view_name", type=click.Choice(VIEWS), default="front", show_default=True)
@click.option("--start", "start_s", type=float, default=0.0, help="Seconds into the clip.")
@click.option("--seconds", type=float, help="How much of it; all by default.")
@click.option(
    "--strip", type=click.IntRange(1, 64), default=1, help="A picture of N frames, evenly spaced, side by side."
)
def render(
    clip: Path,
    output: Path,
    audio: Path | None,
    size: tuple[int, int],
    view_name: str,
    start_s: float,
    seconds: float | None,
    strip: int,
) -> None:
    """Draw CLIP.npz, which `voxmesh animate` wrote, as a film or a picture."""
    film = output.suffix.lower() in (".mp4", ".m4v", ".mov")
    if not film and output.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise VoxmeshError(f"cannot tell from {output} what to write; end it with .mp4 or .png")
    _check_folder(output)
    part = load_clip(clip).cut(start_s, seconds)
    if film:
        _write_film(part, output, audio, size, view_name)
    elif strip > 1:
        _write_grid(part, output, size, view_name, _evenly(part, strip), columns=strip)
    else:
        _write_picture(part, output, size, view_name)
    click.echo(f"wrote {output}")


@click.command()
@click.argument("clip", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="OUT.png.")
@click.option("--frames", type=click.IntRange(1, 400), default=24, show_default=True, help="How many, evenly spaced.")
@click.option("--columns", type=click.IntRange(1, 40), default=6, show_default=True)
@click.option("--size", type=Size(), default="300x345", show_default=True, help="Pixels of one frame and its caption.")
@click.option("--view", "view_name", type=click.Choice(VIEWS), default="front", show_default=True)
@click.option("--start", "start_s", type=float, default=0.0, help="Seconds into the clip.")
@click.option("--seconds", type=float, help="How much of it; all by default.")
@click.option(
    "--phones", type=click.Path(path_type=Path), help="JSON of [phone, start_s, end_s]: draw phones' middles."
)
@click.option("--pick", metavar="P,F,AA", help="With --phones: the first of each of these instead of all.")
def sheet(
    clip: Path,
    output: Path,
    frames: int,
    columns: int,
    size: tuple[int, int],
    view_name: str,
    start_s: float,
    seconds: float | None,
    phones: Path | None,
    pick: str | None,
) -> None:
    """Draw frames of CLIP.npz in a grid, each with its time; with --phones, what the face does at each phone."""
    _check_folder(output)
    if pick is not None and phones is None:
        raise VoxmeshError("--pick chooses among the phones of a file: give it with --phones")
    part = load_clip(clip).cut(start_s, seconds)
    moments = _evenly(part, frames) if phones is None else _at_phones(part, phones, pick)
    _write_grid(part, output, size, view_name, moments, columns)
    click.echo(f"wrote {output}")


def _check_folder(output: Path) -> None:
    """Before minutes of drawing, not after."""
    if output.is_dir() or not output.parent.is_dir():
        raise VoxmeshError(f"cannot write {output}: give a file in a folder that exists")


def _write_film(clip: Clip, output: Path, audio: Path | None, size: tuple[int, int], view_name: str) -> None:
    from tqdm import tqdm

    from voxmesh.viewer.offscreen import Offscreen
    from voxmesh.viewer.sound import read_sound
    from voxmesh.viewer.video import write_video

    samples, rate = (None, clip.sample_rate) if audio is None else read_sound(audio)
    if samples is not None:
        # The film's first picture depicts this sample of the clip's sound, so the sound track starts there.
        samples = samples[round(int(clip.audio_sample[0]) * rate / clip.sample_rate) :]
    camera = frame(clip.topology, view_name).shrunk_to(size[0] / size[1])
    with Offscreen(clip.topology, *size, camera) as window:

        def pictures() -> Iterator[np.ndarray]:
            for vertices in tqdm(clip.vertices, desc="render", unit="frame", disable=None):
                yield window.render(vertices)

        write_video(output, pictures(), clip.fps, samples, rate)


def _write_picture(clip: Clip, output: Path, size: tuple[int, int], view_name: str) -> None:
    from voxmesh.viewer.offscreen import Offscreen
    from voxmesh.viewer.sheet import save_picture

    camera = frame(clip.topology, view_name).shrunk_to(size[0] / size[1])
    with Offscreen(clip.topology, *size, camera) as window:
        save_picture(output, window.render(clip.vertices[0]))


Moments = list[tuple[int, str]]
"""Frames of a clip and what to write under them."""


def _evenly(clip: Clip, frames: int) -> Moments:
    chosen = np.linspace(0, len(clip.vertices) - 1, min(frames, len(clip.vertices))).round().astype(int)
    return [(int(index), f"{clip.audio_sample[index] / clip.sample_rate:.2f} s") for index in chosen]


def _at_phones(clip: Clip, path: Path, pick: str | None) -> Moments:
    """The middle of each phone of the file within the clip, or of the first of each that is picked."""
    try:
        phones = [
            (str(name), (float(start) + float(end)) / 2) for name, start, end in json.loads(path.read_text("utf-8"))
        ]
    except (OSError, ValueError, TypeError) as error:
        raise VoxmeshError(f"{path} is no list of [phone, start_s, end_s]: {error}") from error
    times = clip.audio_sample / clip.sample_rate
    phones = [(name, middle) for name, middle in phones if times[0] <= middle <= times[-1]]
    if pick is not None:
        wanted = [name.strip().upper() for name in pick.split(",")]
        first = {name.rstrip("012").upper(): (name, middle) for name, middle in reversed(phones)}
        missing = [name for name in wanted if name not in first]
        if missing:
            raise VoxmeshError(
                f"{path} has no {', '.join(missing)} in this part of the clip; it has {', '.join(first)}"
            )
        phones = [first[name] for name in wanted]
    if not phones:
        raise VoxmeshError(f"{path} has no phone in this part of the clip")
    return [(int(np.argmin(np.abs(times - middle))), f"{name}  {middle:.2f} s") for name, middle in phones]


def _write_grid(
    clip: Clip, output: Path, size: tuple[int, int], view_name: str, moments: Moments, columns: int
) -> None:
    from voxmesh.viewer.sheet import Cell, draw_sheet

    cells = [Cell(label, clip.topology, clip.vertices[index], view_name) for index, label in moments]
    draw_sheet(cells, output, size, columns)
