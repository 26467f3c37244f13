"""What does hearing ahead buy? Trains the audio stage at 0, 33, 67, 100 and 200 ms of look-ahead, and draws the curve.

\b
python benchmarks/lookahead.py --data data/train --valid data/valid --real FOLDER -o docs/lookahead.png

Only the audio stage is trained, `--steps` each, from the same seed on the same frames; what is measured is its linear
read-out of the mouth. That is the cheapest honest stand-in for a bundle: all of a bundle's look-ahead is in this
stage's input, and what it did not hear nothing after it can know. A bundle's own figures are lower, those of a full
training higher. The features of all five are one store's, shifted by whole frames: nothing is computed twice.

Each setting is a run under WORK/lookahead; finished ones are not repeated. Prints a table; the last line is one JSON
object with every figure of `lip_sync.py` and its interval. Real recordings are reported, nothing is picked by them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from chart import Panel, Series, draw_chart
from mendable import mendable
from short_measures import table, value
from short_runs import Bench, bench_of, shared_options
from voxmesh.model.lookahead import at_lookahead
from voxmesh.model.prepare import Prepared
from voxmesh.stream.errors import VoxmeshError

FRAMES = (0, 2, 4, 6, 12)
"""Look-aheads in frames of 1/60 s: 0, 33, 67, 100 and 200 ms."""
COLUMNS = (
    ("mouth, mm", "clean", "mouth_rms_mm", 3),
    ("in noise", "noisy", "mouth_rms_mm", 3),
    ("p b m AUC", "clean", "bilabial", 3),
    ("in noise", "noisy", "bilabial", 3),
    ("real", "real", "bilabial", 3),
    ("p b m close", "clean", "closure_rate", 2),
    ("in noise", "noisy", "closure_rate", 2),
    ("real", "real", "closure_rate", 2),
    ("f v AUC, real", "real", "labiodental", 3),
    ("lag ms", "clean", "lag_ms", 0),
    ("real", "real", "lag_ms", 0),
)


def prepared_at(p: Prepared, frames: int) -> Prepared:
    """`p` at a look-ahead of so many frames. Raises VoxmeshError when its own is not a whole number of them."""
    features = p.config.features
    clock = features.clock
    own = round(features.lookahead_samples * clock.fps / features.sample_rate)
    if abs(clock.sample(own) - features.lookahead_samples) > 1:
        raise VoxmeshError(
            f"the features look {features.lookahead_samples} samples ahead, which is no whole number of frames:"
            " prepare a run whose look-ahead is (100 ms is 6 frames), or leave --prepared out"
        )
    shifted = at_lookahead(p.store, frames - own, FRAMES[0] - own, FRAMES[-1] - own)
    config = replace(p.config, features=replace(features, lookahead_samples=clock.sample(frames)))
    return replace(p, config=config, store=shifted)


def curve(bench: Bench) -> dict[str, dict[str, Any]]:
    """Every look-ahead's figures, by its milliseconds."""
    found = {}
    for frames in FRAMES:
        name = f"{1000 * frames / bench.prepared.config.features.clock.fps:.0f}"
        found[name] = bench.hear(f"lookahead/{name}ms", prepared_at(bench.prepared, frames))
    return found


def panels(found: dict[str, dict[str, Any]]) -> list[Panel]:
    """What the figure shows."""

    def series(title: str, name: str, figure: str) -> list[Series]:
        points = [(float(ms), value(figures, name, figure)) for ms, figures in found.items()]
        kept = [(x, y) for x, y in points if y is not None]
        return [Series(title, kept)] if kept else []

    return [
        Panel(
            "Mouth, rms error in mm",
            "look-ahead, ms",
            series("held-out voices", "clean", "mouth_rms_mm") + series("in noise", "noisy", "mouth_rms_mm"),
        ),
        Panel(
            "p b m told from other phones, AUC",
            "look-ahead, ms",
            series("held-out voices", "clean", "bilabial")
            + series("in noise", "noisy", "bilabial")
            + series("real speech", "real", "bilabial"),
        ),
    ]


@click.command(help=__doc__)
@shared_options
@click.option("-o", "--output", type=click.Path(path_type=Path), default="docs/lookahead.png", show_default=True)
def main(output: Path, **options: Any) -> None:
    with mendable("lookahead"):
        bench = bench_of(**options)
        found = curve(bench)
    output.parent.mkdir(parents=True, exist_ok=True)
    draw_chart(panels(found), output)
    click.echo(f"{bench.training.steps} steps of the audio stage each; drawn to {output}\n")
    click.echo(table(found, COLUMNS, "look-ahead, ms") + "\n")
    click.echo(json.dumps({"steps": bench.training.steps, **bench.listening.about, "lookahead_ms": found}))


if __name__ == "__main__":
    main()
