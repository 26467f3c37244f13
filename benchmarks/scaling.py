"""What a frame costs against minutes of stream, heads, classes, vertices and look-ahead.

\b
python benchmarks/scaling.py --minutes 56 -o docs/scaling.png

The stream is one run of a bundle's step, state handed on, features random: 56 minutes are 201,600 frames, and the last
must cost what frame 200 did, and hold no more memory. Heads, classes and vertices are those of bundles made up with
random weights, one size changed at a time, all others the default's. Look-ahead is the engine's, features included,
over the bundle: it moves what is heard, not what is computed.

All on one thread. Drawn is the p50 of this thread's CPU time, which is the wall's on a quiet machine; the table has
both. The last line is one JSON object.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
import torch

from chart import Panel, Series, draw_chart
from made_up import make_bundle, stepper
from mendable import mendable
from timing import Times, load_average, time_calls, time_in_turns
from voxmesh.model.config import ModelConfig
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.types import AudioChunk

EARLY = 200
"""The frame that later ones are compared with; medians are of so many frames around it, and at the end."""
SEGMENTS = 8
"""Points of the curve over the stream."""
VERTICES = 7964
"""Of the default face."""


def stream(bundle: Bundle, minutes: float) -> dict[str, Any]:
    """A long run: milliseconds at frame EARLY, at the end and in SEGMENTS parts; megabytes at the beginning and end."""
    fps = bundle.features.clock.fps
    frames = max(round(minutes * 60 * fps), 3 * EARLY)
    process, megabytes = psutil.Process(), [0.0]
    step, frame = stepper(bundle), 0

    def watched() -> None:
        nonlocal frame
        step()
        frame += 1
        if frame == EARLY:
            megabytes[0] = process.memory_info().rss / 1e6

    times = time_calls(watched, frames, warm_up=0)
    megabytes.append(process.memory_info().rss / 1e6)
    edges = np.linspace(0, frames, SEGMENTS + 1).astype(int)
    return {
        "frames": frames,
        "ms_at_frame_200": part(times, EARLY // 2, EARLY + EARLY // 2),
        "ms_at_the_end": part(times, frames - EARLY, frames),
        "ms_by_minute": {f"{end / fps / 60:.3g}": part(times, begin, end) for begin, end in pairwise(edges)},
        "memory_begin_mb": round(megabytes[0], 1),
        "memory_end_mb": round(megabytes[1], 1),
    }


def part(times: Times, begin: int, end: int) -> dict[str, float]:
    """The summary of some of the calls."""
    return Times(times.wall_ms[begin:end], times.cpu_ms[begin:end]).summary()


def sizes(name: str, values: tuple[int, ...], frames: int) -> dict[str, dict[str, float]]:
    """Milliseconds by size: bundles with `name` heads, classes or vertices and everything else the default's."""
    calls = {}
    with tempfile.TemporaryDirectory() as folder:
        for value in values:
            config = ModelConfig() if name == "vertices" else replace(ModelConfig(), **{name: value})
            vertices = value if name == "vertices" else VERTICES
            calls[str(value)] = stepper(make_bundle(config, vertices, Path(folder) / str(value)))
        return {value: times.summary() for value, times in time_in_turns(calls, frames).items()}


def lookaheads(bundle: Bundle, values_ms: tuple[int, ...], frames: int) -> dict[str, dict[str, float]]:
    """Milliseconds of the engine's pushes that bring one frame, features included, by look-ahead."""
    rate = bundle.features.sample_rate
    calls = {}
    for ms in values_ms:
        features = replace(bundle.features, lookahead_samples=ms * rate // 1000)
        calls[str(ms)] = pusher(Engine(replace(bundle, features=features)))
    return {ms: times.summary() for ms, times in time_in_turns(calls, frames).items()}


def pusher(engine: Engine) -> Callable[[], object]:
    """A call a frame: as many samples of noise as the next frame takes. The look-ahead has been heard before."""
    clock, frame = engine.clock, 0
    noise = np.random.default_rng(0).normal(0, 0.1, clock.sample(1) + 1).astype(np.float32)
    heard = engine.bundle.features.lookahead_samples
    engine.push(AudioChunk(np.resize(noise, heard), 0))

    def push() -> object:
        nonlocal frame, heard
        frame += 1
        count = clock.sample(frame) - clock.sample(frame - 1)
        heard += count
        return engine.push(AudioChunk(noise[:count], heard - count))

    return push


def panels(found: dict[str, dict[str, dict[str, float]]]) -> list[Panel]:
    """A panel for each thing that was varied."""
    return [
        Panel(
            "CPU ms a frame, p50",
            label,
            [Series("one thread", [(float(x), row["cpu_p50"]) for x, row in rows.items()])],
            from_zero=True,
        )
        for label, rows in found.items()
    ]


def many(name: str, default: tuple[int, ...], least: int) -> Callable:
    """An option that may be given several times; any replaces the default."""
    return click.option(
        name, type=click.IntRange(min=least), multiple=True, default=default, show_default=True, help="One each time."
    )


@click.command(help=__doc__)
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--minutes", type=click.FloatRange(min=0), default=56.0, show_default=True, help="Of the long stream.")
@click.option("--frames", type=click.IntRange(min=10), default=500, show_default=True, help="Frames timed of a size.")
@many("--heads", (4, 8, 12, 16, 24), 2)
@many("--classes", (16, 64, 128, 256), 2)
@many("--vertices", (1000, 4000, 7964, 16000, 32000), 20)
@many("--lookahead-ms", (0, 50, 100, 200, 300), 0)
@click.option("-o", "--output", type=click.Path(path_type=Path), default="docs/scaling.png", show_default=True)
def main(bundle: Path | None, minutes: float, frames: int, output: Path, **values: tuple[int, ...]) -> None:
    torch.set_num_threads(1)
    with mendable("scaling"):
        loaded = load(bundle)
        long = stream(loaded, minutes)
        found = {"minutes of stream": long["ms_by_minute"]}
        for name in ("heads", "classes", "vertices"):
            found[name] = sizes(name, values[name], frames)
        found["look-ahead, ms (with features)"] = lookaheads(loaded, values["lookahead_ms"], frames)
    output.parent.mkdir(parents=True, exist_ok=True)
    draw_chart(panels(found), output, columns=3)
    click.echo("| a frame, ms | | p50 | p99 | of CPU, p50 |\n|---|---|---|---|---|")
    for name, rows in found.items():
        for x, row in rows.items():
            click.echo(f"| {name} | {x} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
    click.echo(
        f"\n{long['frames']} frames: at frame {EARLY} {long['ms_at_frame_200']['cpu_p50']:.3f} ms of CPU, at the end"
        f" {long['ms_at_the_end']['cpu_p50']:.3f}; memory {long['memory_begin_mb']} MB, at the end"
        f" {long['memory_end_mb']} MB; drawn to {output}\n"
    )
    click.echo(json.dumps({"stream": long, "frames": frames, "ms": found, "load_average": load_average()}))


if __name__ == "__main__":
    main()
