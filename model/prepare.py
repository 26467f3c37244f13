"""Before training: the face basis, fitted to the avatar's identities, and the features of every clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from voxmesh.model.avatar.build import HELD_OUT, IDENTITIES, Avatar, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.datasets.captured_run import captured_topologies
from voxmesh.model.face_basis import FaceBasis, fit_face_basis
from voxmesh.model.face_metric import FaceMetric, face_metric
from voxmesh.model.store import Store, build_store, open_store
from voxmesh.model.talker.moods import AXES
from voxmesh.stream.arkit import ARKIT_NAMES

_UPPER = ("eye", "brow", "cheekSquint", "noseSneer")


@dataclass(frozen=True)
class Prepared:
    """What every stage of training reads.

    to_coefficients: (C, K) float32, the store's curves to coefficients of the neutral identity: 52 blendshape weights,
    or a capture's coefficients themselves. mouth: (C,), 1 for the curves that speech moves, 0 for the others.
    valid: clips to validate on, where there are any.
    """

    config: ModelConfig
    face: FaceBasis
    metric: FaceMetric
    store: Store
    to_coefficients: torch.Tensor
    mouth: torch.Tensor
    valid: Store | None = None


def on_held_out(loss: Callable[..., Any], p: Prepared) -> Callable[..., Any] | None:
    """`loss(draw, p)` as `loss(draw)` on the clips to validate on; None where there are none."""
    return None if p.valid is None else partial(loss, p=replace(p, store=p.valid))


def mouth_columns() -> np.ndarray:
    """(52,) float32: 1 for the blendshapes that speech moves, 0 for the upper face's."""
    return np.array([not name.startswith(_UPPER) for name in ARKIT_NAMES], np.float32)


def prepare(
    run: Run,
    data: Path,
    config: ModelConfig,
    variants: int = 4,
    seed: int = 0,
    workers: int = 2,
    moods: bool = False,
    heard: Run | None = None,
) -> None:
    """Fill the run's folder from a talker's dataset: config, face basis, features. What is already there is kept.

    moods: give the clips moods where they have none. heard: a run on the same sounds, whose features are taken. On
    clips in moods, the run's networks learn styles.
    """
    config = run.config() if run.exists() else config
    other = None if heard is None else heard.folder / "features"
    store = build_store(
        run.folder / "features", data, config.features, variants, seed, workers, moods=moods, heard=other
    )
    config = run.create(replace(config, style_dims=len(AXES) if store.styles.any() else 0))
    if not (run.folder / "face.safetensors").is_file():
        avatars = training_avatars()
        face, to_coefficients = fit_basis(config, avatars, store.curves)
        run.save_arrays("rig", to_coefficients=to_coefficients)
        run.save("face", face)


def training_avatars() -> list[Avatar]:
    """Every identity but the held-out ones, on which `voxmesh.model.evaluate` measures; the neutral one first."""
    return [build_avatar(i) for i in tqdm(range(IDENTITIES - HELD_OUT), desc="identities", unit="face")]


def fit_basis(config: ModelConfig, avatars: list[Avatar], curves: np.ndarray) -> tuple[FaceBasis, np.ndarray]:
    """See `fit_face_basis`; lips and lids, which are small and watched, count more than the rest of the skin."""
    weights = curves.astype(np.float64)
    second_moment = weights.T @ weights / len(weights)
    regions = avatars[0].topology.regions
    importance = 1.0 + 2.0 * regions["mouth"] + 4.0 * regions["eyelid"]
    templates = [avatar.topology.template for avatar in avatars]
    return fit_face_basis(config, templates, [avatar.deltas for avatar in avatars], second_moment, importance)


def load_prepared(run: Run) -> Prepared:
    """Raises VoxmeshError when `prepare` was not run."""
    face, store = run.load_face(), open_store(run.folder / "features")
    to_coefficients = torch.from_numpy(run.load_arrays("rig")["to_coefficients"])
    captured = captured_topologies(run)
    if captured is None:
        metric, mouth = face_metric(face, build_avatar(0).topology), torch.from_numpy(mouth_columns())
        return Prepared(run.config(), face, metric, store, to_coefficients, mouth)
    metric = face_metric(face, next(iter(captured.values())))
    held_out = run.folder / "features-valid"
    valid = open_store(held_out) if held_out.is_dir() else None
    # Which component is speech is not known: losses on the mouth's vertices tell.
    return Prepared(run.config(), face, metric, store, to_coefficients, torch.ones(len(to_coefficients)), valid)
