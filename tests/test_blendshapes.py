"""The fit gives back the weights that made the vertices."""

from __future__ import annotations

import time

import numpy as np
import pytest

from voxmesh.stream.blendshapes import SPARSE, BlendshapeFit
from voxmesh.stream.bundle import Bundle


@pytest.fixture
def rig() -> tuple[np.ndarray, np.ndarray]:
    """A template and 52 shapes: left/right pairs apart, one shape that another nearly undoes, one that does nothing."""
    rng = np.random.default_rng(0)
    template = rng.normal(0, 0.05, (900, 3)).astype(np.float32)
    deltas = rng.normal(0, 0.01, (52, 900, 3)).astype(np.float32)
    deltas[0:20:2, 450:] = 0
    deltas[1:20:2, :450] = 0
    deltas[21] = -0.8 * deltas[20] + 0.5 * deltas[21]
    deltas[51] = 0
    return template, deltas


def curves(frames: int) -> np.ndarray:
    """(frames, 52) in 0..1, most of them 0, some 1; shape 51 unused."""
    rng = np.random.default_rng(1)
    weights = np.clip(rng.normal(0, 0.6, (frames, 52)), 0, 1).astype(np.float32)
    weights[:, 51] = 0
    return weights


def test_known_weights_are_recovered(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """To within a few times the sparsity penalty, correlated shapes included."""
    template, deltas = rig
    weights = curves(200)
    found = BlendshapeFit(template, deltas).fit(template + np.einsum("ts,svc->tvc", weights, deltas))
    assert found.dtype == np.float32 and found.shape == (200, 52)
    assert np.abs(found - weights).max() < 10 * SPARSE
    assert found.min() >= 0 and found.max() <= 1


def test_each_shape_of_the_face_is_told_from_the_others(bundle: Bundle) -> None:
    """Any one shape at 0.7 is found at 0.7, and nothing else: also funnel and pucker, or smile and dimple."""
    template = bundle.topologies[0].template
    found = BlendshapeFit(template, bundle.deltas).fit(template + np.float32(0.7) * bundle.deltas)
    moves = np.abs(bundle.deltas).max(axis=(1, 2)) > 0
    assert np.abs(found - 0.7 * np.diag(moves)).max() < 0.05


def test_the_neutral_face_is_all_zeros(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """Exactly, thanks to the penalty; noise of a tenth of a millimetre does not wake any shape by much."""
    template, deltas = rig
    fit = BlendshapeFit(template, deltas)
    assert (fit.fit(template[None]) == 0).all()
    noisy = template + np.random.default_rng(2).normal(0, 1e-4, template.shape)
    assert fit.fit(noisy[None]).max() < 0.02


def test_frame_by_frame_equals_all_at_once(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """Starting from the last frame's weights changes the way, not the answer."""
    template, deltas = rig
    vertices = template + np.einsum("ts,svc->tvc", curves(20), deltas)
    one, whole = BlendshapeFit(template, deltas), BlendshapeFit(template, deltas)
    single = np.concatenate([one.fit(frame[None]) for frame in vertices])
    np.testing.assert_allclose(single, whole.fit(vertices), atol=2e-3)


def test_ten_seconds_take_less_than_one(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """600 frames, with a margin for slow machines."""
    template, deltas = rig
    vertices = template + np.einsum("ts,svc->tvc", curves(600), deltas)
    began = time.perf_counter()
    BlendshapeFit(template, deltas).fit(vertices)
    assert time.perf_counter() - began < 3.0


def test_no_frames_give_no_weights(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """An empty batch is a batch."""
    template, deltas = rig
    assert BlendshapeFit(template, deltas).fit(np.zeros((0, 900, 3), np.float32)).shape == (0, 52)
