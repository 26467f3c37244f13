"""What `voxmesh view --web` serves, to whom, and how fast: the command in a process of its own, real sockets."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from conftest import command
from viewer_helpers import Speaker, ball
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from voxmesh.stream import wire
from voxmesh.stream.endpoints import is_local

NOBODY = "tcp://127.0.0.1:9"
PATHS = ("/", "/page.mjs", "/wire.mjs")
NO_PATHS = (
    "/index.html",
    "/../view.py",
    "/web/../../view.py",
    "/%2e%2e/view.py",
    "//etc/passwd",
    "/nothing",
    "/page.mjs/",
)


class Web:
    """A running `voxmesh view --web`: its address and token."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        found = re.search(r"http://([^/]+)/#(\S+) ", line)
        assert found, line
        self.process, self.host, self.token = process, found[1], found[2]
        self.said = ""

    @property
    def page(self) -> str:
        return f"http://{self.host}/#{self.token}"

    @contextmanager
    def stream(self, token: str | None = None, origin: str | None = None) -> Iterator[ClientConnection]:
        """A WebSocket as the page opens it."""
        url = f"ws://{self.host}/stream?token={self.token if token is None else token}"
        with connect(
            url, origin=origin or f"http://{self.host}", max_size=None, compression=None, max_queue=None
        ) as client:
            yield client


@contextmanager
def web(endpoint: str, *options: str) -> Iterator[Web]:
    arguments = command("view", endpoint, "--web", "--port", 0, *options)
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        served = Web(process, process.stdout.readline())
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    served.said = said
    assert process.returncode == 0 and "Traceback" not in errors, errors


@pytest.fixture(scope="module")
def idle() -> Iterator[Web]:
    """A server to which nothing is published."""
    with web(NOBODY) as served:
        yield served


def get(served: Web, path: str) -> tuple[int, str, bytes]:
    """Status, content type, body. The path goes out as it is: clients tidy `..` away."""
    host, port = served.host.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {served.host}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    kind = re.search(rb"Content-Type: (\S+)", head)
    return int(head.split()[1]), kind[1].decode() if kind else "", body


@pytest.mark.parametrize("path", PATHS)
def test_the_page_is_served(idle: Web, path: str) -> None:
    """Page and modules come with the types that browsers insist on."""
    status, kind, body = get(idle, path)
    assert status == 200 and body
    assert kind == ("text/html;" if path == "/" else "text/javascript;")


def test_the_page_holds_no_secret_and_needs_no_network(idle: Web) -> None:
    """Neither the token nor any other site is in what everybody can read."""
    for path in PATHS:
        body = get(idle, path)[2].decode()
        assert idle.token not in body
        assert not re.search(r"https?://(?!\$)", body), path
    with urlopen(Request(f"http://{idle.host}/")) as answer:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", NO_PATHS)
def test_nothing_else_is_served(idle: Web, path: str) -> None:
    """A path is a name in a table, never one in a folder."""
    assert get(idle, path)[0] == 404


def test_only_get_is_answered(idle: Web) -> None:
    """Other methods are refused, and the server goes on."""
    with pytest.raises(HTTPError) as error:
        urlopen(Request(f"http://{idle.host}/", method="DELETE"))
    assert 400 <= error.value.code < 500
    assert get(idle, "/")[0] == 200


@pytest.mark.parametrize(
    ("token", "origin"),
    [("wrong", None), ("", None), (None, "http://evil.example"), (None, "null"), (None, "http://127.0.0.1:1")],
)
def test_a_wrong_token_or_site_is_refused(idle: Web, token: str | None, origin: str | None) -> None:
    """Neither who does not know the address nor a page of another site gets a WebSocket."""
    with pytest.raises(InvalidStatus) as error, idle.stream(token, origin):
        pass
    assert error.value.response.status_code == 403


def test_a_client_that_names_no_site_is_refused(idle: Web) -> None:
    """Browsers always say where a WebSocket comes from."""
    with pytest.raises(InvalidStatus) as error:
        connect(f"ws://{idle.host}/stream?token={idle.token}").__enter__()
    assert error.value.response.status_code == 403


def test_messages_come_unchanged() -> None:
    """The first message tells where frames come from; then topology, frames and goodbye are the publisher's bytes."""
    topology = ball()
    with web_and_speaker(topology) as (served, speaker), served.stream() as client:
        assert json.loads(client.recv(30)) == {"endpoint": speaker.endpoint, "same_clock": True}
        hello = wire.unpack(client.recv(30))
        assert isinstance(hello, wire.TopologyMessage) and hello.session == "test"
        for _ in range(5):
            frame = wire.unpack(client.recv(30))
            assert isinstance(frame, wire.FrameMessage) and frame.vertices.shape == topology.template.shape
            client.send("taken")
        client.send("clock")
        while not isinstance(answer := client.recv(30), str):
            client.send("taken")
        assert abs(json.loads(answer)["clock_ms"] - time.monotonic_ns() / 1e6) < 30_000
        speaker.__exit__(None, None, None)
        while not isinstance(message := wire.unpack(client.recv(30)), wire.ByeMessage):
            assert isinstance(message, wire.FrameMessage)
            client.send("taken")


def test_a_page_that_stalls_slows_nobody() -> None:
    """It holds two frames, whatever comes; the others go on; when it wakes it gets the newest one; all is counted."""
    with web_and_speaker(ball()) as (served, _), served.stream() as stalled, served.stream() as quick:
        last = -1
        while last < 60:
            data = quick.recv(30)
            if isinstance(data, bytes) and isinstance(frame := wire.unpack(data), wire.FrameMessage):
                assert frame.index > last
                last = frame.index
                quick.send("taken")
        held = [wire.unpack(data) for data in drain(stalled) if isinstance(data, bytes)]
        assert [type(message) for message in held] == [wire.TopologyMessage, wire.FrameMessage, wire.FrameMessage]
        stalled.send("taken")
        newest = wire.unpack(stalled.recv(30))
        assert isinstance(newest, wire.FrameMessage) and newest.index > 50
    assert re.search(r"127.0.0.1 has left: 3 frames sent, [1-9]\d+ skipped\n", served.said)


def test_pages_come_and_go_while_nothing_is_published(idle: Web) -> None:
    """Each is greeted; none is waited for."""
    for _ in range(3):
        with idle.stream() as client:
            assert json.loads(client.recv(30))["endpoint"] == NOBODY
    assert get(idle, "/")[0] == 200


def test_the_server_outlives_its_publisher() -> None:
    """A publisher that comes back on the same address is shown again, with its own session."""
    with ExitStack() as life:
        endpoint = life.enter_context(Speaker(ball(), session="one")).endpoint
        with web(endpoint) as served, served.stream() as client:
            client.recv(30)
            assert wire.unpack(client.recv(30)).session == "one"
            life.close()
            with Speaker(ball(), session="two", endpoint=endpoint):
                while (message := wire.unpack(client.recv(30))).session == "one":
                    client.send("taken")
                assert isinstance(message, wire.TopologyMessage)
                assert isinstance(wire.unpack(client.recv(30)), wire.FrameMessage)


def test_a_token_of_ones_own_keeps_the_address() -> None:
    """--token makes the next start's address the same as the last one's."""
    with web(NOBODY, "--token", "my-own-token") as served:
        assert served.token == "my-own-token"


def test_everywhere_is_said_with_a_warning() -> None:
    """--bind 0.0.0.0 prints an address that others can open, and who can see the face."""
    process = subprocess.run(
        command("view", NOBODY, "--web", "--port", 0, "--bind", "0.0.0.0", "--seconds", 0.1),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0
    assert re.search(r"http://(?!0\.0\.0\.0)\S+:\d+/#\S+", process.stdout)
    assert "anyone on this network" in process.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--web", "--port", "{taken}"), "port is taken: choose another with --port"),
        (("--web", "--bind", "203.0.113.1"), "no such address"),
        (("--web", "--token", "short"), "8 or more"),
        (("--web", "--no-window"), "--web draws in a browser"),
        (("--port", "8081"), "need --web"),
    ],
)
def test_mistakes_are_told_in_a_line(idle: Web, options: tuple[str, ...], words: str) -> None:
    """What was wrong and what to do, exit code 2."""
    taken = idle.host.split(":")[1]
    arguments = command("view", NOBODY, *(option.format(taken=taken) for option in options))
    process = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert process.returncode == 2 and words in process.stderr and len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("tcp://127.0.0.1:5556", True),
        ("tcp://localhost:5556", True),
        ("tcp://[::1]:5556", True),
        ("ipc:///tmp/face", True),
        ("tcp://192.168.1.20:5556", False),
        ("tcp://studio:5556", False),
    ],
)
def test_only_a_publisher_on_this_machine_shares_its_clock(endpoint: str, local: bool) -> None:
    """Elsewhere, a latency computed from two clocks would be made up."""
    assert is_local(endpoint) is local


@contextmanager
def web_and_speaker(topology: object) -> Iterator[tuple[Web, Speaker]]:
    with Speaker(topology) as speaker, web(speaker.endpoint) as served:  # type: ignore[arg-type]
        yield served, speaker


def drain(client: ClientConnection) -> list[str | bytes]:
    """What has come so far."""
    messages: list[str | bytes] = []
    while True:
        try:
            messages.append(client.recv(0.5))
        except TimeoutError:
            return messages
