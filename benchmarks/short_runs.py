"""Short trainings of equal budgets, for the ablations: each setting in a folder of its own, and none done twice.

A setting's folder holds its run, `setting.json` (what it was trained with) and `measured.json` (what came out, and on
what). Run again, a tool goes on where it was stopped; trained settings are measured anew only on other recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from short_measures import Listening, listening, measure_reader
from voxmesh.model.checkpoint import Run
from voxmesh.model.command import hardware
from voxmesh.model.config import ModelConfig
from voxmesh.model.prepare import Prepared, load_prepared, prepare
from voxmesh.model.store import Store
from voxmesh.model.train_audio import MouthReader, Recipe, train_audio
from voxmesh.model.trainer import Training
from voxmesh.stream.errors import VoxmeshError

Measure = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """What all settings of a tool share.

    data: the dataset; about: what its feature store was computed with. prepared: its store cut to the first clips.
    work: where the settings' folders are.
    """

    data: Path
    about: dict[str, Any]
    prepared: Prepared
    listening: Listening
    training: Training
    work: Path

    def settle(self, name: str, config: ModelConfig, setting: dict[str, Any]) -> Run:
        """The run of a setting. Raises VoxmeshError when its folder was made with another budget or setting."""
        run = Run(self.work / name)
        budget = asdict(self.training)
        del budget["device"]  # where it was computed is not what was computed
        about = {"data": str(self.data.resolve()), "clips": len(self.prepared.store.spans), **budget, **setting}
        about = json.loads(json.dumps(about))
        path = run.folder / "setting.json"
        if path.is_file():
            before = json.loads(path.read_text("utf-8"))
            pairs = {key: (before.get(key), about.get(key)) for key in {**before, **about}}
            other = "; ".join(f"{key} {then} then, {now} now" for key, (then, now) in pairs.items() if then != now)
            if other:
                raise VoxmeshError(f"{run.folder} was made otherwise ({other}): choose another --work")
        if run.create(config) != config:
            raise VoxmeshError(f"{run.folder} holds a model of other sizes or features: choose another --work")
        path.write_text(json.dumps(about, indent=1), "utf-8")
        return run

    def measured(self, run: Run, measure: Measure, **more: Any) -> dict[str, Any]:
        """What `measure()` says of a trained setting, kept beside it for as long as the recordings and `more` are."""
        on = {**self.listening.about, **more}
        path = run.folder / "measured.json"
        if path.is_file():
            kept = json.loads(path.read_text("utf-8"))
            if kept["on"] == on:
                return kept["figures"]
        found = measure()
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"on": on, "figures": found}, indent=1, allow_nan=False), "utf-8")
        part.replace(path)
        return found

    def hear(self, name: str, prepared: Prepared, recipe: Recipe | None = None) -> dict[str, Any]:
        """Train the audio stage alone on `prepared`, by `recipe`, and measure its linear read-out of the mouth."""
        recipe = recipe or Recipe()
        run = self.settle(name, prepared.config, asdict(recipe))
        click.echo(f"{run.folder}", err=True)
        train_audio(run, self.training, recipe, prepared)
        reader = MouthReader(prepared.config)
        run.load("audio", reader)
        return self.measured(run, lambda: measure_reader(reader.eval(), prepared.config.features, self.listening))


def first_clips(store: Store, clips: int) -> Store:
    """The same timeline, of which only the first `clips` clips are drawn."""
    return replace(store, spans=store.spans[:clips])


def shared_options(command: Callable) -> Callable:
    """The options that all three tools have; `bench_of` takes them."""
    path = click.Path(path_type=Path)
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    for option in reversed(
        (
            click.option("--data", type=folder, default="data/train", show_default=True, help="Clips to train on."),
            click.option("--valid", type=folder, default="data/valid", show_default=True, help="Held-out clips."),
            click.option(
                "--real", type=folder, help="NAME.wav and NAME.phones.json; reported, nothing is picked by it."
            ),
            click.option("--prepared", type=path, help="A prepared run to take features from [WORK/prepared]."),
            click.option("--work", type=path, default="runs/ablations", show_default=True, help="Where settings go."),
            click.option("--steps", default=1500, show_default=True, help="Steps of every training."),
            click.option("--batch", default=16, show_default=True, help="Clips a step."),
            click.option("--frames", default=192, show_default=True, help="Frames a clip, at 60 fps."),
            click.option("--clips", default=2000, show_default=True, help="Train on the first so many."),
            click.option("--valid-clips", default=60, show_default=True, help="Measure on the first so many."),
            click.option("--seed", default=0, show_default=True),
            click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto."),
            click.option("--threads", default=2, show_default=True, help="CPU threads."),
        )
    ):
        command = option(command)
    return command


def bench_of(
    data: Path, valid: Path, real: Path | None, prepared: Path | None, work: Path, clips: int, valid_clips: int,
    device: str, threads: int, **budget: int,
) -> Bench:  # fmt: skip
    """Everything but the settings, prepared where it is not. Raises VoxmeshError for what a user can mend."""
    import torch

    torch.set_num_threads(threads)
    device, precision = hardware(device)
    run = Run(prepared or work / "prepared")
    if not (run.folder / "features" / "store.json").is_file():
        prepare(run, data, ModelConfig(), workers=threads)
    about = json.loads((run.folder / "features" / "store.json").read_text("utf-8"))["about"]
    if Path(about["data"]).name != data.name:
        raise VoxmeshError(f"{run.folder} was prepared from {about['data']}, not {data}: choose another --prepared")
    p = load_prepared(run)
    p = replace(p, store=first_clips(p.store, clips))
    training = Training(device=device, precision=precision, **budget)
    return Bench(data, about, p, listening(p, valid, valid_clips, real), training, work)
