"""The control socket: what is asked is done or refused with a reason, and nothing that is sent stops the stream."""

from __future__ import annotations

import json
import socket as sockets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from test_live import live

from voxmesh.stream.control import BURST, CUT_BYTES, MAX_BYTES, RATE_PER_S, Control, ask, number
from voxmesh.stream.errors import VoxmeshError


@contextmanager
def answering(control: Control) -> Iterator[None]:
    """Polls in the background, as the live loop does between chunks."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(0.002):
            control.poll()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(control: Control, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        control.poll()
        assert time.monotonic() < deadline, (control.dropped, control.done, control.refused)
        time.sleep(0.002)


@pytest.fixture
def dealer() -> Iterator[Callable[[str], zmq.Socket]]:
    """Opens sockets that send whatever they are told to; closes them after the test."""
    context = zmq.Context()

    def open_socket(endpoint: str) -> zmq.Socket:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        return socket

    yield open_socket
    context.destroy(linger=0)


def test_requests_are_done_or_refused_with_a_reason() -> None:
    """A value is handed over and the answer comes back; what cannot be done says why, and changes nothing."""
    gains: list[float] = []

    def gain(value: Any) -> float:
        gains.append(number(value, 0, 2, "mouth-gain"))
        return gains[-1]

    with Control("tcp://127.0.0.1:*", {"mouth-gain": gain}) as control, answering(control):
        control.add("broken", lambda value: value["x"])
        control.add("odd", lambda value: {1, 2})
        assert ask(control.endpoint, "mouth-gain", 1.5, 30) == 1.5
        assert ask(control.endpoint, "help", timeout_s=30) == ["broken", "help", "mouth-gain", "odd"]
        for name, value, why in (
            ("mouth-gain", 2.5, "mouth-gain is 2.5: give a number from 0 to 2"),
            ("mouth-gain", "loud", "'loud'"),
            ("mouth-gain", True, "True"),
            ("volume", 1, "there are broken, help, mouth-gain"),
            ("broken", 1, "broken failed"),
            ("odd", 1, "odd failed"),
        ):
            with pytest.raises(VoxmeshError, match=why):
                ask(control.endpoint, name, value, 30)
        assert gains == [1.5] and (control.done, control.refused) == (2, 6)
    with pytest.raises(ValueError, match="already"):
        control.add("help", print)


def test_messages_of_no_use_are_dropped_and_counted(dealer: Callable) -> None:
    """No JSON, no request, too long, in too many parts: no answer; the next one that is a request gets its own."""
    bad = [
        [b""],
        [b"x", b'{"name": "help"}'],
        [b"", b"", b'{"name": "help"}'],
        *([b"", data] for data in (b"", b"\xff", b"[]", b'{"name": 1}', b'{"name": "help", "more": 1}', b"[" * 4000)),
        *([b"", b'{"name": "help", "value": %s}' % value] for value in (b"NaN", b"[1e999]", b"-Infinity")),
    ]
    huge = [[b"", b'{"name": "%s"}' % (b"x" * MAX_BYTES)], [b"", bytes(CUT_BYTES)]]
    now = 0.0
    with Control("tcp://127.0.0.1:*", now_s=lambda: now) as control:
        socket = dealer(control.endpoint)
        for parts in [*bad, *huge, [b"", b'{"name": "help"}']]:
            socket.send_multipart(parts)
        until(control, lambda: control.done == 1)
        assert dict(control.dropped) == {"malformed": len(bad), "huge": len(huge)} and control.refused == 0
        assert socket.poll(30_000) and json.loads(socket.recv_multipart()[1]) == {"ok": True, "value": ["help"]}
        assert not socket.poll(0)


def test_one_that_asks_too_often_is_held_back(dealer: Callable) -> None:
    """A burst is answered, more is dropped; another client is not concerned; later the first may ask again."""
    now = 0.0
    with Control("tcp://127.0.0.1:*", now_s=lambda: now) as control:
        eager, calm = dealer(control.endpoint), dealer(control.endpoint)
        for _ in range(int(BURST) + 5):
            eager.send_multipart([b"", b'{"name": "help"}'])
        until(control, lambda: control.dropped["fast"] == 5)
        assert control.done == BURST
        calm.send_multipart([b"", b'{"name": "help"}'])
        until(control, lambda: control.done == BURST + 1)
        now = 2.5 / RATE_PER_S
        for _ in range(3):
            eager.send_multipart([b"", b'{"name": "help"}'])
        until(control, lambda: control.dropped["fast"] == 6)
        assert control.done == BURST + 3


def test_who_sends_too_much_is_cut_off(dealer: Callable) -> None:
    """ZeroMQ does not even take the message; others go on being answered."""
    with Control("tcp://127.0.0.1:*") as control:
        flood, socket = dealer(control.endpoint), dealer(control.endpoint)
        flood.send_multipart([b"", bytes(CUT_BYTES + 1)])
        socket.send_multipart([b"", b'{"name": "help"}'])
        until(control, lambda: control.done == 1)
        assert not control.dropped


def test_a_web_page_cannot_ask() -> None:
    """ZeroMQ's oldest protocol, as which a browser's POST to this port would be read, is not let in."""
    request = b'{"name": "help"}'
    parts = bytes([1, 1]) + bytes([len(request) + 1, 0]) + request
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with Control("tcp://127.0.0.1:*") as control, answering(control):
        port = int(control.endpoint.rpartition(":")[2])
        # 'P' is the length of the first part, 80; it would be taken for the sender's name.
        for name in (bytes([1, 0]), head.ljust(81, b"x")):
            with sockets.create_connection(("127.0.0.1", port), timeout=60) as page:
                page.sendall(name + parts)
                try:
                    while page.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        assert ask(control.endpoint, "help", timeout_s=60) == ["help"]
        assert (control.done, control.dropped.total(), control.door.admitted) == (1, 0, 1)


def test_who_does_not_answer_is_named() -> None:
    """A socket where nobody listens, an address that is none, and one that is taken."""
    with Control("tcp://127.0.0.1:*") as control:
        with pytest.raises(VoxmeshError, match=r"no answer from .*--control"):
            ask(control.endpoint, "help", timeout_s=0.05)
        with pytest.raises(VoxmeshError, match="taken"):
            Control(control.endpoint)
    with pytest.raises(VoxmeshError, match="cannot connect"):
        ask("nonsense", "help")


def test_a_running_stream_tells_its_numbers(tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable) -> None:
    """`voxmesh control status` while `voxmesh live --control` speaks; a mistake is one line and exit code 2."""
    arguments = ("--wav", speech, "--loop", "--control", "tcp://127.0.0.1:*", "--bundle", tiny_bundle)
    with live(*arguments, cwd=tmp_path) as (process, _):
        words = process.stdout.readline().split()
        assert words[:2] == ["control", "on"]
        to = ("--to", words[2], "--timeout", 60)
        done = cli("control", "status", *to, timeout=120)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["frames"] >= 0
        wrong = cli("control", "dance", 7, *to, timeout=120)
        assert wrong.returncode == 2 and "no request 'dance': there are blink, help" in wrong.stderr
