"""`voxmesh animate`: an audio file to .npz, .glb, .csv or .mp4."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from voxmesh.stream import animate as animation
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.cli import run_command
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.options import EngineOptions, engine_options, make_engine, take_engine_options


@click.command()
@click.argument("audio", metavar="IN.wav", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="OUT.npz, OUT.csv, OUT.glb (voxmesh[gltf]) or OUT.mp4 (voxmesh[viewer]).",
)
@engine_options
@click.option("--quiet", is_flag=True, help="No progress bar.")
def animate(audio: Path, output: Path, quiet: bool, **shared: Any) -> None:
    """Turn an audio file into an animation.

    WAV, FLAC, OGG or MP3 of any rate and channel count. The .npz holds vertices (frames, V, 3) in metres, triangles,
    the sample that each frame depicts, landmarks and the 52 ARKit blendshapes; the .mp4 is drawn from it, with sound.
    The .glb is glTF with the blendshapes as morph targets and their animation, for Blender, three.js and game engines;
    the .csv has Live Link Face's columns.
    """
    options = take_engine_options(shared)
    suffix = output.suffix.lower()
    if suffix not in (*animation.SUFFIXES, ".mp4"):
        raise VoxmeshError(f"cannot tell what {output} should be: end it in .npz, .glb, .csv or .mp4")
    if suffix == ".glb":
        import pygltflib  # noqa: F401 - that it is missing should be known before the work
    if output.is_dir():
        raise VoxmeshError(f"cannot write {output}: it is a folder")
    if not output.parent.is_dir():
        raise VoxmeshError(f"cannot write {output}: there is no folder {output.parent}")
    if suffix in animation.SUFFIXES:
        frames = _make(audio, options, output, quiet)
        if not quiet:
            click.echo(f"wrote {output}: {frames} frames")
        return
    with tempfile.TemporaryDirectory(prefix="voxmesh-") as temporary:
        part = Path(temporary) / "animation.npz"
        _make(audio, options, part, quiet)
        run_command("render", [str(part), "--audio", str(audio), "-o", str(output)])


def _make(path: Path, options: EngineOptions, output: Path, quiet: bool) -> int:
    with AudioFile(path, _warn) as audio:
        engine = make_engine(options, audio.rate)
        total = animation.expected_frames(audio, engine)
        hidden = True if quiet else None  # None: no bar where there is no terminal
        with tqdm(total=total, desc=path.name, unit="frame", disable=hidden) as bar:
            frames = animation.animate(audio, engine, output, {"audio": path.name, **options.settings()}, bar.update)
        if engine.replaced_samples:
            _warn(f"{path}: {engine.replaced_samples} samples are not numbers; they were heard as silence")
        return frames


def _warn(message: str) -> None:
    tqdm.write(f"voxmesh: warning: {message}", file=sys.stderr)
