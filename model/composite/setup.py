"""Before training: the data, the sizes, and the audio encoder to begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from voxmesh.model.avatar.build import HELD_OUT, IDENTITIES, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.config import CompositeConfig
from voxmesh.model.composite.source import Source, StoreSource, TalkerSource
from voxmesh.model.config import ModelConfig
from voxmesh.model.datasets.captured_run import mesh_arrays
from voxmesh.model.datasets.mesh_store import open_mesh_store
from voxmesh.model.datasets.motion_basis import sample_offsets
from voxmesh.model.store import build_store
from voxmesh.stream.bundle import load
from voxmesh.stream.errors import VoxmeshError


@dataclass(frozen=True)
class Beginning:
    """What `train_composite` is given. audio: the audio encoder's weights, or None."""

    source: Source
    config: CompositeConfig
    audio: dict[str, Tensor] | None


def begin(
    run: Run,
    data: Path,
    *,
    audio: str | Path | None = "default",
    hubert: Path | None = None,
    identities: int = IDENTITIES - HELD_OUT,
    variants: int = 2,
    moods: bool = False,
    seed: int = 0,
    workers: int = 1,
    **sizes: Any,
) -> Beginning:
    """audio: the bundle whose audio encoder to begin with. hubert: a folder of weights, to hear with those instead.

    data: a talker's dataset, worn by the first `identities` avatars, its clips given `moods` where they have none; or a
    store of captured faces, whose clips of the split `train` are used. sizes: fields of `CompositeConfig`.
    Raises VoxmeshError when neither is there, or a store's features are not those that the bundle's encoder hears.
    """
    weights, model = audio_weights(audio) if audio is not None else (None, ModelConfig())
    if (data / "manifest.jsonl").is_file():
        store = build_store(run.folder / "features", data, model.features, variants, seed, workers, moods=moods)
        if not 1 <= identities <= IDENTITIES - HELD_OUT:
            raise VoxmeshError(f"{identities} identities: there are 1 to {IDENTITIES - HELD_OUT} to train on")
        source: Source = TalkerSource(store, model.features, [build_avatar(i) for i in range(identities)], data)
    else:
        everyone = open_mesh_store(data)
        source = StoreSource(everyone.only("train"))
        if not run.has_arrays("mesh"):
            run.folder.mkdir(parents=True, exist_ok=True)
            run.save_arrays("mesh", **mesh_arrays(everyone, sample_offsets(source.store)))
        if weights is not None and source.features != model.features:
            raise VoxmeshError(
                f"the audio encoder of {audio} hears other features than {data} has: prepare the store with its frame "
                "rate, or say --audio none"
            )
    config = CompositeConfig(
        vertices=source.templates.shape[1],
        moving=int(source.moving.sum()),
        audio=replace(model, features=source.features),
        front="causal" if hubert is None else "hubert",
        hubert_folder="" if hubert is None else str(hubert),
        **sizes,
    )
    return Beginning(source, config, weights)


def audio_weights(name: str | Path) -> tuple[dict[str, Tensor], ModelConfig]:
    """The audio encoder of a bundle (a folder, or the name of a shipped one), and the sizes that it has."""
    from voxmesh.model.from_bundle import step_of

    step = step_of(load(name))
    return step.live.audio.state_dict(), step.config
