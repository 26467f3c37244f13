"""A bundle on another rig: the networks as they were, the motion that of the new shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import voice

from voxmesh.export.carry import carry
from voxmesh.model.avatar.build import Avatar
from voxmesh.stream.backend import open_backend
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk


def motion(bundle: Bundle, backend: str, identity: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, V, 3) metres away from the template, and (T, H) labels, of half a second of speech."""
    engine = Engine(bundle, identity=identity, backend=open_backend(bundle, backend))
    frames = engine.push(AudioChunk(voice(0.5, 16000), 0)) + engine.flush()
    return np.stack([f.vertices for f in frames]) - engine.topology.template, np.stack([f.labels for f in frames])


@pytest.mark.parametrize("backend", ["onnx", "torchscript"])
def test_twice_the_shapes_are_twice_the_motion(tiny: Bundle, tmp_path: Path, backend: str) -> None:
    """Labels stay, every identity moves as its new shapes say, on its new template, in both sorts of graphs."""
    moved = [replace(t, template=t.template + np.float32(0.01)) for t in tiny.topologies]
    error = carry(tiny, [Avatar(topology, 2 * tiny.deltas, {}) for topology in moved], tmp_path / "twice")
    assert error < 1e-4
    twice = load(tmp_path / "twice")
    np.testing.assert_allclose(twice.deltas, 2 * tiny.deltas, atol=1e-5)
    for identity in (0, 2):
        (old, labels), (new, new_labels) = (motion(bundle, backend, identity) for bundle in (tiny, twice))
        np.testing.assert_array_equal(new_labels, labels)
        np.testing.assert_allclose(twice.topology(identity).template, moved[identity].template, atol=1e-5)
        np.testing.assert_allclose(new, 2 * old, atol=0.03 * np.abs(old).max())


def test_vertices_that_the_graphs_keep_still_cannot_start_to_move(tiny: Bundle, tmp_path: Path) -> None:
    """A rig that moves more of the mesh is refused, and nothing is written."""
    deltas = tiny.deltas.copy()
    deltas[0, -1] = 0.01
    with pytest.raises(VoxmeshError, match="keeps still"):
        carry(tiny, [Avatar(topology, deltas, {}) for topology in tiny.topologies], tmp_path / "more")
    assert not list(tmp_path.iterdir())
