"""Why 12 heads of 64 classes, split by a loss, and sampled so? Trains the codes and context stages at other settings.

\b
python benchmarks/latents.py --audio runs/default --data data/train --valid data/valid --real FOLDER

Heads x classes 4x32, 8x64, 12x64 and 16x128; 12x64 without the cross-modality loss; and 12x64 with all heads at a
temperature of 0, 0.5 and 1 instead of each at its own, as shipped. Each starts from the audio stage of `--audio` (and
takes that run's features, unless --prepared names others) and trains codes, then context, for `--steps` steps each from
the same seed, and the decoder for a third of them.

\b
reconstruction  stage one, shown the truth: mouth and upper face, rms in mm
swapped         how far the mouth moves when another's expression is put in, the upper face when another's audio is, mm
perplexity      of the next label of a free head given those before it. It grows with the classes, of which the labels
                must say which: compare reconstruction with it
lip error       of the live model: mean over frames of the largest lip-vertex distance from the truth, mm
upper face      standard deviation of its vertices in time, of the live model / of the truth

Each setting is a run under WORK/latents; finished ones are not repeated. Prints a table; the last line is one JSON
object. Real recordings are reported, nothing is picked by them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from latent_measures import measure_codes, measure_live
from mendable import mendable
from short_measures import table
from short_runs import Bench, bench_of, shared_options
from voxmesh.model.checkpoint import Run
from voxmesh.model.evaluate import head_temperature, load_step
from voxmesh.model.train_codes import load_codes, train_codes
from voxmesh.model.train_context import load_live, train_context
from voxmesh.model.train_decoder import train_decoder
from voxmesh.stream.errors import VoxmeshError

SIZES = ((4, 32), (8, 64), (12, 64), (16, 128))
CHOSEN = (12, 64)
CONTEXT_RATE = 1e-3
"""Learning rate of the context stage, as `voxmesh train context` has it."""
DECODER_RATE = 5e-4
TEMPERATURES = (0.0, 0.5, 1.0)
"""Of all heads alike."""
COLUMNS = (
    ("mouth, mm", "codes", "mouth_rms_mm", 3),
    ("upper, mm", "codes", "upper_rms_mm", 3),
    ("swapped: mouth, mm", "codes", "mouth_swapped_mm", 3),
    ("upper", "codes", "upper_swapped_mm", 3),
    ("perplexity", "codes", "perplexity", 2),
    ("lip error, mm", "live", "lip_error_mm", 2),
    ("p b m AUC", "live", "bilabial", 3),
    ("p b m close", "live", "closure_rate", 2),
    ("upper face", "live", "upper_activity", 2),
    ("blinks / min", "live", "blinks_per_minute", 1),
    ("real: p b m AUC", "live_real", "bilabial", 3),
    ("p b m close", "live_real", "closure_rate", 2),
    ("blinks", "live_real", "blinks_per_minute", 1),
)


def trained(bench: Bench, audio: Run, size: tuple[int, int], cross_modality: bool) -> Run:
    """The run of a setting, both stages trained."""
    heads, classes = size
    config = replace(bench.prepared.config, heads=heads, classes=classes)
    name = f"latents/{heads}x{classes}" + ("" if cross_modality else "-unsplit")
    start = (audio.folder / "audio.safetensors").resolve()
    if not start.is_file():
        raise VoxmeshError(f"{start} is not there: train that stage first (`voxmesh train audio {audio.folder}`)")
    run = bench.settle(name, config, {"cross_modality": cross_modality, "audio": str(start)})
    click.echo(f"{run.folder}", err=True)
    if not (run.folder / start.name).is_file():
        shutil.copyfile(start, run.folder / "audio.part")
        (run.folder / "audio.part").replace(run.folder / start.name)
    if not (run.folder / "face.safetensors").is_file():
        run.save("face", bench.prepared.face)
    prepared = replace(bench.prepared, config=config)
    train_codes(run, bench.training, cross_modality, prepared)
    train_context(run, replace(bench.training, learning_rate=CONTEXT_RATE), prepared)
    steps = max(1, bench.training.steps // 3)
    train_decoder(run, replace(bench.training, steps=steps, learning_rate=DECODER_RATE), prepared)
    return run


def ablation(bench: Bench, audio: Run, live_clips: int) -> dict[str, dict[str, Any]]:
    """Every setting's figures, by its name."""
    found: dict[str, dict[str, Any]] = {}
    for size, cross_modality in [*((size, True) for size in SIZES), (CHOSEN, False)]:
        run = trained(bench, audio, size, cross_modality)
        temperatures = TEMPERATURES if size == CHOSEN and cross_modality else ()

        def measure(run: Run = run, temperatures: tuple[float, ...] = temperatures) -> dict[str, Any]:
            codes, live, step = load_codes(run), load_live(run), load_step(run)
            own = {"codes": measure_codes(codes, live, step.config.features, bench.listening)}
            heads = {"": head_temperature(step.config)}
            heads |= {f", temperature {t:g}": np.full(step.config.heads, t, np.float32) for t in temperatures}
            return {key: own | measure_live(step, value, bench.listening, live_clips) for key, value in heads.items()}

        for temperature, figures in bench.measured(run, measure, live_clips=live_clips).items():
            found["{}x{}".format(*size) + ("" if cross_modality else ", nothing swapped") + temperature] = figures
    return found


@click.command(help=__doc__)
@shared_options
@click.option("--audio", type=click.Path(path_type=Path), default="runs/default", show_default=True,
              help="The run whose audio stage all start from.")  # fmt: skip
@click.option("--live-clips", default=20, show_default=True, help="Measure the live model on the first so many.")
def main(audio: Path, live_clips: int, **options: Any) -> None:
    with mendable("latents"):
        bench = bench_of(**{**options, "prepared": options["prepared"] or audio})
        found = ablation(bench, Run(audio), live_clips)
    click.echo(f"{bench.training.steps} steps of the codes stage and of the context stage each\n")
    click.echo(table(found, COLUMNS, "heads x classes") + "\n")
    click.echo(json.dumps({"steps": bench.training.steps, **bench.listening.about, "latents": found}))


if __name__ == "__main__":
    main()
