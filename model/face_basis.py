"""Coefficients and a neutral template to vertices: a low-rank basis of motion, carried over to each identity.

A frame on a CPU costs what reading its weights costs, so the last and largest layer is a basis of few vectors over
only the vertices that move. The networks know one face, the neutral identity; `ShapeMixer` turns any template into the
matrix that re-mixes the basis for that face (a wider jaw swings further). Both are fitted in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor, nn

from voxmesh.model.config import ModelConfig

BRIDGED = 32
"""Vertices: computing a shorter run of zeros is less work than going round it."""


class ShapeMixer(nn.Module):
    """forward(template (V, 3)) -> (K, K): how this face re-mixes the basis. The neutral identity's is the unit matrix.

    project: (D, 3 * V), a template to its D numbers; zero: (D,), what the neutral template gives.
    mixers: (D, K, K), what each of those numbers adds to the unit matrix.
    """

    project: Tensor
    zero: Tensor
    mixers: Tensor

    def __init__(self, config: ModelConfig, vertices: int) -> None:
        super().__init__()
        k, d = config.basis, config.identity_dims
        self.register_buffer("project", torch.zeros(d, 3 * vertices))
        self.register_buffer("zero", torch.zeros(d))
        self.register_buffer("mixers", torch.zeros(d, k, k))

    def forward(self, template: Tensor) -> Tensor:
        numbers = self.project @ template.reshape(-1) - self.zero
        unit = torch.eye(self.mixers.shape[1], dtype=template.dtype, device=template.device)
        return unit + torch.einsum("d,dij->ij", numbers, self.mixers)


class FaceBasis(nn.Module):
    """The last layer of the decoder, with buffers instead of trained weights.

    basis: (K, 3 * M) metres, motion of the M vertices that move. order: (V,) row of each vertex among the M, or M.
    """

    basis: Tensor
    order: Tensor

    def __init__(self, config: ModelConfig, vertices: int, moving: int) -> None:
        super().__init__()
        self.moving = moving
        self.register_buffer("basis", torch.zeros(config.basis, 3 * moving))
        self.register_buffer("order", torch.zeros(vertices, dtype=torch.int64))
        self.shape = ShapeMixer(config, vertices)

    def forward(self, coefficients: Tensor, template: Tensor, identity: Tensor) -> Tensor:
        """(T, K) coefficients, (V, 3) template, (K, K) identity -> (T, V, 3) vertices in metres."""
        return template + self.offsets(coefficients @ identity)

    def step(self, coefficients: Tensor, templates: Tensor, identities: Tensor) -> Tensor:
        """One frame of B faces: (B, K), (B, V, 3) and (B, K, K) -> (B, V, 3)."""
        return add_motion(templates, (coefficients.unsqueeze(1) @ identities).squeeze(1), self.basis, self.order)

    def offsets(self, coefficients: Tensor) -> Tensor:
        """(T, K) -> (T, V, 3): motion away from the template."""
        moved = (coefficients @ self.basis).unflatten(1, (-1, 3))
        still = torch.zeros_like(moved[:, :1])
        return torch.cat([moved, still], 1)[:, self.order]


def add_motion(templates: Tensor, coefficients: Tensor, basis: Tensor, order: Tensor) -> Tensor:
    """(B, V, 3), (B, K), (K, 3 * M), and `order` as `FaceBasis` has it -> (B, V, 3): what moves, moved.

    By runs of vertices that move and runs that do not: copying a few runs is far less work than gathering rows.
    """
    moving, vertices = basis.shape[1] // 3, len(order)
    # The three zero columns are the motion of vertices that do not move.
    padded = torch.cat([basis, torch.zeros(len(basis), 3)], 1).reshape(-1, moving + 1, 3)
    runs = _runs((order < moving).tolist())
    sizes = [3 * length for _, length in runs]
    parts = list(templates.reshape(-1, 3 * vertices).split(sizes, 1))
    start = 0
    for i, (moves, length) in enumerate(runs):
        if moves:
            rows = padded.index_select(1, order[start : start + length]).reshape(-1, sizes[i])
            parts[i] = torch.addmm(parts[i], coefficients, rows)
        start += length
    return torch.cat(parts, 1).reshape(-1, vertices, 3)


def _runs(moves: list[bool]) -> list[tuple[bool, int]]:
    """Whether vertices move, as runs of equals (value, length); still runs shorter than BRIDGED count as moving."""
    still = [(value, len(list(run))) for value, run in groupby(moves)]
    bridged = [(value or length < BRIDGED, length) for value, length in still]
    return [(value, sum(length for _, length in run)) for value, run in groupby(bridged, itemgetter(0))]


def fit_face_basis(
    config: ModelConfig,
    templates: Sequence[np.ndarray],
    deltas: Sequence[np.ndarray],
    second_moment: np.ndarray,
    vertex_weights: np.ndarray,
    ridge: float = 1e-3,
) -> tuple[FaceBasis, np.ndarray]:
    """The basis, and the map from blendshape weights to coefficients of the neutral identity (identity 0).

    templates: (V, 3) each. deltas: (S, V, 3) each. second_moment: (S, S) of the curves, E[w w^T]: motion that happens
    counts. vertex_weights: (V,) how much a vertex' squared error counts. Returns FaceBasis and (S, K) float32.
    """
    root = np.linalg.cholesky(second_moment + 1e-7 * np.eye(len(second_moment)))
    moving = np.flatnonzero(np.max([np.abs(d).max(axis=(0, 2)) for d in deltas], axis=0) > 1e-6)
    importance = np.repeat(np.sqrt(vertex_weights[moving] / vertex_weights.mean()), 3)
    rows = [(root.T @ d[:, moving].reshape(len(d), -1)) * importance for d in deltas]
    stacked = np.concatenate(rows)
    # The right singular vectors through the small Gram matrix; scaled so that coefficients have unit mean square.
    values, vectors = np.linalg.eigh(stacked @ stacked.T)
    take = np.argsort(values)[::-1][: config.basis]
    scale = np.sqrt(values[take] / len(deltas))
    unit = (vectors[:, take].T @ stacked) / np.sqrt(values[take])[:, None]
    to_coefficients = [row @ unit.T / scale for row in rows]

    face = FaceBasis(config, len(templates[0]), len(moving))
    order = np.full(len(templates[0]), len(moving))
    order[moving] = np.arange(len(moving))
    face.basis.copy_(torch.from_numpy(unit * scale[:, None] / importance))
    face.order.copy_(torch.from_numpy(order))
    numbers = _fit_shape(face.shape, templates, moving)
    _fit_mixers(face.shape, numbers, to_coefficients, ridge)
    return face, np.linalg.solve(root.T, to_coefficients[0]).astype(np.float32)


def fit_shape_mixer(
    dims: int, templates: Sequence[np.ndarray], motions: Sequence[np.ndarray], moving: np.ndarray, ridge: float = 1e-3
) -> ShapeMixer:
    """The mixer for a basis that is there already: `motions` (K, 3 * M) are how each identity shows its K coefficients.

    The first is the basis itself, of the neutral identity. templates: (V, 3) each. moving: (M,) the vertices that move.
    """
    shape = ShapeMixer(ModelConfig(basis=len(motions[0]), identity_dims=dims), len(templates[0]))
    numbers = _fit_shape(shape, templates, moving)
    mixers = [np.linalg.lstsq(motions[0].T, motion.T, rcond=1e-4)[0].T for motion in motions]
    _fit_mixers(shape, numbers, mixers, ridge)
    return shape


def _fit_shape(shape: ShapeMixer, templates: Sequence[np.ndarray], moving: np.ndarray) -> np.ndarray:
    """Principal directions of the templates around the neutral one; returns each template's (D,) numbers.

    Only vertices that move tell how a face moves: a haircut or a collar would drown them.
    """
    differences = np.zeros((len(templates), *templates[0].shape))
    differences[:, moving] = np.stack(templates)[:, moving] - templates[0][moving]
    differences = differences.reshape(len(templates), -1)
    dims = min(len(shape.project), len(templates) - 1)
    if dims == 0:
        return np.zeros((len(templates), len(shape.project)))
    _, values, directions = np.linalg.svd(differences, full_matrices=False)
    spread = values[:dims] / np.sqrt(len(templates))
    projection = directions[:dims] / spread[:, None]
    shape.project[:dims] = torch.from_numpy(projection)
    shape.zero[:dims] = torch.from_numpy(projection @ templates[0].reshape(-1))
    return np.pad(differences @ projection.T, ((0, 0), (0, len(shape.project) - dims)))


def _fit_mixers(shape: ShapeMixer, numbers: np.ndarray, targets: list[np.ndarray], ridge: float) -> None:
    """Ridge regression of every identity's coefficients on (its numbers) x (the neutral identity's coefficients)."""
    dims, k = shape.mixers.shape[:2]
    own = targets[0]
    design = np.concatenate([np.einsum("d,sk->sdk", n, own).reshape(len(own), -1) for n in numbers])
    wanted = np.concatenate([target - own for target in targets])
    gram = design.T @ design
    # The added 1e-9 keeps a lone identity (nothing to regress on) solvable.
    damping = (ridge * np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))
    solved = np.linalg.solve(gram + damping, design.T @ wanted)
    shape.mixers.copy_(torch.from_numpy(solved.reshape(dims, k, k)))
