"""From one publisher to many readers of unequal speed: each gets the newest frame, none waits for another."""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Event, Thread
from types import TracebackType

import zmq

from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ClientKeys

FRAMES_AHEAD = 2
"""Frames that may be on their way to a reader that has not yet said that it took one."""
SOUNDS_KEPT = 30
"""Messages of sound kept for a reader that does not keep up: half a second at 60 fps. The oldest go first."""
_KINDS = (wire.FRAME, wire.TOPOLOGY, wire.AUDIO, wire.BYE)


class Mailbox:
    """What one reader has not got yet: a topology, some sound, one frame, a goodbye. All in one event loop.

    frames: how many were taken. skipped: how many were replaced by a newer one before the reader was ready for it.
    unheard: messages of sound that it did not take in time.
    """

    def __init__(self) -> None:
        self.frames = self.skipped = self.unheard = 0
        self._latest: dict[bytes, bytes] = {}
        self._sounds: deque[bytes] = deque(maxlen=SOUNDS_KEPT)
        self._topology = b""
        self._ahead = 0
        self._news = asyncio.Event()

    def put(self, data: bytes) -> None:
        """A message from the publisher."""
        kind = data[4:5]
        if kind == wire.AUDIO:
            self.unheard += len(self._sounds) == SOUNDS_KEPT
            self._sounds.append(data)
        else:
            # A publisher greets everybody whenever somebody joins: the same topology again is no news.
            if kind == wire.TOPOLOGY and data == self._topology:
                return
            self._topology = data if kind == wire.TOPOLOGY else self._topology
            self.skipped += kind == wire.FRAME and kind in self._latest
            self._latest[kind] = data
        self._news.set()

    def taken(self) -> None:
        """The reader has taken a frame, and may have another."""
        self._ahead = max(0, self._ahead - 1)
        self._news.set()

    async def take(self) -> list[bytes]:
        """What there is to send, at least one message: what frames are drawn with, sound, a frame, a goodbye."""
        while True:
            messages = [self._latest.pop(wire.TOPOLOGY)] if wire.TOPOLOGY in self._latest else []
            messages += self._sounds
            self._sounds.clear()
            if wire.FRAME in self._latest and self._ahead < FRAMES_AHEAD:
                self._ahead += 1
                self.frames += 1
                messages.append(self._latest.pop(wire.FRAME))
            if wire.BYE in self._latest and wire.FRAME not in self._latest:
                messages.append(self._latest.pop(wire.BYE))
            if messages:
                return messages
            self._news.clear()
            await self._news.wait()


class Relay:
    """Reads a publisher at `endpoint` in a thread and puts each message into every mailbox. A context manager.

    Made and left within a running event loop. Messages are not looked into beyond their first five bytes. The publisher
    may start later, stop and come back. keys: where it asks for keys.
    Raises VoxmeshError if the endpoint is not an address.
    """

    def __init__(self, endpoint: str, keys: ClientKeys | None = None) -> None:
        self.endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._mailboxes: set[Mailbox] = set()
        self._topology: bytes | None = None
        self._stop = Event()
        self._context = zmq.Context()
        self._context.linger = 0
        self._socket = self._context.socket(zmq.SUB)
        self._socket.reconnect_ivl, self._socket.reconnect_ivl_max = 100, 1000
        # A later version's greeting too: the page then says that it is older than the publisher.
        for topic in (*map(wire.topic, _KINDS), *wire.newer_topics()):
            self._socket.subscribe(topic)
        if keys is not None:
            keys.sign(self._socket)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise VoxmeshError(
                f"cannot connect to {endpoint!r} ({error}); give an address such as tcp://127.0.0.1:5556"
            ) from error
        self._thread = Thread(target=self._read, name="relay")
        self._thread.start()

    def join(self) -> Mailbox:
        """A mailbox for one more reader; it holds the topology, if there has been one."""
        mailbox = Mailbox()
        if self._topology is not None:
            mailbox.put(self._topology)
        self._mailboxes.add(mailbox)
        return mailbox

    def leave(self, mailbox: Mailbox) -> None:
        """Nothing more goes into that mailbox."""
        self._mailboxes.discard(mailbox)

    def close(self) -> None:
        """Ends the thread and closes the socket. A second call does nothing."""
        self._stop.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            while self._socket.poll(100) and not self._stop.is_set():
                self._loop.call_soon_threadsafe(self._deliver, self._socket.recv())

    def _deliver(self, data: bytes) -> None:
        if data[4:5] == wire.TOPOLOGY:
            self._topology = data
        for mailbox in self._mailboxes:
            mailbox.put(data)
