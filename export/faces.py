"""Whose faces a run's bundle has: the avatar's identities, or the captured subjects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from voxmesh.model.avatar.build import IDENTITIES, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.datasets.captured_run import captured_topologies
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.topology import Topology

REACH_M = 0.3
"""A face that is further than this from the origin is moved there: bundles hold no more (`bundle.UNIT_M`)."""


@dataclass(frozen=True)
class Faces:
    """topologies: one an identity. deltas: (S, V, 3) metres by `blendshape_names`. about: kept as the bundle's training.

    about["subjects"] names the identities of a capture; about["moved_m"] is what was taken from their positions.
    """

    topologies: list[Topology]
    deltas: np.ndarray
    blendshape_names: tuple[str, ...]
    about: dict[str, Any]


def faces_of(run: Run) -> Faces:
    """Every identity of the avatar, or every subject of the run's store."""
    captured = captured_topologies(run)
    if captured is None:
        avatars = [build_avatar(i) for i in tqdm(range(IDENTITIES), desc="identities", unit="face")]
        return Faces([avatar.topology for avatar in avatars], avatars[0].deltas, ARKIT_NAMES, {})
    everyone = np.concatenate([topology.template for topology in captured.values()])
    moved = np.zeros(3)
    if np.abs(everyone).max() > REACH_M:
        moved = np.round((everyone.min(axis=0) + everyone.max(axis=0)) / 2, 3)
    faces = [replace(t, template=(t.template - moved).astype(np.float32)) for t in captured.values()]
    about = {"subjects": list(captured), "moved_m": moved.tolist()}
    return Faces(faces, np.zeros((0, faces[0].vertices, 3), np.float32), (), about)
