"""The whole page in a headless Chromium: a live publisher, the command, and what is on the screen."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType

import numpy as np
import pytest
import zmq
from browser import Browser, needs_chromium
from pictures import assert_same_face, drawn_by_hand, green_mouth, silhouette
from test_web_server import Web, web

from voxmesh.stream import bundle as bundles
from voxmesh.stream import wire
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.depicted_sound import SoundBlock
from voxmesh.stream.engine import Engine
from voxmesh.stream.publish import Publisher
from voxmesh.stream.topology import Topology
from voxmesh.stream.types import AudioChunk, Frame
from voxmesh.viewer.camera import frame

pytestmark = needs_chromium
SIZE = (300, 345)
TOKEN = "a-token-for-tests"
Spoken = tuple[Topology, np.ndarray, np.ndarray]


class Studio:
    """Publishes one pose again and again, 30 times a second, until told another. Use as a context manager.

    sound: send what each frame depicts too, a soft tone.
    """

    def __init__(
        self,
        topology: Topology,
        session: str,
        endpoint: str,
        vertex_type: str | None = "float32",
        sound: bool = False,
    ) -> None:
        hello = wire.TopologyMessage(session, topology, 16000, 30, 1, ("jawOpen",))
        self._publisher = Publisher(endpoint, hello, vertex_type=vertex_type)
        self.session = session
        self.vertices = topology.template
        self.index = 0
        self._sound, self._stop = sound, threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def _publish(self) -> None:
        start = time.monotonic()
        with self._publisher as publisher:
            # On time on average: sound must not run dry.
            while not self._stop.wait(max(0.0, start + self.index / 30 - time.monotonic())):
                publisher.poll()
                sample, end = self.index * 16000 // 30, (self.index + 1) * 16000 // 30
                pose = Frame(self.index, sample, time.monotonic_ns(), self.vertices, np.zeros(1, np.int64))
                publisher.publish(pose, np.array([0.5], np.float32))
                if self._sound:
                    tone = 0.01 * np.sin(np.arange(sample, end) * 0.2)
                    publisher.publish_sound(SoundBlock(self.index, sample, 0, tone.astype(np.float32)), "int16")
                self.index += 1

    def show(self, vertices: np.ndarray, page: Browser) -> None:
        """Returns once the page has drawn that pose, and taken back that the publisher before this one had stopped."""
        self.vertices = vertices
        drawn = f"voxmesh.drawn.session === '{self.session}' && voxmesh.drawn.index > {self.index}"
        page.wait_for(f"{drawn} && !voxmesh.notice.trim()")

    def __enter__(self) -> Studio:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all, the size of a small window. No error may have been thrown on its pages."""
    with Browser(*SIZE) as one:
        yield one
        one.evaluate("0")
        assert not one.errors


@pytest.fixture(scope="module")
def endpoint() -> str:
    """Where publishers come and go."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="module")
def page(browser: Browser, endpoint: str) -> Iterator[Browser]:
    """The page, open on that endpoint."""
    with web(endpoint) as served:
        visit(browser, served)
        yield browser


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    """The shipped face, and two of its poses while it says the sample: the mouth most shut and most open."""
    sample = bundles.find().parent / "sample.wav"
    engine = Engine(bundles.load(), source_rate=16000)
    file = AudioFile(sample)
    frames = engine.push(AudioChunk(file.read(2 * file.rate), start=0))
    topology = engine.topology
    lips = [topology.landmarks[name] for name in ("lip_upper_inner", "lip_lower_inner")]
    open_m = [float(np.linalg.norm(one.vertices[lips[0]] - one.vertices[lips[1]])) for one in frames]
    return topology, frames[int(np.argmin(open_m))].vertices, frames[int(np.argmax(open_m))].vertices


def visit(browser: Browser, served: Web) -> None:
    """Opens the page, with nothing over the face."""
    browser.open("about:blank")
    browser.open(served.page)
    browser.wait_for("document.querySelector('#figures') !== null")
    browser.evaluate(
        "document.head.insertAdjacentHTML('beforeend', '<style>#figures, #notice, button { opacity: 0 }</style>')"
    )


def test_the_face_is_the_one_published(page: Browser, endpoint: str, spoken: Spoken) -> None:
    """Outline, mouth and light are, roughly, those of a picture drawn by other means; and it changes as it speaks."""
    topology, shut, wide = spoken
    camera = frame(topology).shrunk_to(SIZE[0] / SIZE[1])
    pictures = []
    with Studio(topology, "plain", endpoint) as studio:
        for pose in (shut, wide):
            studio.show(pose, page)
            pictures.append(page.screenshot())
            wanted = drawn_by_hand(topology, pose, camera, SIZE)
            found, there = silhouette(pictures[-1]), silhouette(wanted)
            assert (found & there).sum() / (found | there).sum() > 0.97
            assert np.abs(pictures[-1].astype(int) - wanted)[found & there].mean() < 8
    changed = np.abs(pictures[0].astype(int) - pictures[1]).max(2) > 30
    assert changed.sum() > 50
    lips = topology.template[[topology.landmarks["mouth_left"], topology.landmarks["mouth_right"]]].mean(0)
    at = SIZE[1] / 2 - (lips[1] - camera.target[1]) / camera.height_m * SIZE[1]
    assert abs(np.median(np.argwhere(changed)[:, 0]) - at) < 0.1 * SIZE[1]


@pytest.mark.parametrize("vertex_type", ["float32", "float16", "int16"])
def test_the_mouth_is_where_it_should_be(page: Browser, endpoint: str, spoken: Spoken, vertex_type: str) -> None:
    """Painted green, the region of the mouth lies where it is drawn by other means, however vertices travel."""
    topology, _, wide = spoken
    topology = green_mouth(topology)
    wanted = drawn_by_hand(topology, wide, frame(topology).shrunk_to(SIZE[0] / SIZE[1]), SIZE)
    with Studio(topology, vertex_type, endpoint, vertex_type) as studio:
        studio.show(wide, page)
        assert_same_face(page.screenshot(), wanted)


def test_hands_turn_and_magnify_the_face(page: Browser, endpoint: str, spoken: Spoken) -> None:
    """A drag turns it, two fingers apart magnify it, a double click brings it back."""
    topology, shut, _ = spoken
    with Studio(topology, "hands", endpoint) as studio:
        studio.show(shut, page)
        before = page.screenshot()
        page.drag((150, 200), (80, 200))
        assert page.wait_for("voxmesh.camera.yaw") > 0.3
        studio.show(shut, page)
        assert (np.abs(before.astype(int) - page.screenshot()).max(2) > 30).mean() > 0.05
        page.evaluate("document.querySelector('canvas').dispatchEvent(new MouseEvent('dblclick'))")
        fingers = [[{"x": 150 - apart, "y": 150, "id": 0}, {"x": 150 + apart, "y": 150, "id": 1}] for apart in (20, 60)]
        page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=fingers[0])
        page.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=fingers[1])
        page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert page.wait_for("voxmesh.camera.zoom < 0.5 && voxmesh.camera.zoom") == pytest.approx(1 / 3, rel=0.1)
        assert page.evaluate("voxmesh.camera.yaw") == 0


def test_sound_is_played_and_leads_the_face(page: Browser, endpoint: str, spoken: Spoken) -> None:
    """Once the button is clicked, what is drawn is the frame whose sound is heard, never a later one."""
    with Studio(spoken[0], "sound", endpoint, sound=True) as studio:
        x, y = page.wait_for(
            "(({x, y, width, height}) => width && [x + width / 2, y + height / 2])"
            "(document.querySelector('button:not([hidden])').getBoundingClientRect())"
        )
        page.click(x, y)
        page.wait_for("voxmesh.sound.heard() && voxmesh.sound.context.currentTime > 0.5")
        index = studio.index
        page.wait_for(f"voxmesh.drawn.index > {index}")
        # A machine with no time for the browser lets the sound run dry and begin anew: ten times in a row will do.
        held, deadline = 0, time.monotonic() + 60.0
        while held < 10:
            drawn, last = page.evaluate(
                "(({index}) => [voxmesh.drawn.index - index, voxmesh.last.index - index])(voxmesh.sound.blocks[0])"
            )
            held = held + 1 if drawn <= 0 < last else 0
            assert time.monotonic() < deadline, (drawn, last)
            time.sleep(0.05)
        page.click(x, y)
        page.wait_for("voxmesh.sound === null")


def test_the_page_says_what_is_wrong_and_comes_back(browser: Browser, endpoint: str, spoken: Spoken) -> None:
    """Nothing there, a publisher that stops and another, a server that goes and comes, one with another token."""
    topology = spoken[0]
    with web(endpoint, "--token", TOKEN) as served:
        visit(browser, served)
        browser.wait_for(f"voxmesh.notice.includes('Waiting for {endpoint}')")
        with Studio(topology, "one", endpoint):
            browser.wait_for("voxmesh.drawn.session === 'one' && voxmesh.notice === ' '")
            figures = r"/^\d+ fps   \d+ ms from published to drawn   \d+ not drawn$/.test(figures.textContent)"
            browser.wait_for(figures)
        browser.wait_for("voxmesh.notice.includes('The publisher has stopped')")
        with Studio(topology, "two", endpoint):
            browser.wait_for("voxmesh.drawn.session === 'two' && voxmesh.notice === ' '")
        with Studio(topology, "three", endpoint, vertex_type=None):
            browser.wait_for("voxmesh.notice.includes('Only blendshape weights come')")
        newer(endpoint, browser)
    browser.wait_for("voxmesh.notice.includes('The server has gone')")
    port = served.host.split(":")[1]
    with web(endpoint, "--token", TOKEN, "--port", port), Studio(topology, "four", endpoint):
        browser.wait_for("voxmesh.drawn.session === 'four' && voxmesh.notice === ' '")
    with web(endpoint, "--port", port):
        browser.wait_for("voxmesh.notice.includes('not valid any more')")


def newer(endpoint: str, page: Browser) -> None:
    """A publisher of a later version greets; the page says so."""
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        publisher.linger = 0
        publisher.bind(endpoint)
        sending = threading.Event()

        def greet() -> None:
            while not sending.wait(0.1):
                publisher.send(b"VXM2T" + bytes(200))

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            page.wait_for("voxmesh.notice.includes('update voxmesh')")
        finally:
            sending.set()
            thread.join()


def test_a_browser_without_webgl2_is_told(browser: Browser, endpoint: str) -> None:
    """In words on the page, instead of an empty one."""
    source = "HTMLCanvasElement.prototype.getContext = () => null"
    with web(endpoint) as served:
        script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=source)
        visit(browser, served)
        browser.wait_for("voxmesh.notice.includes('WebGL2 is missing')")
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
