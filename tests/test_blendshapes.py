"""The fit gives back the weights that made the vertices."""

from __future__ import annotations

import time

import numpy as np
import pytest

from voxmesh.stream.blendshapes import RIDGE, SPARSE, BlendshapeFit, face_fit
from voxmesh.stream.bundle import Bundle, load


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


@pytest.mark.parametrize("identity", [0, 12])
def test_speech_survives_the_way_to_vertices_and_back(identity: int) -> None:
    """Curves of speech and an upper face, posed on a person's own shapes, come back within 0.02 on average: on the
    neutral identity, whose shapes the fit knows, and on the one whose lips differ most from it."""
    from voxmesh.model.avatar.build import build_avatar
    from voxmesh.model.talker.articulation import articulate
    from voxmesh.model.talker.upper_face import upper_face

    words = ["HH", "AH", "L", "OW", "P", "AA", "M", "F", "IY", "V", "UW", "B", "AE", "S", "W"]
    phones = [(name, 0.2 + 0.1 * i, 0.3 + 0.1 * i) for i, name in enumerate(words)]
    curves = articulate(phones, 120) + upper_face(120, np.random.default_rng(0))
    shipped = load()
    fit = face_fit(shipped.topology(identity), shipped.deltas)
    errors = np.abs(fit.fit(build_avatar(identity).pose(curves)) - curves)
    assert errors.mean() < 0.02 and errors[:, curves.max(0) > 0].mean() < 0.05
    if identity == 0:
        assert errors.mean() < 0.005 and errors.max() < 0.1


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
    """600 unrelated frames, in processor time, with a margin for slow machines."""
    template, deltas = rig
    vertices = template + np.einsum("ts,svc->tvc", curves(600), deltas)
    began = time.process_time()
    BlendshapeFit(template, deltas).fit(vertices)
    assert time.process_time() - began < 3.0


def test_the_answer_is_the_best_there_is(bundle: Bundle) -> None:
    """At the bounds the gradient points outwards and between them it is zero, from any first guess: also for vertices
    that no weights can make."""
    template, deltas = bundle.topologies[0].template, bundle.deltas
    rng = np.random.default_rng(3)
    vertices = template + 1.5 * np.einsum("ts,svc->tvc", curves(6), deltas) + rng.normal(0, 1e-3, template.shape)
    fit = BlendshapeFit(template, deltas)
    weights = fit.fit(vertices).astype(np.float64)
    rows = deltas.reshape(len(deltas), -1).astype(np.float64)
    energy = (rows**2).sum(1)
    missing = (vertices - template).reshape(len(vertices), -1) - weights @ rows
    gradient = SPARSE + RIDGE * weights - missing @ rows.T / np.maximum(energy, 1e-12)
    used = energy > 1e-8 * energy.max()
    low, high = weights < 1e-6, weights > 1 - 1e-6
    assert (low[:, used].any() or not used.any()) and high.any()
    assert gradient[low & used].min() > -1e-3
    assert gradient[high].max() < 1e-3
    assert np.abs(gradient[~low & ~high & used]).max() < 1e-3
    np.testing.assert_allclose(fit.fit(vertices[::-1])[::-1], weights, atol=1e-4)


def test_no_frames_give_no_weights(rig: tuple[np.ndarray, np.ndarray]) -> None:
    """An empty batch is a batch."""
    template, deltas = rig
    assert BlendshapeFit(template, deltas).fit(np.zeros((0, 900, 3), np.float32)).shape == (0, 52)


def test_lips_that_touch_do_so_by_their_weights(bundle: Bundle) -> None:
    """Where shapes cannot make a face whose lips meet, they come three times nearer than by an even fit."""
    topology, marks = bundle.topologies[0], bundle.topologies[0].landmarks
    upper, lower = marks["lip_upper_inner"], marks["lip_lower_inner"]
    rng = np.random.default_rng(0)
    weights = np.clip(rng.normal(0.0, 0.4, (40, len(bundle.deltas))), 0.0, 1.0)
    vertices = topology.template + np.einsum("ts,svc->tvc", weights, bundle.deltas)
    vertices[:, [upper, lower]] = vertices[:, [upper, lower]].mean(1, keepdims=True)
    gaps = []
    for fit in (BlendshapeFit(topology.template, bundle.deltas), face_fit(topology, bundle.deltas)):
        made = topology.template + np.einsum("ts,svc->tvc", fit.fit(vertices), bundle.deltas)
        gaps.append(np.linalg.norm(made[:, upper] - made[:, lower], axis=1).mean())
    assert 3 * gaps[1] < gaps[0]
