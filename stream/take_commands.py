"""`voxmesh record` and `voxmesh replay`: a live session kept in a file, and made again from it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from voxmesh.stream.cli import run_command, version
from voxmesh.stream.directions import Directions
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.live import Recorder
from voxmesh.stream.options import EngineOptions, make_engine
from voxmesh.stream.replay import Verdict
from voxmesh.stream.replay import replay as replay_take
from voxmesh.stream.take import Take, TakeWriter
from voxmesh.stream.types import AudioChunk


def open_take(
    path: Path, options: EngineOptions, engine: Engine, source: str, warn: Callable[[str], None]
) -> TakeWriter:
    """A take of a session, with all that `replay` needs and what a report of a fault should say."""
    import onnxruntime

    # The numbers of its style are kept: a file, or a clip that drives it, may be elsewhere by the time of a replay.
    called, options = options.driving or options.style, replace(options, style=None, driving=None)
    take = TakeWriter(
        path,
        engine.source_rate,
        {
            "source": source,
            "style": called,
            "options": options.settings(),
            "checksums": engine.bundle.about["checksums"],
            "voxmesh": version(),
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
            "machine": f"{platform.machine()} {platform.processor()}".strip(),
        },
        warn,
    )
    if engine.manner.style is not None:
        take.change(0, "style", engine.manner.style.tolist())
    return take


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("take", type=click.Path(path_type=Path))
@click.argument("live_options", nargs=-1, type=click.UNPROCESSED)
def record(take: Path, live_options: tuple[str, ...]) -> None:
    """Go live and keep the session in the file TAKE: what was heard, the options, what was made.

    Takes every option of `voxmesh live` (see `voxmesh live --help`) after TAKE. The file is readable up to the last
    whole second, also after a kill; an hour of one microphone at 48 kHz is some 1.1 GB. `voxmesh replay TAKE` makes
    the frames again and compares.
    """
    run_command("live", ["--take", str(take), *live_options])


@click.command()
@click.argument("take", type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="The bundle, if it is not where it was.")
@click.option("--wav", type=click.Path(path_type=Path), help="Also write what was heard to this .wav.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def replay(ctx: click.Context, take: Path, bundle: Path | None, wav: Path | None, quiet: bool) -> None:
    """Make the frames of a take again, and compare them to the bit.

    Exit code 0: all are the same. 1: a frame differs, which is named, with the distance where the take holds vertices.
    """
    opened = Take(take)
    options = options_of(opened, bundle)
    engine = make_engine(options, opened.rate)
    if engine.bundle.about["checksums"] != opened.settings.get("checksums"):
        _warn(f"{engine.bundle.folder} is not the bundle of this take")
    if wav is not None:
        _write_wav(opened, wav)
    with tqdm(desc=take.name, unit="frame", disable=True if quiet else None) as bar:
        verdict = replay_take(opened, engine, partial(apply_change, engine), bar.update)
    if opened.torn:
        _warn(f"{take} ends in {opened.torn} bytes that are no whole second")
    click.echo(describe(verdict))
    ctx.exit(0 if verdict.differs is None else 1)


def options_of(take: Take, bundle: Path | None) -> EngineOptions:
    """The options that the session was made with. Raises VoxmeshError for those of another version of voxmesh."""
    try:
        options = EngineOptions.of(take.settings["options"])
        return options if bundle is None else replace(options, bundle=bundle)
    except (KeyError, TypeError, ValueError) as error:
        made_by = take.settings.get("voxmesh")
        raise VoxmeshError(f"{take.path} was made by voxmesh {made_by}, whose options this one lacks") from error


def apply_change(engine: Engine, name: str, value: Any) -> None:
    """Do to the engine what was done then. Raises VoxmeshError for a change that is not known here."""
    if name == "passing":
        engine.passing = bool(value)
    elif (handler := Directions(engine).handlers().get(name)) is not None:
        handler(value)
    else:
        raise VoxmeshError(f"the take changes {name!r} to {value!r}, which this voxmesh cannot: update")


def describe(verdict: Verdict) -> str:
    """One line."""
    about = f"{verdict.frames} frames of {verdict.seconds:.1f} s"
    about += "" if verdict.ended else " (the session was cut off)"
    if verdict.differs is None:
        return f"{about}: the same to the bit"
    size = "" if verdict.millimetres is None else f", by up to {verdict.millimetres:.3g} mm"
    return f"{about}: frame {verdict.differs} is the first that differs{size}"


def _write_wav(take: Take, path: Path) -> None:
    recorder = Recorder(path, take.rate, _warn)
    for item in take:
        if isinstance(item, AudioChunk):
            recorder.heard(item)
    recorder.close()


def _warn(message: str) -> None:
    tqdm.write(f"voxmesh: warning: {message}", file=sys.stderr)
