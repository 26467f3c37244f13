"""The composite family, its ablations, and the categorical one: same clips, same drivers, same measures.

    python benchmarks/families.py --data data/train --test data/test -o families.md

What MM 2023 leaves out is left out in turn: the driving sequence, the weighing by region, the tuning of the audio
encoder; and a HuBERT of small random weights hears in its place. Equal and short budgets: what the lines say of one
another is the result. Held out are voices and faces; the driver is another clip in the same mood (protocol `style`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from tqdm import tqdm

from style_classifier import StyleClassifier, learn, manner
from voxmesh.model.avatar.build import HELD_OUT, IDENTITIES, Avatar, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.config import CompositeConfig
from voxmesh.model.composite.network import Composite
from voxmesh.model.composite.setup import audio_weights
from voxmesh.model.composite.source import TalkerSource
from voxmesh.model.composite.speak import speak, style_of
from voxmesh.model.composite.train import FROZEN, Losses, load_composite, train_composite
from voxmesh.model.metrics import lip_error_mm, region_errors
from voxmesh.model.store import build_store
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.talker.moods import express, named_styles
from voxmesh.model.trainer import Training
from voxmesh.stream.bundle import load
from voxmesh.stream.engine import Engine
from voxmesh.stream.types import AudioChunk

MOODS = ("neutral", "cheerful", "sad", "angry", "surprised")
ABLATIONS: dict[str, dict[str, Any]] = {
    "composite": {},
    "without style": {"styled": False},
    "without regional weighing": {"regional": False},
    "HuBERT-tiny, random": {"front": "hubert"},
}
SEEN_VERTICES, CLASSIFIER_CLIPS = 60, 60


@dataclass(frozen=True, eq=False)
class Case:
    """One held-out clip, on a held-out face, in a mood. curves: (T, 52), in no mood; driver: of another clip."""

    audio: np.ndarray
    curves: np.ndarray
    driver: np.ndarray
    mood: str
    identity: int

    @property
    def avatar(self) -> Avatar:
        return build_avatar(self.identity)

    def truth(self, mood: str | None = None) -> np.ndarray:
        """(T, V, 3) metres."""
        return self.avatar.pose(express(self.curves, named_styles()[mood or self.mood]))

    def driving(self, mood: str | None = None) -> np.ndarray:
        """(T', V, 3) metres from the template: another clip in that mood."""
        return self.avatar.pose(express(self.driver, named_styles()[mood or self.mood])) - self.avatar.topology.template


Speak = Callable[[Case, str], np.ndarray]
"""(case, mood) -> (T, V, 3) metres."""


def cases_of(data: Path, count: int, seconds: float) -> list[Case]:
    """The beginnings of the first clips with speech; moods and held-out faces in turn."""
    clips = [clip for clip in read_dataset(data) if clip.phones][:count]
    first, frames = IDENTITIES - HELD_OUT, round(60 * seconds)
    samples = round(16000 * seconds)
    return [
        Case(
            c.audio[:samples],
            c.curves[:frames],
            clips[(i + 3) % len(clips)].curves[:frames],
            MOODS[i % len(MOODS)],
            first + i // 5 % HELD_OUT,
        )
        for i, c in enumerate(clips)
    ]


def composite_speaker(model: Composite) -> Speak:
    def speaks(case: Case, mood: str) -> np.ndarray:
        return speak(model, case.audio, case.avatar.topology.template, style_of(model, case.driving(mood)))

    return speaks


def bundle_speaker(name: str) -> Speak:
    """The categorical family as it runs live; it is told the mood's name where it knows moods."""
    bundle = load(name)

    def speaks(case: Case, mood: str) -> np.ndarray:
        style = bundle.style.names.get(mood) if bundle.style else None
        engine = Engine(bundle, identity=case.identity, style=style)
        frames = engine.push(AudioChunk(case.audio, 0)) + engine.flush()
        return np.stack([frame.vertices for frame in frames])

    return speaks


@dataclass(frozen=True, eq=False)
class Measure:
    """Everything that is asked of a speaker, over the same cases.

    vertices: those that the classifier sees.
    """

    cases: list[Case]
    classifier: StyleClassifier
    vertices: np.ndarray

    def of(self, name: str, speaks: Speak) -> dict[str, float]:
        """Errors are means over frames, all else over clips; see `_errors` and `_swapped`."""
        rows: dict[str, list[float]] = defaultdict(list)
        weights = [len(case.curves) for case in self.cases]
        for i, case in enumerate(tqdm(self.cases, desc=name, unit="clip", disable=None)):
            truth, got = case.truth(), speaks(case, case.mood)
            for key, value in {**_errors(case, truth, got), **self._swapped(i, truth, got, speaks)}.items():
                rows[key].append(value)
            clip = manner(got - case.avatar.topology.template, self.vertices)
            rows["recognised"].append(MOODS[self.classifier.classify(clip)] == case.mood)
        return {
            key: float(np.average(values, weights=weights if key.endswith("_mm") else None))
            for key, values in rows.items()
        }

    def _swapped(self, i: int, truth: np.ndarray, here: np.ndarray, speaks: Speak) -> dict[str, float]:
        """The same sound in two moods, and the same mood over two sounds.

        aperture_r: correlation of how open the mouth is, between a clip's own mood and another. upper_share,
        mouth_share: how far the mean pose moves with the mood, as a share of how far the truth's does, along the
        truth's own way. same_mood_mm, other_mood_mm: distance of mean upper faces over two sounds, and over two moods.
        """
        case = self.cases[i]
        other = MOODS[(MOODS.index(case.mood) + 1 + i // 5 % 4) % len(MOODS)]
        there = speaks(case, other)
        marks, regions = case.avatar.topology.landmarks, case.avatar.topology.regions
        asked = (case.truth(other) - truth).mean(axis=0)
        row = {}
        if np.ptp(aperture(here, marks)) > 0:
            row["aperture_r"] = float(np.corrcoef(aperture(here, marks), aperture(there, marks))[0, 1])
        for region in ("upper", "mouth"):
            inside = regions[region].astype(bool)
            wanted, got = asked[inside].ravel(), (there - here).mean(axis=0)[inside].ravel()
            row[f"{region}_share"] = float(got @ wanted / (wanted @ wanted))
        upper = regions["upper"].astype(bool)
        mate = replace(self.cases[(i + 1) % len(self.cases)], identity=case.identity, driver=case.driver)
        for name, pose in (("same_mood_mm", speaks(mate, case.mood)), ("other_mood_mm", there)):
            apart = pose.mean(axis=0)[upper] - here.mean(axis=0)[upper]
            row[name] = float(np.linalg.norm(apart, axis=1).mean() * 1000.0)
        return row


def _errors(case: Case, truth: np.ndarray, got: np.ndarray) -> dict[str, float]:
    """The lip error, and MM 2023's of the mouth, the upper face and all; DTW by path length."""
    regions = case.avatar.topology.regions
    row = {"lip_mm": lip_error_mm(truth, got, case.avatar.parts["lips"])}
    for region, found in region_errors(truth, got, {name: regions[name] for name in ("mouth", "upper")}).items():
        row |= {f"{region}_{name}": value for name, value in vars(found).items() if name != "dtw_mm"}
    return row


def aperture(vertices: np.ndarray, marks: dict[str, int]) -> np.ndarray:
    """(T,) metres between the inner lips."""
    return np.linalg.norm(vertices[:, marks["lip_upper_inner"]] - vertices[:, marks["lip_lower_inner"]], axis=1)


def watched() -> np.ndarray:
    """The vertices that the classifier sees: an even choice of mouth and upper face."""
    regions = build_avatar(0).topology.regions
    moving = np.abs(build_avatar(0).deltas).max(axis=(0, 2)) > 1e-4
    chosen = [np.flatnonzero(regions[name].astype(bool) & moving) for name in ("mouth", "upper")]
    return np.concatenate([every[:: len(every) // SEEN_VERTICES][:SEEN_VERTICES] for every in chosen])


def true_classifier(data: Path, vertices: np.ndarray, identities: int) -> StyleClassifier:
    """Learned from true motion: training clips, in every mood, on training faces."""
    clips = [clip for clip in read_dataset(data)[: 2 * CLASSIFIER_CLIPS] if clip.phones][:CLASSIFIER_CLIPS]
    seen, classes = [], []
    for i, clip in enumerate(clips):
        deltas = build_avatar(i % identities).deltas[:, vertices].reshape(52, -1)
        for number, mood in enumerate(MOODS):
            motion = (express(clip.curves, named_styles()[mood]) @ deltas).reshape(len(clip.curves), -1, 3)
            seen.append(manner(motion, np.arange(len(vertices))))
            classes.append(number)
    return learn(np.stack(seen), np.array(classes))


def tiny_hubert(folder: Path) -> Path:
    """A small HuBERT of random weights: what the tuning alone makes of one."""
    from transformers import HubertConfig, HubertModel

    if not (folder / "config.json").is_file():
        torch.manual_seed(0)
        sizes = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 192}
        small = {"conv_dim": (64,) * 7, "num_conv_pos_embeddings": 32, "num_conv_pos_embedding_groups": 4}
        HubertModel(HubertConfig(**sizes, **small)).save_pretrained(folder)
    return folder


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=Path("data/train"), show_default=True)
@click.option("--test", type=click.Path(path_type=Path, exists=True), default=Path("data/test"), show_default=True)
@click.option("--work", type=click.Path(path_type=Path), default=Path("runs/families"), show_default=True)
@click.option("--bundle", default="default", show_default=True, help="Of the categorical family.")
@click.option("--clips", default=500, show_default=True, help="Train on the first so many, each in a mood.")
@click.option("--identities", default=IDENTITIES - HELD_OUT, show_default=True, help="Faces to train on.")
@click.option("--cases", default=20, show_default=True, help="Measure on so many.")
@click.option("--seconds", default=3.0, show_default=True, help="Of each case, at most.")
@click.option("--steps", default=300, show_default=True, help="Of stage one.")
@click.option("--tune-steps", default=50, show_default=True, help="Of stage two.")
@click.option("--batch", default=8, show_default=True)
@click.option("--frames", default=96, show_default=True)
@click.option("--channels", default=128, show_default=True, help="The published model has 256.")
@click.option("--only", multiple=True, help="Only these of the trainings.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="OUT.md; OUT.json beside it.")
def main(
    data: Path, test: Path, work: Path, bundle: str, clips: int, identities: int, cases: int, seconds: float,
    steps: int, tune_steps: int, batch: int, frames: int, channels: int, only: tuple[str, ...], output: Path | None,
) -> None:  # fmt: skip
    """Train each ablation for the same number of steps, and measure all on held-out voices and faces."""
    torch.set_num_threads(1)
    audio, sizes = audio_weights("default")
    store = build_store(work / "features", data, sizes.features, 1, 0, 1, clips, moods=True)
    source = TalkerSource(store, sizes.features, [build_avatar(i) for i in range(identities)], data)
    base = CompositeConfig(
        source.templates.shape[1],
        int(source.moving.sum()),
        audio=sizes,
        channels=channels,
        style_channels=2 * channels,
    )
    budget = Training(steps=steps, batch=batch, frames=frames, warmup_steps=20)
    tuning = replace(budget, steps=tune_steps, learning_rate=0.3 * budget.learning_rate)
    vertices = watched()
    measure = Measure(cases_of(test, cases, seconds), true_classifier(data, vertices, identities), vertices)
    results: dict[str, dict[str, float]] = {}

    def note(name: str, speaks: Speak) -> None:
        results[name] = measure.of(name, speaks)
        click.echo(json.dumps({name: results[name]}))

    for name, changes in ABLATIONS.items():
        if only and name not in only:
            continue
        run = Run(work / name.replace(" ", "-").replace(",", ""))
        heard = audio
        config = replace(base, **{key: value for key, value in changes.items() if key != "regional"})
        if config.front == "hubert":
            heard, config = None, replace(config, hubert_folder=str(tiny_hubert(work / "hubert-tiny")))
        train_composite(run, source, config, budget, tuning, Losses(regional=changes.get("regional", True)), heard)
        note(name, composite_speaker(load_composite(run)))
    note("without tuning", composite_speaker(load_composite(Run(work / "composite"), FROZEN)))
    note("categorical", bundle_speaker(bundle))
    note("neutral face", lambda case, mood: np.repeat(case.avatar.topology.template[None], len(case.curves), 0))
    note("truth", lambda case, mood: case.truth(mood))
    columns = list(dict.fromkeys(key for row in results.values() for key in row))
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for key in columns:
        cells = [f"{row[key]:.3g}" if key in row else "" for row in results.values()]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    click.echo("\n".join(lines))
    if output is not None:
        output.write_text("\n".join(lines) + "\n", "utf-8")
        output.with_suffix(".json").write_text(json.dumps(results, indent=1), "utf-8")
    click.echo(json.dumps({"steps": steps, "tune_steps": tune_steps, "channels": channels, "results": results}))


if __name__ == "__main__":
    main()
