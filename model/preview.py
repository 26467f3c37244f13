"""Films of a training: truth at the left, what the stage makes of it at the right, with the sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voxmesh.model.avatar.build import build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.datasets.captured_run import captured_topologies, is_mesh_store
from voxmesh.model.datasets.mesh_store import open_mesh_store
from voxmesh.model.prepare import Prepared
from voxmesh.model.side_by_side import write_side_by_side
from voxmesh.model.talker.dataset import read_dataset

SECONDS = 4.0

Predict = Callable[[Tensor, Tensor], Tensor]
"""features (1, T, F) and the true coefficients (1, T, K) -> the stage's coefficients (1, T, K)."""


def film(run: Run, p: Prepared, stage: str, predict: Predict, device: str) -> Callable[[int], None]:
    """What `fit` calls with a step: writes RUN/previews/STAGE-STEP.mp4 of the first held-out clip, else the first.

    It needs voxmesh[viewer].
    """
    store = p.valid or p.store
    clock = p.config.features.clock
    frames = slice(0, min(int(SECONDS * clock.fps), int(store.spans[0, 1])))
    features = torch.from_numpy(np.float32(store.features[0, frames]))[None]
    wanted = torch.from_numpy(np.float32(store.curves[frames]))[None] @ p.to_coefficients
    captured = captured_topologies(run)
    topology = build_avatar(0).topology if captured is None else next(iter(captured.values()))

    @torch.no_grad()
    def write(step: int) -> None:
        got = predict(features.to(device), wanted.to(device)).float().cpu()
        motions = [p.face.offsets(coefficients[0]).numpy() for coefficients in (wanted, got)]
        folder = run.folder / "previews"
        folder.mkdir(exist_ok=True)
        sound = _first_sound(run.folder / ("features-valid" if p.valid else "features"))
        heard = sound[: clock.sample(frames.stop)]
        output = folder / f"{stage}-{step:06d}.mp4"
        write_side_by_side(output, topology.template, topology.faces, motions, heard, clock)

    return write


def _first_sound(features: Path) -> np.ndarray:
    """(N,) float32: what the first clip of a run's features was made of."""
    data = Path(json.loads((features / "store.json").read_text("utf-8"))["about"]["data"])
    if not is_mesh_store(data):
        return read_dataset(data)[0].audio
    return open_mesh_store(data).only("valid" if features.name.endswith("valid") else "train").audio(0)
