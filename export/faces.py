"""Whose faces a run's bundle has: the avatar's identities, or the captured subjects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from voxmesh.model.avatar.build import IDENTITIES, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.datasets.captured_run import captured_topologies
from voxmesh.model.datasets.plain_topology import origin_of
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.topology import Topology


@dataclass(frozen=True)
class Faces:
    """topologies: one an identity. deltas: (S, V, 3) metres by `blendshape_names`. about: kept in the bundle.

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
    moved = origin_of([topology.template for topology in captured.values()])
    faces = [replace(topology, template=topology.template - moved) for topology in captured.values()]
    about = {"subjects": list(captured), "moved_m": moved.tolist()}
    return Faces(faces, np.zeros((0, faces[0].vertices, 3), np.float32), (), about)
