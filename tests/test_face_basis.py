"""The face basis and the losses that are computed on its coefficients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxmesh.model.config import ModelConfig
from voxmesh.model.face_basis import FaceBasis, fit_face_basis
from voxmesh.model.face_metric import face_metric
from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology

VERTICES, SHAPES = 60, 10
CONFIG = ModelConfig(basis=SHAPES, identity_dims=2)


def made_up_faces() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Five faces: templates differ along two directions, and motion grows in proportion to the first."""
    rng = np.random.default_rng(0)
    neutral = rng.normal(0, 0.05, (VERTICES, 3))
    directions = rng.normal(0, 0.002, (2, VERTICES, 3))
    deltas = rng.normal(0, 0.01, (SHAPES, VERTICES, 3))
    deltas[:, 40:] = 0.0
    numbers = np.array([[0, 0], [1, 0], [0, 1], [-1, 1], [1, -1]])
    templates = [(neutral + np.einsum("d,dvx->vx", n, directions)).astype(np.float32) for n in numbers]
    return templates, [(deltas * (1 + 0.2 * n[0])).astype(np.float32) for n in numbers]


@pytest.fixture(scope="module")
def fitted() -> tuple[FaceBasis, np.ndarray]:
    templates, deltas = made_up_faces()
    return fit_face_basis(CONFIG, templates, deltas, np.eye(SHAPES), np.ones(VERTICES), ridge=1e-9)


@pytest.mark.parametrize("identity", range(5))
def test_every_identity_moves_as_its_own_blendshapes_do(fitted: tuple[FaceBasis, np.ndarray], identity: int) -> None:
    """Weights through the basis and a template's matrix give that identity's own vertices."""
    face, to_coefficients = fitted
    templates, deltas = made_up_faces()
    weights = np.random.default_rng(1).random((7, SHAPES)).astype(np.float32)
    wanted = templates[identity] + np.einsum("ts,svx->tvx", weights, deltas[identity])
    template = torch.from_numpy(templates[identity])
    got = face(torch.from_numpy(weights @ to_coefficients), template, face.shape(template))
    np.testing.assert_allclose(got.numpy(), wanted, atol=2e-5)


def test_vertices_that_no_shape_moves_stay_exactly_where_they_are(fitted: tuple[FaceBasis, np.ndarray]) -> None:
    """The back of the head costs nothing and never trembles."""
    face, _ = fitted
    offsets = face.offsets(torch.randn(3, SHAPES, generator=torch.Generator().manual_seed(0)))
    assert torch.count_nonzero(offsets[:, 40:]) == 0
    assert torch.count_nonzero(offsets[:, :40]) > 0


def test_losses_on_coefficients_are_losses_on_vertices(fitted: tuple[FaceBasis, np.ndarray]) -> None:
    """The quadratic form gives the mean squared vertex error of a region, in mm^2, that the vertices give."""
    face, _ = fitted
    templates, _ = made_up_faces()
    none = np.zeros((VERTICES, 3), np.uint8)
    mask = (np.arange(VERTICES) % 3 == 0).astype(np.uint8)
    landmarks = {name: 2 * i for i, name in enumerate(LANDMARKS)}
    regions = dict.fromkeys(REGIONS, mask)
    topology = Topology(templates[0], np.zeros((1, 3), np.int32), none, none, none[:, 0], landmarks, regions)
    metric = face_metric(face, topology)
    difference = torch.randn(4, SHAPES, generator=torch.Generator().manual_seed(2))
    moved = face.offsets(difference).numpy() * 1000.0
    direct = (moved[:, mask > 0] ** 2).sum(-1).mean(-1)
    np.testing.assert_allclose(metric.region("mouth", difference).numpy(), direct, rtol=1e-4)
    upper = [vertex for name, vertex in landmarks.items() if name.startswith(("lid", "brow"))]
    at_landmarks = (moved[:, upper] ** 2).sum(-1).mean(-1)
    np.testing.assert_allclose(metric.landmark_error("upper", difference).numpy(), at_landmarks, rtol=1e-4)
    gap = moved[:, landmarks["lip_upper_inner"]] - moved[:, landmarks["lip_lower_inner"]]
    np.testing.assert_allclose(metric.lip_gap(difference).numpy(), gap, atol=1e-4)
