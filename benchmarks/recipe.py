"""What does each ingredient of the audio stage's recipe bring? Trains without one at a time, and without any.

\b
python benchmarks/recipe.py --data data/train --valid data/valid --real FOLDER

Only the audio stage is trained, `--steps` each, from the same seed; what is measured is its linear read-out of the
mouth. Clips are chosen from one dataset, so a setting with fewer voices has fewer clips too: that is part of it.

\b
people                 two clips in five, where the dataset was made with `--people`
recorded voices        those, flite's and festival's; without them espeak-ng speaks alone
many voices            without: only the eight heard most often
rooms, noise, codecs   on the sound (`talker.augment`); without: every variant is the synthesiser's own sound
tracts, floors, masks  on the features (`feature_augment`)
naming the phone       the second read-out and its loss
clips without speech   breaths, coughs, noises that move nothing
running mean           of the features; without: a constant level. Its own features are computed once

Each setting is a run under WORK/recipe; finished ones are not repeated, and the last step is the checkpoint that is
measured: none is picked. Prints a table; the last line is one JSON object with every figure of `lip_sync.py` and its
interval. Real recordings are reported, nothing is picked by them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np

from mendable import mendable
from short_measures import table
from short_runs import Bench, bench_of, shared_options
from voxmesh.model.prepare import Prepared
from voxmesh.model.store import build_store
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.train_audio import Recipe
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig

FEW = 8
NOBODY = "none"
COLUMNS = (
    ("clips", "training", "clips", 0),
    ("mouth, mm", "clean", "mouth_rms_mm", 3),
    ("in noise", "noisy", "mouth_rms_mm", 3),
    ("p b m AUC", "clean", "bilabial", 3),
    ("in noise", "noisy", "bilabial", 3),
    ("p b m close, in noise", "noisy", "closure_rate", 2),
    ("quiet, in noise", "noisy", "quiet_share", 2),
    ("real: p b m AUC", "real", "bilabial", 3),
    ("f v", "real", "labiodental", 3),
    ("rounded", "real", "rounded", 3),
    ("spread", "real", "spread", 3),
    ("open", "real", "open", 3),
    ("p b m close", "real", "closure_rate", 2),
    ("silence", "real", "silence", 2),
)


@dataclass(frozen=True)
class Ingredients:
    """Which are in use."""

    people: bool = True
    recorded_voices: bool = True
    many_voices: bool = True
    sound_augmented: bool = True
    features_augmented: bool = True
    phones_named: bool = True
    speechless_clips: bool = True
    running_mean: bool = True


SETTINGS = {
    "all of it": Ingredients(),
    "without people": Ingredients(people=False),
    "without recorded voices": Ingredients(recorded_voices=False),
    "without many voices": Ingredients(many_voices=False),
    "without rooms, noise, codecs": Ingredients(sound_augmented=False),
    "without tracts, floors, masks": Ingredients(features_augmented=False),
    "without naming the phone": Ingredients(phones_named=False),
    "without clips without speech": Ingredients(speechless_clips=False),
    "without the running mean": Ingredients(running_mean=False),
    # Espeak-ng alone and its eight voices heard most often would be a handful of clips: many voices stay.
    "without any": Ingredients(
        recorded_voices=False,
        sound_augmented=False,
        features_augmented=False,
        phones_named=False,
        speechless_clips=False,
        running_mean=False,
    ),
}


def chosen(voices: list[str], use: Ingredients) -> np.ndarray:
    """(clips,) bool: which clips a setting hears, by their voices ("engine:name", or "none" where nobody speaks)."""
    speaks = np.array([voice != NOBODY for voice in voices])
    kept = np.ones(len(voices), bool)
    if not use.people:
        kept &= ~np.array([voice.startswith("people:") for voice in voices])
    if not use.recorded_voices:
        kept &= ~speaks | np.array([voice.startswith("espeak:") for voice in voices])
    if not use.many_voices:
        heard = Counter(voice for voice, keep in zip(voices, kept, strict=True) if keep and voice != NOBODY)
        few = {voice for voice, _ in heard.most_common(FEW)}
        kept &= ~speaks | np.array([voice in few for voice in voices])
    if not use.speechless_clips:
        kept &= speaks
    return kept


def without_running_mean(features: FeatureConfig) -> FeatureConfig:
    """The same features on a constant level: a mean that weighs a day of speech does not move."""
    return replace(features, prior_s=86400.0, mean_memory_s=86400.0)


def prepared_for(p: Prepared, plain: Prepared, voices: list[str], use: Ingredients) -> Prepared:
    """What a setting trains on. plain: `p` without the running mean."""
    made = p if use.running_mean else plain
    store = replace(made.store, spans=made.store.spans[chosen(voices, use)])
    if not use.sound_augmented:
        # As many variants as before, all of them the first: features are then augmented as often as before.
        store = replace(store, features=np.broadcast_to(store.features[:1], store.features.shape))
    return replace(made, store=store)


def plain_of(bench: Bench) -> Prepared:
    """The same clips and sounds, without the running mean; computed once, for some minutes."""
    p, about = bench.prepared, bench.about
    config = replace(p.config, features=without_running_mean(p.config.features))
    folder = bench.work / f"plain-{config.features.lookahead_samples}"
    store = build_store(folder, bench.data, config.features, about["variants"], about["seed"], clips=len(p.store.spans))
    if not np.array_equal(store.spans, p.store.spans):
        raise VoxmeshError(f"{bench.data} is not what the features were computed from: prepare them again")
    return replace(p, config=config, store=store)


def voices_of(bench: Bench) -> list[str]:
    """Who speaks in each clip of the store. Raises VoxmeshError when the dataset is another than the store's."""
    spans = bench.prepared.store.spans
    clips = read_dataset(bench.data)[: len(spans)]
    voices, frames = zip(*((clip.voice, len(clip.curves)) for clip in clips), strict=True)
    if not np.array_equal(frames, spans[:, 1] - spans[:, 0]):
        raise VoxmeshError(f"{bench.data} is not what the features were computed from: prepare them again")
    return list(voices)


def ablation(bench: Bench) -> dict[str, dict[str, Any]]:
    """Every setting's figures, by its name."""
    voices, plain = voices_of(bench), plain_of(bench)
    found = {}
    for name, use in SETTINGS.items():
        recipe = Recipe(features_augmented=use.features_augmented, phones_named=use.phones_named)
        made = prepared_for(bench.prepared, plain, voices, use)
        folder = "recipe/" + name.replace(",", "").replace(" ", "-")
        found[name] = bench.hear(folder, made, recipe) | {"training": {"clips": len(made.store.spans)}}
    return found


@click.command(help=__doc__)
@shared_options
def main(**options: Any) -> None:
    with mendable("recipe"):
        bench = bench_of(**options)
        found = ablation(bench)
    click.echo(f"{bench.training.steps} steps of the audio stage each\n")
    click.echo(table(found, COLUMNS, "recipe") + "\n")
    click.echo(json.dumps({"steps": bench.training.steps, **bench.listening.about, "recipe": found}))


if __name__ == "__main__":
    main()
