"""Live: what is published is what animate writes, on time, and it ends cleanly."""

from __future__ import annotations

import os
import signal
import socket as sockets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import soundfile
import zmq
from conftest import command, voice

from voxmesh.stream import wire
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.endpoints import full_endpoint
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.live import Recorder, limited, run
from voxmesh.stream.types import AudioChunk, Frame

Subscribe = Callable[..., zmq.Socket]
EVERY_FRAME = ("--stale", 600_000)
"""However busy the machine."""


class FakeSource:
    """Chunks from a list, at once."""

    name, rate, dropped_samples, overflows = "fake", 16000, 0, 0

    def __init__(self, chunks: list[AudioChunk | None]) -> None:
        self._chunks = chunks

    def chunks(self) -> Iterator[AudioChunk | None]:
        yield from self._chunks

    def close(self) -> None: ...


class FakePublisher:
    """Keeps what is published."""

    overruns, viewers = 0, 0

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def publish(self, frame: Frame) -> int:
        self.frames.append(frame)
        return frame.captured_ns + 7

    def poll(self) -> None: ...


def chunked(samples: np.ndarray, size: int = 160) -> list[AudioChunk | None]:
    return [AudioChunk(samples[i : i + size], i, 1 + i) for i in range(0, len(samples), size)]


def test_the_loop_publishes_every_frame(tiny: Bundle) -> None:
    """Pauses between chunks do not matter, the tail is flushed, the numbers add up."""
    publisher, samples = FakePublisher(), voice(0.5, 16000)
    chunks = [None, *chunked(samples), None]
    final = run(FakeSource(chunks), Engine(tiny), publisher, stop=Event())
    assert [f.index for f in publisher.frames] == list(range(30))
    assert (final.frames, final.seconds, final.dropped_ms) == (30, 0.5, 0.0)
    assert final.latency_ms == pytest.approx((7e-6, 7e-6))


def test_stopping_flushes_what_was_heard(tiny: Bundle) -> None:
    """After `stop` no more chunks are taken, and the frames of those that were come out."""
    publisher, stop = FakePublisher(), Event()
    run(FakeSource(chunked(voice(0.5, 16000))), Engine(tiny), publisher, stop=stop, samples=3201)
    assert len(publisher.frames) == tiny.features.clock.frames(3201)
    stop.set()
    final = run(FakeSource(chunked(voice(0.5, 16000))), Engine(tiny), FakePublisher(), stop=stop)
    assert final.frames == 0


def test_limited_cuts_at_the_sample() -> None:
    """Also inside a chunk, and when a gap jumps over the limit."""
    chunks = [AudioChunk(np.arange(10), 0), None, AudioChunk(np.arange(10), 10), AudioChunk(np.arange(10), 20)]
    assert [len(c.samples) for c in limited(iter(chunks), 15) if c] == [10, 5]
    assert [len(c.samples) for c in limited(iter(chunks), 20) if c] == [10, 10]
    cut = [c for c in limited(iter([chunks[0], chunks[3]]), 15) if c]
    assert [(c.start, len(c.samples)) for c in cut] == [(0, 10), (15, 0)]
    assert len(list(limited(iter(chunks), None))) == 4


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_recording_is_what_the_engine_heard(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """To the bit, mono or stereo, a gap as zeros and an overlap once."""
    samples = np.random.default_rng(0).normal(0, 2, (1000, *shape)).astype(np.float32)
    recorder = Recorder(tmp_path / "r.wav", 16000)
    for start, end in ((0, 300), (200, 400), (600, 1000)):
        recorder.heard(AudioChunk(samples[start:end], start))
    recorder.close()
    samples[400:600] = 0
    np.testing.assert_array_equal(soundfile.read(tmp_path / "r.wav", dtype="float32")[0], samples)
    with pytest.raises(VoxmeshError, match=r"\.wav"):
        Recorder(tmp_path / "r.mp3", 16000)
    with pytest.raises(VoxmeshError, match="cannot record"):
        Recorder(tmp_path / "none" / "r.wav", 16000)


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("5557", "tcp://127.0.0.1:5557"),
        ("0.0.0.0:5557", "tcp://0.0.0.0:5557"),
        ("ipc:///tmp/x", "ipc:///tmp/x"),
    ],
)
def test_endpoints_may_be_short(given: str, full: str) -> None:
    """A port, or a host and a port, or all of it."""
    assert full_endpoint(given) == full


@contextmanager
def live(*arguments: object, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`voxmesh live` on a port of its own choice, which skips no frame: the process and its endpoint."""
    words = command("live", "--listen", "tcp://127.0.0.1:*", *EVERY_FRAME, *arguments)
    process = subprocess.Popen(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert "tcp://" in line, line + process.communicate()[1]
        yield process, line.split("tcp://")[1].split(",")[0].join(("tcp://", ""))
    finally:
        process.kill()
        process.communicate()


def receive_all(socket: zmq.Socket) -> list[wire.Message]:
    """Messages up to bye."""
    messages = []
    while not messages or not isinstance(messages[-1], wire.ByeMessage):
        messages.append(wire.unpack(socket.recv()))
    return messages


def test_live_frames_equal_animates(
    tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Subscribe, cli: Callable
) -> None:
    """Topology, then every frame once and in order at real time's pace, each equal to the .npz to the bit, then bye."""
    began = time.monotonic()
    options = ("--bundle", tiny_bundle, "--seed", 5)
    with live("--wav", speech, "--wait", 30, "--record", "heard.wav", *options, cwd=tmp_path) as (process, endpoint):
        messages = receive_all(subscribe(endpoint))
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "fps" in errors and time.monotonic() - began > 1.4
    assert isinstance(messages[0], wire.TopologyMessage)
    frames = messages[1:-1]
    result = cli("animate", speech, "-o", "a.npz", *options)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "a.npz") as npz:
        assert [f.index for f in frames] == list(range(90))
        assert [f.sample for f in frames] == npz["audio_sample"].tolist()
        np.testing.assert_array_equal(np.stack([f.vertices for f in frames]), npz["vertices"])
    heard, given = (soundfile.read(p, dtype="float32")[0] for p in (tmp_path / "heard.wav", speech))
    np.testing.assert_array_equal(heard, given)
    latency_ms = np.array([f.published_ns - f.captured_ns for f in frames]) / 1e6
    # The look-ahead of 100 ms and a chunk of 10; most frames of a busy machine take longer, the quickest does not.
    assert 100 < latency_ms[:80].min() < 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(
    tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Subscribe, number: int
) -> None:
    """Ctrl-C and SIGTERM: bye to subscribers, exit code 0, no traceback."""
    with live("--wav", speech, "--loop", "--bundle", tiny_bundle, cwd=tmp_path) as (process, endpoint):
        socket = subscribe(endpoint)
        assert isinstance(wire.unpack(socket.recv()), wire.TopologyMessage)
        os.kill(process.pid, number)
        assert isinstance(receive_all(socket)[-1], wire.ByeMessage)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in errors and "stopped after" in errors


def test_a_loop_of_seconds_gives_the_clocks_frames(
    tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Subscribe
) -> None:
    """--loop --seconds 2.02 of a file of 1.5 s: ceil(2.02 * 60) frames, none missing at the seam."""
    arguments = ("--wav", speech, "--loop", "--seconds", 2.02, "--wait", 30, "--bundle", tiny_bundle)
    with live(*arguments, cwd=tmp_path) as (_, endpoint):
        frames = [m for m in receive_all(subscribe(endpoint)) if isinstance(m, wire.FrameMessage)]
    assert [f.index for f in frames] == list(range(122))


def test_a_taken_port_is_an_error_of_one_line(tiny_bundle: Path, speech: Path, cli: Callable) -> None:
    """Exit code 2, the port named."""
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = cli("live", "--wav", speech, "--listen", port, "--bundle", tiny_bundle)
    assert result.returncode == 2 and f":{port}: the port is taken" in result.stderr
    assert result.stderr.count("\n") == 1
