"""The viewer's commands: `render` and `sheet` draw recordings, `view` draws what is live."""

from __future__ import annotations

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
        _write_grid(part, output, size, view_name, strip, columns=strip)
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
def sheet(
    clip: Path,
    output: Path,
    frames: int,
    columns: int,
    size: tuple[int, int],
    view_name: str,
    start_s: float,
    seconds: float | None,
) -> None:
    """Draw frames of CLIP.npz in a grid, each with its time."""
    _check_folder(output)
    _write_grid(load_clip(clip).cut(start_s, seconds), output, size, view_name, frames, columns)
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


def _write_grid(clip: Clip, output: Path, size: tuple[int, int], view_name: str, frames: int, columns: int) -> None:
    from voxmesh.viewer.sheet import Cell, draw_sheet

    chosen = np.linspace(0, len(clip.vertices) - 1, min(frames, len(clip.vertices))).round().astype(int)
    times = clip.audio_sample[chosen] / clip.sample_rate
    cells = [
        Cell(f"{time_s:.2f} s", clip.topology, clip.vertices[index], view_name)
        for index, time_s in zip(chosen, times, strict=True)
    ]
    draw_sheet(cells, output, size, columns)
