"""The client's side of the wire: frames from a publisher, either the newest only or every one in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

import zmq

from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ClientKeys

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"


class Receiver:
    """Frames that a publisher sends, and the topology they belong to. A context manager, for one thread.

    endpoint: the publisher's ZeroMQ address. session: take only this session's messages; any by default.
    sound: take the sound that frames depict too, if the publisher sends it; `sound` gives it.
    keys: ours and the publisher's, where it asks for keys. Another one at that address then gives us nothing.
    The publisher may start later, stop and come back: ZeroMQ reconnects, and a new session's topology replaces the old.

    A drawing client calls `latest`, a recording one iterates; both count what they did not get:
    received: frames that arrived. missed: frames that never did, seen as gaps in the index. skipped: frames that
    arrived but were replaced by a newer one before `latest` looked. repeated: frames that had been sent before, or out
    of order; they are dropped. damaged: messages that were not ours.
    refused: why the last of those could not be read, for example that the publisher is newer; None before any.
    ended: True once the publisher has said goodbye, until frames come again.

    Raises VoxmeshError if the endpoint is not an address.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        session: str | None = None,
        *,
        sound: bool = False,
        keys: ClientKeys | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._keys = keys
        self.received = self.missed = self.skipped = self.repeated = self.damaged = 0
        self.refused: str | None = None
        self.ended = False
        self.topology: wire.TopologyMessage | None = None
        self._topology_bytes = b""
        self._last: wire.FrameMessage | None = None
        self._context = zmq.Context()
        self._context.linger = 0
        try:
            # Two sockets: the few large topologies must not wait behind, or be drained with, the many frames.
            # A goodbye travels with the frames, so that it comes after the last of them. Sound has a socket of its own:
            # every block of it is wanted, also by who wants the newest frame only.
            self._frames = self._subscribe(wire.topic(wire.FRAME, session), wire.topic(wire.BYE, session))
            self._topologies = self._subscribe(wire.topic(wire.TOPOLOGY, session), *wire.newer_topics())
            self._sound = self._subscribe(wire.topic(wire.AUDIO, session)) if sound else None
        except zmq.ZMQError as error:
            self.close()
            raise VoxmeshError(
                f"cannot connect to {endpoint!r} ({error}); give an address such as {DEFAULT_ENDPOINT}"
            ) from error

    def _subscribe(self, *topics: bytes) -> zmq.Socket[bytes]:
        socket = self._context.socket(zmq.SUB)
        socket.reconnect_ivl, socket.reconnect_ivl_max = 100, 1000
        for topic in topics:
            socket.subscribe(topic)
        if self._keys is not None:
            self._keys.sign(socket)
        socket.connect(self.endpoint)
        return socket

    def latest(self, timeout_s: float = 0.0) -> wire.FrameMessage | None:
        """The newest frame there is, or None if none comes within `timeout_s`. Older ones are counted as skipped."""
        newest = self.next(timeout_s)
        while newest is not None and (newer := self.next(0.0)) is not None:
            self.skipped += 1
            newest = newer
        return newest

    def next(self, timeout_s: float | None = None) -> wire.FrameMessage | None:
        """The next frame in order; None if none comes within `timeout_s` (None waits for ever), or at a goodbye."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_ms = None if until is None else max(0, round((until - time.monotonic()) * 1000))
            if not self._frames.poll(left_ms):
                return None
            message = self._unpack(self._frames.recv())
            if isinstance(message, wire.ByeMessage):
                self.ended = True
                return None
            if isinstance(message, wire.FrameMessage) and self._count(message):
                self._read_topologies()
                return message

    def sound(self) -> list[wire.AudioMessage]:
        """The sound that came since the last call, in order, without waiting. Empty unless it was asked for."""
        blocks = []
        while self._sound is not None and self._sound.poll(0):
            message = self._unpack(self._sound.recv())
            if isinstance(message, wire.AudioMessage):
                blocks.append(message)
        return blocks

    def __iter__(self) -> Iterator[wire.FrameMessage]:
        """Every frame in order, until the publisher says goodbye."""
        while (frame := self.next()) is not None:
            yield frame

    def wait_for_topology(self, timeout_s: float = 10.0) -> wire.TopologyMessage:
        """The topology, as soon as it is there. Raises VoxmeshError if none comes in time."""
        if self.topology is None and self._topologies.poll(round(timeout_s * 1000)):
            self._read_topologies()
        if self.topology is None and self.refused is not None:
            raise VoxmeshError(f"{self.endpoint}: {self.refused}")
        if self.topology is None:
            raise VoxmeshError(
                f"nothing came from {self.endpoint} in {timeout_s:g} s; start a publisher there: voxmesh live"
                f" ({'it may ask for a key' if self._keys is None else 'and see whether it allows your key'})"
            )
        return self.topology

    def poll_topology(self) -> wire.TopologyMessage | None:
        """The newest topology so far, without waiting."""
        self._read_topologies()
        return self.topology

    def close(self) -> None:
        """Closes the sockets. A second call does nothing."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unpack(self, data: bytes) -> wire.Message | None:
        try:
            return wire.unpack(data)
        except wire.WireError as error:
            # Somebody else's message on our address is no reason to stop drawing; the count tells of it.
            self.damaged += 1
            self.refused = str(error)
            return None

    def _read_topologies(self) -> None:
        while self._topologies.poll(0):
            data = self._topologies.recv()
            # Everybody gets it again whenever somebody joins; the same one is no news, and stays the same object.
            if data == self._topology_bytes:
                continue
            message = self._unpack(data)
            if isinstance(message, wire.TopologyMessage):
                self.topology, self._topology_bytes = message, data

    def _count(self, frame: wire.FrameMessage) -> bool:
        """Whether this frame is news."""
        last = self._last
        same = last is not None and last.session == frame.session and not self.ended
        # An index that goes back is a publisher that started again under its name, if it was sent later.
        if same and frame.index <= last.index and frame.published_ns <= last.published_ns:
            self.repeated += 1
            return False
        self.received += 1
        self.ended = False
        if same and frame.index > last.index:
            self.missed += frame.index - last.index - 1
        self._last = frame
        return True
