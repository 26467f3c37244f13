"""Many sessions in one process: each as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import voice

from voxmesh.stream.backend import initial_state, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.types import AudioChunk, Frame

RATES = {"anna": 16000, "ben": 48000, "cleo": 8000}


def alone(bundle: Bundle, samples: np.ndarray, **options) -> list[Frame]:
    engine = Engine(bundle, **options)
    return engine.push(AudioChunk(samples, 0)) + engine.flush()


def test_sessions_that_join_and_leave_are_each_as_if_alone(tiny: Bundle) -> None:
    """Labels equal, vertices to the rounding: other rates, seeds and faces beside them, from other moments on."""
    sessions, got = Sessions(tiny), {name: [] for name in RATES}
    ends = {"anna": 70, "ben": 40, "cleo": 60}
    for tick in range(75):
        for i, (name, rate) in enumerate(RATES.items()):
            if tick == 10 * i:
                sessions.open(name, seed=i, identity=i, source_rate=rate)
            if 10 * i <= tick < ends[name]:
                start, samples = (tick - 10 * i) * rate // 100, voice(1.0, rate)
                sessions.push(name, AudioChunk(samples[start : start + rate // 100], start))
            if tick == ends[name]:
                got[name] += sessions.close(name)
        for name, frame in sessions.step():
            got[name].append(frame)
    assert len(sessions) == 0
    for i, (name, rate) in enumerate(RATES.items()):
        samples = voice(1.0, rate)[: (ends[name] - 10 * i) * rate // 100]
        wanted = alone(tiny, samples, seed=i, identity=i, source_rate=rate)
        assert [f.index for f in got[name]] == list(range(len(wanted)))
        for one, other in zip(got[name], wanted, strict=True):
            np.testing.assert_array_equal(one.labels, other.labels)
            np.testing.assert_allclose(one.vertices, other.vertices, atol=1e-6)


def test_a_step_makes_one_frame_of_each_session_that_is_due(tiny: Bundle) -> None:
    """A session that has not heard enough is left out, and misses nothing."""
    sessions = Sessions(tiny)
    for name in ("a", "b"):
        sessions.open(name)
    sessions.push("a", AudioChunk(voice(0.2, 16000), 0))
    assert [name for name, _ in sessions.step()] == ["a"]
    sessions.push("b", AudioChunk(voice(0.2, 16000), 0))
    assert [(name, frame.index) for name, frame in sessions.step()] == [("a", 1), ("b", 0)]


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_a_batch_is_its_rows(tiny: Bundle, name: str) -> None:
    """Three rows in one call give what three calls give; the state that was given is left as it was."""
    backend, rng = open_backend(tiny, name), np.random.default_rng(0)
    width = tiny.features.hops_per_frame * tiny.features.mels
    template = tiny.topologies[1].template
    inputs = {
        "features": rng.normal(0, 3, (3, width)).astype(np.float32),
        "noise": rng.normal(0, 1, (3, tiny.heads, tiny.classes)).astype(np.float32),
        "template": np.stack([template] * 3),
        "identity": np.stack([backend.identity(template)] * 3),
    }
    state = {key: rng.normal(0, 1, value.shape).astype(np.float32) for key, value in initial_state(tiny, 3).items()}
    before = {key: value.copy() for key, value in state.items()}
    vertices, labels, after = backend.step(inputs, state)
    for row in range(3):
        part = {key: value[row : row + 1] for key, value in inputs.items()}
        one, label, later = backend.step(part, {key: value[row : row + 1] for key, value in state.items()})
        np.testing.assert_array_equal(label[0], labels[row])
        np.testing.assert_allclose(one[0], vertices[row], atol=1e-6)
        for key in later:
            np.testing.assert_allclose(later[key][0], after[key][row], atol=1e-4)
    for key in state:
        np.testing.assert_array_equal(state[key], before[key])


def test_names_are_open_once_and_must_be(tiny: Bundle) -> None:
    """With errors that name the session; a refused session leaves nothing behind."""
    sessions = Sessions(tiny)
    sessions.open("a")
    with pytest.raises(VoxmeshError, match="'a' is open already"):
        sessions.open("a")
    with pytest.raises(VoxmeshError, match="'b'"):
        sessions.push("b", AudioChunk(np.zeros(10, np.float32), 0))
    with pytest.raises(VoxmeshError, match="no identity 99"):
        sessions.open("b", identity=99)
    assert sessions.names() == ["a"]
    sessions.drop("a")
    assert "a" not in sessions and sessions.step() == []
