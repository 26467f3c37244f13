"""The same frame is the same face wherever it is seen: the .npz, the .glb, Open3D's picture and the browser's page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pygltflib
import pytest
import soundfile
from browser import Browser, needs_chromium
from gltf_player import played
from pictures import assert_same_face, drawn_by_hand, green_mouth
from test_web_page import visit
from test_web_server import web

from voxmesh.stream import wire
from voxmesh.stream.animate import animate
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import find, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.publish import Publisher
from voxmesh.stream.topology import Topology
from voxmesh.stream.types import AudioChunk, Frame
from voxmesh.viewer.camera import Camera, frame
from voxmesh.viewer.clip import Clip, load_clip
from voxmesh.viewer.offscreen import Offscreen

SIZE = (300, 345)


@dataclass(frozen=True)
class Spoken:
    """The same sound thrice. clip: from the .npz. glb: opened. frames: of a live engine. shown: two frames' numbers.

    topology: the shipped face, its mouth painted green.
    """

    topology: Topology
    clip: Clip
    glb: Any
    frames: list[Frame]
    shown: tuple[int, int]

    def wanted(self, index: int) -> np.ndarray:
        """The .npz's face, drawn by hand."""
        return drawn_by_hand(self.topology, self.clip.vertices[index], self.camera, SIZE)

    @property
    def camera(self) -> Camera:
        return frame(self.topology).shrunk_to(SIZE[0] / SIZE[1])


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    """Two seconds of the bundled sentence; shown are the frames where the mouth is most shut and most open."""
    folder = tmp_path_factory.mktemp("spoken")
    samples, rate = soundfile.read(find().parent / "sample.wav", 2 * 16000, dtype="float32")
    soundfile.write(folder / "sound.wav", samples, rate, "FLOAT")
    for name in ("clip.npz", "clip.glb"):
        with AudioFile(folder / "sound.wav") as audio:
            animate(audio, Engine(load(), source_rate=rate), folder / name)
    clip, engine = load_clip(folder / "clip.npz"), Engine(load(), source_rate=rate)
    frames = [
        one
        for start in range(0, len(samples), 160)
        for one in engine.push(AudioChunk(samples[start : start + 160], start))
    ]
    upper, lower = (clip.vertices[:, clip.topology.landmarks[f"lip_{name}_inner"]] for name in ("upper", "lower"))
    open_m = np.linalg.norm(upper - lower, axis=1)[: len(frames)]
    glb = pygltflib.GLTF2().load(str(folder / "clip.glb"))
    return Spoken(green_mouth(engine.topology), clip, glb, frames, (int(open_m.argmin()), int(open_m.argmax())))


def assert_told_apart(pictures: list[np.ndarray], spoken: Spoken) -> None:
    """Each picture is its own frame's face, and by far liker to that than to the other frame's."""
    wanted = [spoken.wanted(index) for index in spoken.shown]
    for one, own, other in zip(pictures, wanted, wanted[::-1], strict=True):
        assert_same_face(one, own)
        changed = np.abs(own.astype(int) - other).max(2) > 30
        assert changed.sum() > 50
        assert np.abs(one.astype(int) - own)[changed].mean() < 0.5 * np.abs(one.astype(int) - other)[changed].mean()


def test_open3d_and_the_glb_show_the_npzs_face(spoken: Spoken) -> None:
    """Drawn by Open3D, live frames are the .npz's, and so is the .glb played to the frame's time."""
    with Offscreen(spoken.topology, *SIZE, spoken.camera) as picture:
        assert_told_apart([picture.render(spoken.frames[index].vertices) for index in spoken.shown], spoken)
        glb = [played(spoken.glb, float(index / spoken.clip.fps)) for index in spoken.shown]
        assert_told_apart([picture.render(vertices) for vertices in glb], spoken)


@needs_chromium
def test_the_page_shows_the_npzs_face_at_the_same_frame(spoken: Spoken) -> None:
    """A published frame's number, once the page says that it drew it, is the row of the .npz that is on the screen."""
    hello = wire.TopologyMessage("one", spoken.topology, 16000, 60, 1, ())
    pictures = []
    with Publisher("tcp://127.0.0.1:*", hello) as publisher, web(publisher.endpoint) as served, Browser(*SIZE) as page:
        visit(page, served)
        until = time.monotonic() + 120
        while not publisher.viewers:
            assert time.monotonic() < until
            publisher.poll()
            time.sleep(0.02)
        for index in sorted(spoken.shown):
            until = time.monotonic() + 120
            while not page.evaluate(f"globalThis.voxmesh?.drawn?.index === {index}"):
                assert time.monotonic() < until, page.errors
                publisher.publish(spoken.frames[index])  # again and again: the page may not have been there yet
                time.sleep(0.05)
            # What was drawn is on the screen two pictures later.
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
            pictures.append(page.screenshot())
    assert_told_apart([pictures[sorted(spoken.shown).index(index)] for index in spoken.shown], spoken)
