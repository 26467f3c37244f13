"""The face basis of captured motion: principal components of offsets from the template, in closed form.

Where the talker knows what it moved (52 curves), a capture shows vertices only: its coefficients are the projections of
each frame on the components. All subjects share them; nothing tells how one's motion would look on another's face, so
`ShapeMixer` is left at the unit matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from voxmesh.model.config import ModelConfig
from voxmesh.model.datasets.mesh_store import MeshStore
from voxmesh.model.face_basis import FaceBasis
from voxmesh.stream.errors import VoxmeshError

_FRAMES, _NUMBERS = 2000, 1 << 26
"""The components come of at most so many frames, of at most so many numbers together."""
_MOVES_M = 1e-6
_SMALLEST = 1e-6
"""Share of the largest variance below which a component is rounding: stored offsets are float16."""


@dataclass(frozen=True)
class MotionBasis:
    """face: what decodes. moving: (M,) vertices. projector: (3 * M, K) float32, offsets in metres to coefficients."""

    face: FaceBasis
    moving: np.ndarray
    projector: np.ndarray

    def coefficients(self, offsets: np.ndarray) -> np.ndarray:
        """(T, V, 3) metres from the template -> (T, K) float32."""
        return offsets[:, self.moving].reshape(len(offsets), -1) @ self.projector


def sample_offsets(store: MeshStore) -> np.ndarray:
    """(N, V, 3) float32: frames evenly spread over the clips of `store`."""
    frames = sum(clip.frames for clip in store.clips)
    wanted = min(_FRAMES, max(2, _NUMBERS // (3 * store.vertex_count)))
    every = max(1, -(-frames // wanted))
    bar = tqdm(range(len(store.clips)), desc="basis", unit="clip", disable=None)
    return np.concatenate([store.offsets(index)[::every] for index in bar])


def fit_motion_basis(config: ModelConfig, offsets: np.ndarray, importance: np.ndarray) -> MotionBasis:
    """The `config.basis` components of (N, V, 3) offsets, fewer where there are no more: the others are zero.

    importance: (V,) how much a vertex' squared error counts. Coefficients have unit mean square.
    Raises VoxmeshError when nothing moves.
    """
    moving = np.flatnonzero(np.abs(offsets).max(axis=(0, 2)) > _MOVES_M)
    if not len(moving):
        raise VoxmeshError("no vertex of the training clips ever moves: there is nothing to learn")
    root = np.repeat(np.sqrt(importance[moving] / importance.mean()), 3).astype(np.float32)
    rows = offsets[:, moving].reshape(len(offsets), -1) * root
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    take = np.argsort(values)[::-1][: config.basis]
    take = take[values[take] > _SMALLEST * values[take[0]]]
    unit = (vectors[:, take].T @ rows) / np.sqrt(values[take])[:, None]
    scale = np.sqrt(values[take] / len(offsets))
    face = FaceBasis(config, offsets.shape[1], len(moving))
    face.basis[: len(take)] = torch.from_numpy(unit * scale[:, None] / root)
    order = np.full(offsets.shape[1], len(moving))
    order[moving] = np.arange(len(moving))
    face.order.copy_(torch.from_numpy(order))
    projector = np.zeros((len(root), config.basis), np.float32)
    projector[:, : len(take)] = root[:, None] * (unit / scale[:, None]).T
    return MotionBasis(face, moving, projector)
