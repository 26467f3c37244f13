"""Frames out over ZeroMQ: an XPUB socket that greets each new subscriber with the topology and never blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import numpy as np
import zmq

from voxmesh.stream import wire
from voxmesh.stream.depicted_sound import SoundBlock
from voxmesh.stream.door import Door
from voxmesh.stream.endpoints import why_not_bound
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ServerKeys
from voxmesh.stream.rate_limit import Bucket
from voxmesh.stream.types import Frame

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"
HIGH_WATER = 120
"""Frames kept for a subscriber that does not keep up: 2 s at 60 fps. After that it misses frames, others do not."""
LINGER_MS = 300
READ, AHEAD = 256, 16
"""Subscriptions read in one poll, and those of one client that ZeroMQ takes in ahead. It does so when we send, in our
thread, until there are none: who sends them without end would hold up frames for ever, but for this.
"""
GREETINGS_PER_S, GREETINGS = 5.0, 50.0
"""A topology goes to all who asked for topologies: who joins and leaves without end must not flood the others."""
MAX_BYTES_IN = 2048
"""Of what subscribers send: their topics are 21 bytes, and the handshake with keys some hundred more."""


class Publisher:
    """Binds `endpoint` and publishes frames. Use as a context manager: leaving it says bye.

    hello: what each new subscriber is sent first; its session names this publisher's messages. More sessions may be
    added; without a hello there are none to begin with.
    vertex_type: how vertices travel, float32, float16 or int16; None sends weights only.
    subscriptions: topics asked for, all subscribers together. viewers: those of them that bring frames.
    overruns: how often a subscriber was HIGH_WATER frames behind and began to miss some. ZeroMQ does not tell us how
    many; the subscriber sees it in the frames' indices.
    keys: only those whom they allow may subscribe, and all is encrypted; anybody by default.
    now_s: the wall clock, for tests.
    Raises VoxmeshError when the endpoint cannot be bound.
    """

    def __init__(
        self,
        endpoint: str,
        hello: wire.TopologyMessage | None,
        *,
        lookahead_samples: int = 0,
        vertex_type: str | None = "float32",
        high_water: int = HIGH_WATER,
        keys: ServerKeys | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lookahead_samples = lookahead_samples
        self._vertex_type = vertex_type
        self.published = 0
        self.overruns = 0
        self.subscriptions = 0
        self.viewers = 0
        self._hellos: dict[str, bytes] = {}
        self._rates: dict[str, int] = {}
        self._greet: dict[str, None] = {}
        self._greetings = Bucket(GREETINGS_PER_S, GREETINGS, now_s)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.sndhwm = high_water
        self._socket.rcvhwm = AHEAD
        self._socket.linger = LINGER_MS
        # Every subscription is reported, also the second of the same topic: that subscriber needs the topology too.
        # And every end of one, where XPUB_VERBOSE would tell of the last one's only.
        self._socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_BYTES_IN)
        # Without keys frames are for anybody, also for clients of older protocols: no door.
        self.door = None if keys is None else Door(self._context, keys)
        if self.door is not None:
            self.door.guard(self._socket)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise VoxmeshError(f"cannot listen on {endpoint}: {why_not_bound(error, '--listen')}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self.session = ""
        if hello is not None:
            self.session = hello.session
            self.add(hello)

    def add(self, hello: wire.TopologyMessage) -> None:
        """Begin a session, or change its topology: those who listen already are sent it, later ones when they come.

        Raises VoxmeshError when a session's sample rate would change: its frames' samples count at that rate.
        """
        rate = self._rates.setdefault(hello.session, hello.sample_rate)
        if rate != hello.sample_rate:
            raise VoxmeshError(
                f"a topology at {hello.sample_rate} Hz, but session {hello.session!r} began at {rate} Hz: end it first"
            )
        self._hellos[hello.session] = wire.pack(hello)
        self._send(self._hellos[hello.session])

    def remove(self, session: str) -> None:
        """End a session: say bye to those who listen to it."""
        del self._hellos[session], self._rates[session]
        self._greet.pop(session, None)
        self._send(wire.pack(wire.ByeMessage(session)))

    def publish(self, frame: Frame, weights: np.ndarray | None = None, session: str | None = None) -> int:
        """Send one frame, with blendshape weights (52,) if given, of the first session unless another is named.

        Returns CLOCK_MONOTONIC ns of its sending.
        """
        now, session = time.monotonic_ns(), session or self.session
        message = wire.FrameMessage(
            session,
            frame.index,
            frame.sample,
            frame.captured_ns,
            now,
            self.lookahead_samples,
            np.zeros((0, 3), np.float32) if self._vertex_type is None else frame.vertices,
            np.zeros(0, np.float32) if weights is None else weights,
            self._rates[session],
            self._vertex_type or "float32",
        )
        self.published += 1
        self.overruns += not self._send(wire.pack(message))
        return now

    def publish_sound(self, block: SoundBlock, sample_type: str = "float32") -> None:
        """Send the sound that a frame depicts, as float32, float16 or int16."""
        stamps = (block.index, block.sample, block.captured_ns, time.monotonic_ns(), self.lookahead_samples)
        rate = self._rates[self.session]
        self._send(wire.pack(wire.AudioMessage(self.session, *stamps, rate, block.samples, sample_type)))

    def poll(self) -> None:
        """Read subscriptions and answer them. Call it often: until it is called, a new subscriber hears nothing."""
        if self.door is not None:
            self.door.poll()
        for _ in range(READ):
            try:
                event = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            joined, topic = event[:1] == b"\1", event[1:]
            if not joined and event[:1] != b"\0":
                continue  # an XSUB may send anything
            change = 1 if joined else -1
            self.subscriptions += change
            self.viewers += change * self._brings_frames(topic)
            if joined:
                self._greet |= {name: None for name, hello in self._hellos.items() if hello.startswith(topic)}
        if self._greet and self._greetings.take():
            for name in self._greet:
                # To all who subscribed to topologies: XPUB cannot address one. Theirs is the same, they may ignore it.
                self._send(self._hellos[name])
            self._greet.clear()

    def _brings_frames(self, topic: bytes) -> bool:
        if not self.session:
            # Sessions come and go: whoever would be sent any frame counts.
            return topic.startswith(wire.topic(wire.FRAME)) or wire.topic(wire.FRAME).startswith(topic)
        return wire.topic(wire.FRAME, self.session).startswith(topic)

    def _send(self, data: bytes) -> bool:
        """Never blocks; False when somebody's queue has become full, who then misses this message."""
        try:
            self._socket.send(data, zmq.NOBLOCK)
            return True
        except zmq.Again:
            # NODROP told us that a queue is full, and sent to none: send again to those who have room.
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
            self._socket.send(data, zmq.NOBLOCK)
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            return False

    def close(self) -> None:
        """Say bye and close; waits LINGER_MS at most for what is still to be sent."""
        if not self._socket.closed:
            self.poll()
            for session in list(self._hellos):
                self.remove(session)
            self._context.destroy(linger=LINGER_MS)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
