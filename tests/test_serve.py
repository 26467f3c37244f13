"""`voxmesh serve`: audio of many in, frames of each out; nothing that is sent can stop it."""

from __future__ import annotations

import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from conftest import command, voice

from voxmesh.stream import wire
from voxmesh.stream.audio_wire import HEADER_BYTES, MAX_BYTES, AudioMessage, pack_audio, unpack_audio
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.publish import Publisher
from voxmesh.stream.serve import CUT_BYTES, Limits, Server
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.types import AudioChunk


@pytest.fixture
def audio() -> Iterator[Callable[[str], zmq.Socket]]:
    """Opens PUSH sockets; closes them after the test."""
    context = zmq.Context()

    def open_socket(endpoint: str) -> zmq.Socket:
        socket = context.socket(zmq.PUSH)
        socket.linger = 0
        socket.connect(endpoint)
        return socket

    yield open_socket
    context.destroy(linger=0)


class Clock:
    """A wall clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tiny: Bundle, clock: Clock) -> Iterator[Server]:
    """With room for two sessions, on ports of its own."""
    with Publisher("tcp://127.0.0.1:*", None) as publisher:
        limits = Limits(sessions=2, idle_s=5.0)
        with Server(Sessions(tiny), publisher, "tcp://127.0.0.1:*", limits, clock) as one:
            yield one


def said(name: str, seconds: float = 0.5, start: int = 0, **about) -> AudioMessage:
    return AudioMessage(name, voice(3.0, 16000)[start : start + round(seconds * 16000)], start, **about)


def until(server: Server, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        server.turn()
        if condition():
            return
    raise AssertionError(f"it did not happen: {server.dropped}, {server.frames} frames")


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_audio_is_read_as_it_was_packed(dtype: type) -> None:
    """Name, numbers and samples; int16 as float32 of full scale 1."""
    samples = np.array([0, 1, -1, 5], dtype)
    got = unpack_audio(pack_audio(AudioMessage("zoë", samples, 7, 48000, 3, 2**32 - 1)))
    assert (got.session, got.start, got.rate, got.identity, got.seed) == ("zoë", 7, 48000, 3, 2**32 - 1)
    assert got.samples is not None and got.samples.dtype == np.float32
    np.testing.assert_array_equal(got.samples, samples / np.float32(32768) if dtype is np.int16 else samples)


GOOD = pack_audio(said("a", 0.01))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"VXA1",
        GOOD[:-1],
        b"VXA2" + GOOD[4:],
        GOOD[:20] + b"?" + GOOD[21:],
        GOOD[:20] + b"e" + GOOD[21:],
        GOOD[:4] + bytes(16) + GOOD[20:],
        GOOD[:4] + b"\xff" * 16 + GOOD[20:],
        GOOD[:24] + bytes(4) + GOOD[28:],
        GOOD[:32] + struct.pack("<Q", 2**63) + GOOD[40:],
        GOOD + bytes(MAX_BYTES),
        GOOD[:20] + b"s" + GOOD[21:40],
        GOOD[:20] + b"s" + GOOD[21:40] + b"\xff",
        GOOD[:20] + b"s" + GOOD[21:40] + bytes(257),
    ],
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    """Cut short, of another version or kind, without a name or rate, from beyond time, too long; styles too."""
    with pytest.raises(wire.WireError):
        unpack_audio(data)


def test_each_session_is_published_under_its_name(server: Server, audio: Callable, subscribe: Callable) -> None:
    """Topology, frames in order, bye; a subscriber of one session is sent nothing of another."""
    everyone = subscribe(server.publisher.endpoint)
    ben = subscribe(server.publisher.endpoint, wire.topic(wire.FRAME, "ben"))
    until(server, lambda: server.publisher.viewers == 2)
    socket = audio(server.endpoint)
    for message in (
        said("anna", seed=1),
        said("ben", identity=1),
        AudioMessage("ben", None),
        AudioMessage("anna", None),
    ):
        socket.send(pack_audio(message))
    until(server, lambda: server.frames == 60 and not len(server.sessions))
    indices: dict[str, list[int]] = {"anna": [], "ben": []}
    byes, faces = [], []
    while len(byes) < 2:
        message = wire.unpack(everyone.recv())
        if isinstance(message, wire.FrameMessage):
            indices[message.session].append(message.index)
        elif isinstance(message, wire.TopologyMessage):
            faces.append(message.session)
        else:
            byes.append(message.session)
    assert indices == {"anna": list(range(30)), "ben": list(range(30))}
    assert faces == ["anna", "ben"] and byes == ["ben", "anna"]
    assert [wire.unpack(ben.recv()).session for _ in range(30)] == ["ben"] * 30
    ben.rcvtimeo = 50
    with pytest.raises(zmq.Again):
        ben.recv()


def test_messages_of_no_use_are_dropped_and_counted(server: Server, audio: Callable) -> None:
    """Whatever comes, the session that behaves gets its frames."""
    socket = audio(server.endpoint)
    bad = {
        "malformed": [b"nonsense", GOOD[: HEADER_BYTES + 3]],
        "changed": [pack_audio(said("a", start=8000, rate=48000)), pack_audio(said("a", start=8000, seed=8))],
        "old": [pack_audio(said("a")), pack_audio(said("a", 0.1, 400))],
        "jump": [pack_audio(AudioMessage("a", np.zeros(10, np.float32), 10**9))],
        "unknown": [pack_audio(AudioMessage("who", None))],
        "full": [pack_audio(said("c"))],
    }
    for message in (pack_audio(said("a")), pack_audio(said("b")), *(one for kind in bad.values() for one in kind)):
        socket.send(message)
    counts = {why: len(messages) for why, messages in bad.items()}
    until(server, lambda: dict(server.dropped) == counts)
    socket.send(pack_audio(said("a", start=8000)))
    socket.send(pack_audio(AudioMessage("a", None)))
    until(server, lambda: server.sessions.names() == ["b"])
    assert dict(server.dropped) == counts


def test_what_is_too_much_is_dropped_and_counted(tiny: Bundle, clock: Clock, audio: Callable) -> None:
    """More sound than real time's for long, sessions without end, a message too long; later there is room again."""
    limits = Limits(sessions=2, burst_s=1.0, speed=2.0)
    with (
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        Server(Sessions(tiny), publisher, "tcp://127.0.0.1:*", limits, clock) as server,
    ):
        socket = audio(server.endpoint)
        for start in (0, 8000, 16000):
            socket.send(pack_audio(said("a", 0.5, start)))
        until(server, lambda: dict(server.dropped) == {"fast": 1})
        socket.send(pack_audio(said("b", 0.1)))
        for _ in range(2):
            socket.send(pack_audio(AudioMessage("b", None)))
            socket.send(pack_audio(said("b", 0.1)))
        until(server, lambda: server.dropped["unknown"] == 1)
        assert server.dropped["fast"] == 3
        socket.send(bytes(MAX_BYTES + 1))
        socket.send(bytes(CUT_BYTES + 1))
        until(server, lambda: server.dropped["huge"] == 1)
        clock.now = 0.25
        again = audio(server.endpoint)
        again.send(pack_audio(said("a", 0.5, 16000)))
        until(server, lambda: server.sessions["a"].hearing.received == 24000)
        assert dict(server.dropped) == {"fast": 3, "unknown": 1, "huge": 1}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (said("x", identity=9), "malformed"),
        (said("x", rate=5), "malformed"),
        (said("x", 1, start=40_000), "jump"),
    ],
)
def test_a_session_that_cannot_be_opened_takes_no_place(
    server: Server, audio: Callable, message: AudioMessage, why: str
) -> None:
    """An identity or rate that is not, or a beginning in the middle: dropped, and nothing stays."""
    socket = audio(server.endpoint)
    socket.send(pack_audio(message))
    until(server, lambda: dict(server.dropped) == {why: 1})
    assert len(server.sessions) == 0


def test_a_session_that_is_silent_for_long_is_closed(server: Server, audio: Callable, clock: Clock) -> None:
    """With its last frames; then its name and its place are free again."""
    socket = audio(server.endpoint)
    socket.send(pack_audio(said("a")))
    until(server, lambda: len(server.sessions) == 1)
    clock.now = 4.0
    server.turn()
    assert len(server.sessions) == 1
    clock.now = 6.0
    server.turn()
    assert len(server.sessions) == 0 and server.frames == 30
    socket.send(pack_audio(said("a")))
    until(server, lambda: server.sessions.names() == ["a"])


def test_a_session_chooses_its_style(styled: Bundle, clock: Clock, audio: Callable, subscribe: Callable) -> None:
    """From its first frame, and another from a sample on, whenever that is told; a style that is not is counted."""
    samples = voice(1.0, 16000)
    sad, angry = (
        engine.push(AudioChunk(samples, 0)) + engine.flush()
        for engine in (Engine(styled, style=styled.style.blend(text)) for text in ("sad:1.5", "angry"))
    )
    with (
        Publisher("tcp://127.0.0.1:*", None) as publisher,
        Server(Sessions(styled), publisher, "tcp://127.0.0.1:*", now_s=clock) as server,
    ):
        socket, viewer = audio(server.endpoint), subscribe(publisher.endpoint, wire.topic(wire.FRAME))
        until(server, lambda: publisher.viewers == 1)
        for style, start in (("sad:1.5", 0), ("bored", 0), ("angry", 8000)):
            socket.send(pack_audio(AudioMessage("a", None, start, style=style)))
        for start in range(0, 16000, 4000):
            socket.send(pack_audio(AudioMessage("a", samples[start : start + 4000], start)))
        socket.send(pack_audio(AudioMessage("a", None)))
        until(server, lambda: server.frames == 60)
        got = [wire.unpack(viewer.recv()).vertices for _ in range(60)]
        assert dict(server.dropped) == {"style": 1}
    # It begins with frame 30, which depicts sample 8000, and has arrived 0.3 s later.
    for frame, vertices in zip([*sad[:30], *angry[48:]], got[:30] + got[48:], strict=True):
        np.testing.assert_allclose(vertices, frame.vertices, atol=1e-6)
    assert np.abs(got[30] - sad[30].vertices).max() > 1e-5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_stop(
    number: int, tiny_bundle: Path, audio: Callable, subscribe: Callable
) -> None:
    """It says where, speaks, and on a signal says bye and ends well."""
    arguments = ("serve", "--audio", "tcp://127.0.0.1:*", "--listen", "tcp://127.0.0.1:*", "--bundle", tiny_bundle)
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        words = process.stdout.readline().replace(",", "").split()
        viewer = subscribe(words[words.index("frames") + 2], wire.topic(wire.FRAME))
        viewer.subscribe(wire.topic(wire.BYE))
        socket = audio(words[words.index("audio") + 2])
        start = 0
        while not viewer.poll(50):
            socket.send(pack_audio(said("a", 0.1, start)))
            start += 1600
        assert isinstance(wire.unpack(viewer.recv()), wire.FrameMessage)
        process.send_signal(number)
        while not isinstance(message := wire.unpack(viewer.recv()), wire.ByeMessage):
            pass
        assert message.session == "a"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
