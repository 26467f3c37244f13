"""The .glb opens elsewhere, and its morph targets, weights and times are the animation's own."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
import trimesh
from gltf_player import played, read

from voxmesh.stream.animate import animate
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.engine import Engine
from voxmesh.stream.gltf import linear_colours, normals, write_glb


@pytest.fixture
def made(tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable) -> tuple[Any, dict[str, np.ndarray], Path]:
    """The same speech as .glb, opened by pygltflib, and as .npz."""
    for name in ("a.glb", "a.npz"):
        result = cli("animate", speech, "-o", name, "--bundle", tiny_bundle, "--identity", 1)
        assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "a.npz") as npz:
        return pygltflib.GLTF2().load(str(tmp_path / "a.glb")), dict(npz), tmp_path / "a.glb"


def test_morphing_gives_the_fitted_face(made: tuple[Any, dict[str, np.ndarray], Path], tiny: Bundle) -> None:
    """Position + weights of frame t times targets is template + weights . deltas to the float, under ARKit's names."""
    document, npz, _ = made
    mesh = document.meshes[0]
    primitive = mesh.primitives[0]
    assert mesh.extras["targetNames"] == list(ARKIT_NAMES) and len(mesh.weights) == len(primitive.targets) == 52
    position = read(document, primitive.attributes.POSITION)
    targets = np.stack([read(document, target["POSITION"]) for target in primitive.targets])
    sampler = document.animations[0].samplers[0]
    weights = read(document, sampler.output).reshape(-1, 52)
    np.testing.assert_array_equal(weights, npz["blendshapes"])
    wanted = npz["template"] + np.einsum("ts,svc->tvc", npz["blendshapes"].astype(float), tiny.deltas)
    np.testing.assert_allclose(position + np.einsum("ts,svc->tvc", weights, targets), wanted, atol=1e-7)
    np.testing.assert_array_equal(read(document, primitive.indices).reshape(-1, 3), npz["faces"])
    assert document.accessors[primitive.targets[0]["POSITION"]].sparse.count <= 150  # the last 50 vertices never move


def test_the_animation_has_the_clocks_times(made: tuple[Any, dict[str, np.ndarray], Path]) -> None:
    """90 frames at 60 a second, linear between, each time the exact fraction, rounded once; they drive the face."""
    document, _, _ = made
    (animation,) = document.animations
    (channel,), (sampler,) = animation.channels, animation.samplers
    assert (channel.sampler, channel.target.node, channel.target.path) == (0, 0, "weights")
    assert document.nodes[0].mesh == 0 and document.scenes[document.scene].nodes == [0]
    times = read(document, sampler.input)[:, 0]
    np.testing.assert_array_equal(times, (np.arange(90) / 60).astype(np.float32))
    assert document.accessors[sampler.input].max == [pytest.approx(89 / 60)] and sampler.interpolation == "LINEAR"


def test_it_opens_in_trimesh(made: tuple[Any, dict[str, np.ndarray], Path]) -> None:
    """One mesh of the template's vertices and triangles, in metres."""
    _, npz, path = made
    scene = trimesh.load(path, process=False)
    (mesh,) = scene.geometry.values()
    np.testing.assert_array_equal(np.float32(mesh.vertices), npz["template"])
    np.testing.assert_array_equal(mesh.faces, npz["faces"])
    assert mesh.metadata["targetNames"] == list(ARKIT_NAMES) and mesh.metadata["units"] == "meters"


def test_evaluating_it_gives_the_npzs_vertices(tmp_path: Path, speech: Path) -> None:
    """The shipped face, played as a glTF player does: as long as the sound, and within 0.2 mm of the npz on average."""
    for name in ("a.glb", "a.npz"):
        with AudioFile(speech) as audio:
            animate(audio, Engine(load()), tmp_path / name)
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    times = read(document, document.animations[0].samplers[0].input)[:, 0]
    assert times[0] == 0 and times[-1] == pytest.approx(1.5 - 1 / 60)
    with np.load(tmp_path / "a.npz") as data:
        vertices, moved = data["vertices"], np.ptp(data["vertices"], axis=0).max(1) > 1e-4
    for instant_s in (0.0, 0.31, 0.7, 1.1, 1.45):
        frame = instant_s * 60
        before, after = vertices[int(frame)], vertices[min(int(frame) + 1, 89)]
        wanted = before + (frame - int(frame)) * (after - before)
        assert np.linalg.norm(played(document, instant_s) - wanted, axis=1)[moved].mean() < 2e-4


def test_an_offset_has_something_to_count_from(made: tuple[Any, dict[str, np.ndarray], Path]) -> None:
    """What Khronos's validator objects to is not there: nulls, empty lists, a byteOffset without a buffer view."""
    data = made[2].read_bytes()
    (size,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + size])
    for accessor in document["accessors"]:
        assert ("byteOffset" in accessor) <= ("bufferView" in accessor)
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        assert value is not None and value != [], "glTF 2.0 has neither null nor empty lists"
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value


def test_targets_turn_the_normals(tmp_path: Path, bundle: Bundle) -> None:
    """Each target's normals are those of its own pose; rest's are unit and point outwards; the face stays small."""
    topology = bundle.topologies[0]
    write_glb(
        tmp_path / "b.glb", topology, ARKIT_NAMES, bundle.deltas, np.zeros((1, 52)), FrameClock(16000, 30000, 1001)
    )
    document = pygltflib.GLTF2().load(str(tmp_path / "b.glb"))
    primitive = document.meshes[0].primitives[0]
    rest = read(document, primitive.attributes.NORMAL)
    np.testing.assert_allclose(np.linalg.norm(rest, axis=1), 1, atol=1e-5)
    jaw = ARKIT_NAMES.index("jawOpen")
    turned = rest + read(document, primitive.targets[jaw]["NORMAL"])
    assert np.abs(turned - normals(topology.template + bundle.deltas[jaw], topology.faces)).max() < 3e-3
    assert (tmp_path / "b.glb").stat().st_size < 3_000_000


def test_normals_and_colours_by_hand() -> None:
    """A triangle seen counter-clockwise faces its viewer, a lone vertex points up; sRGB 188 is half of white."""
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], np.float32)
    np.testing.assert_array_equal(normals(square, np.array([[0, 1, 2]])), [[0, 0, 1]] * 3 + [[0, 1, 0]])
    white, grey, hidden = linear_colours(
        np.array([[255] * 3, [188] * 3, [255] * 3]), np.array([[255] * 3] * 2 + [[0] * 3])
    )
    assert white.tolist() == [65535] * 4 and hidden.tolist() == [0, 0, 0, 65535]
    assert abs(grey[0] / 65535 - 0.5) < 0.005


def test_without_pygltflib_one_line_says_what_to_install(tmp_path: Path, speech: Path) -> None:
    """Before any work is done."""
    code = (
        "import sys; sys.modules['pygltflib'] = None\nfrom voxmesh.stream.cli import run\n"
        f"sys.exit(run(['animate', {str(speech)!r}, '-o', {str(tmp_path / 'a.glb')!r}]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 2 and "voxmesh[gltf]" in result.stderr and result.stderr.count("\n") == 1
