"""Any bundle drives any character: every output shows it, moved by the weights of the bundle's own face."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import soundfile
from character_helpers import mask, write_obj
from conftest import voice
from test_live import live, receive_all

from voxmesh.stream import character as characters
from voxmesh.stream import livelink, wire
from voxmesh.stream.animate import animate
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.avatars import Avatars
from voxmesh.stream.blendshapes import face_fit
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.character import Character, Pose
from voxmesh.stream.character_engine import CharacterEngine
from voxmesh.stream.character_import import import_character, read
from voxmesh.stream.engine import Engine
from voxmesh.stream.gltf import write_glb
from voxmesh.stream.livelink import LiveLinkSender
from voxmesh.stream.types import AudioChunk, Frame
from voxmesh.stream.udp import parse


@pytest.fixture(scope="module")
def carnival(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An avatar's folder: a mask with six shapes, from OBJ files."""
    folder = tmp_path_factory.mktemp("mask")
    vertices, faces, shapes = mask()
    write_obj(folder / "neutral.obj", vertices, faces)
    for name, delta in shapes.items():
        write_obj(folder / f"{name}.obj", vertices + delta, faces)
    characters.save(import_character(read(folder), load()).character, folder / "avatar")
    return folder / "avatar"


def spoken(engine: Engine) -> list[Frame]:
    return engine.push(AudioChunk(voice(0.7, 16000), 0)) + engine.flush()


def test_our_own_face_as_a_character_moves_as_ours(tmp_path: Path) -> None:
    """Written as glTF and imported, driven by weights: within 0.5 mm of the engine's own vertices on average."""
    bundle = load()
    engine = Engine(bundle)
    frames, face = spoken(engine), engine.topology
    write_glb(tmp_path / "a.glb", face, ARKIT_NAMES, bundle.deltas, np.zeros((1, 52)), engine.clock)
    character = import_character(read(tmp_path / "a.glb"), bundle).character
    moving = np.flatnonzero(np.abs(bundle.deltas).max(axis=(0, 2))[face.faces].any(1))
    for frame, other in zip(frames, spoken(CharacterEngine(bundle, character)), strict=True):
        assert (other.index, other.sample) == (frame.index, frame.sample)
        corners = frame.vertices[face.faces[moving]], other.vertices[character.topology.faces[moving]]
        assert np.linalg.norm(corners[0] - corners[1], axis=2).mean() < 5e-4


def test_weights_are_those_of_the_bundles_face(tiny: Bundle, carnival: Path) -> None:
    """They are fitted to the bundle's vertices, and a character without a shape does not lose its weight."""
    own, character = spoken(Engine(tiny)), characters.load(carnival)
    weights = face_fit(tiny.topologies[0], tiny.deltas).fit(np.stack([f.vertices for f in own]))
    dressed = spoken(CharacterEngine(tiny, character))
    np.testing.assert_allclose(np.stack([f.weights for f in dressed]), weights, atol=1e-5)
    assert (np.stack([f.weights for f in dressed])[:, ARKIT_NAMES.index("cheekPuff")] > 0).any()
    rest, deltas = character.topology.template, character.deltas
    wanted = rest + np.einsum("ts,svc->tvc", weights, deltas)
    np.testing.assert_allclose(np.stack([f.vertices for f in dressed]), wanted, atol=1e-5)


def test_a_pose_is_new_and_leaves_the_rest_alone() -> None:
    """Frames do not share memory, and what no shape moves stays to the bit."""
    template, deltas = np.random.default_rng(0).normal(size=(2, 50, 3)).astype(np.float32)[:1][0], np.zeros((2, 50, 3))
    deltas[1, 3] = 1
    pose = Pose(template, deltas)
    a, b = pose(np.float32([1, 0.5])), pose(np.float32([0, 0]))
    np.testing.assert_array_equal(b, template)
    np.testing.assert_allclose(a[3], template[3] + 0.5, atol=1e-6)
    np.testing.assert_array_equal(np.delete(a, 3, 0), np.delete(template, 3, 0))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "in.wav", voice(0.7, 16000), 16000)
    return tmp_path / "in.wav"


def test_every_file_shows_it(tmp_path: Path, tiny: Bundle, carnival: Path, sound: Path) -> None:
    """npz, glb and csv have its mesh, its shapes and the same weights."""
    character: Character = characters.load(carnival)
    for name in ("a.npz", "a.glb", "a.csv"):
        with AudioFile(sound) as audio:
            assert animate(audio, CharacterEngine(tiny, character), tmp_path / name) == 42
    with np.load(tmp_path / "a.npz") as data:
        clip = dict(data)
    weights = np.stack([f.weights for f in spoken(CharacterEngine(tiny, character))])
    np.testing.assert_allclose(clip["blendshapes"], weights, atol=1e-6)
    np.testing.assert_array_equal(clip["faces"], character.topology.faces)
    np.testing.assert_array_equal(clip["template"], character.topology.template)
    wanted = clip["template"] + np.einsum("ts,svc->tvc", weights, character.deltas)
    np.testing.assert_allclose(clip["vertices"], wanted, atol=1e-5)
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    assert document.accessors[document.meshes[0].primitives[0].attributes.POSITION].count == len(clip["template"])
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 43


def test_live_shows_it(tmp_path: Path, tiny_bundle: Path, carnival: Path, speech: Path, subscribe) -> None:
    """`live --avatar` publishes its topology and its vertices, as many as the topology has."""
    arguments = ("--wav", speech, "--wait", 30, "--bundle", tiny_bundle, "--avatar", carnival)
    with live(*arguments, cwd=tmp_path) as (_, endpoint):
        messages = receive_all(subscribe(endpoint))
    hello = next(m for m in messages if isinstance(m, wire.TopologyMessage))
    frames = [m for m in messages if isinstance(m, wire.FrameMessage)]
    topology = characters.load(carnival).topology
    np.testing.assert_array_equal(hello.topology.template, topology.template)
    assert hello.topology.landmarks == topology.landmarks and len(frames) == 90
    assert all(f.vertices.shape == topology.template.shape for f in frames)
    assert np.ptp(np.stack([f.vertices for f in frames]), axis=0).max() > 1e-4


def test_senders_get_the_engines_weights(tiny: Bundle, carnival: Path) -> None:
    """Live Link is sent what drives the character, also the shapes that it has not."""
    import socket

    engine = CharacterEngine(tiny, characters.load(carnival))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        target = parse(f"127.0.0.1:{receiver.getsockname()[1]}", livelink.PORT)
        frames = spoken(engine)
        with Avatars(engine, [LiveLinkSender(target, engine.clock)]) as avatars:
            avatars.send(frames[-1])
            values = struct.unpack(">61f", receiver.recv(4096)[-61 * 4 :])
    np.testing.assert_allclose(values[:52], frames[-1].weights, atol=1e-6)


def test_an_avatar_that_is_not_there_is_one_line(speech: Path, tiny_bundle: Path, cli) -> None:
    """Exit code 2, the folder, and what would make one."""
    result = cli("animate", speech, "-o", "a.npz", "--bundle", tiny_bundle, "--avatar", "gone")
    assert result.returncode == 2 and "no avatar in gone" in result.stderr and result.stderr.count("\n") == 1
