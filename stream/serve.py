"""The serving loop: audio of many sessions in over ZeroMQ, their frames out, one call of the networks for all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from types import TracebackType

import zmq

from voxmesh.stream import wire
from voxmesh.stream.audio_wire import MAX_BYTES, AudioMessage, unpack_audio
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.publish import Publisher
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.types import AudioChunk, Frame

DEFAULT_AUDIO = "tcp://127.0.0.1:5557"
WAIT_MS = 20
"""How long the loop sleeps when nothing comes: subscribers are greeted at least so often."""
TAKEN = 256
"""Messages read before frames are made: a sender in a hurry does not keep the others waiting."""


@dataclass(frozen=True)
class Limits:
    """sessions: open at once. idle_s: a session that is silent for so long is closed. gap_s: a longer jump ahead in a
    session's samples is refused (a shorter one is heard as silence). backlog_s: heard and not yet shown.
    """

    sessions: int = 32
    idle_s: float = 10.0
    gap_s: float = 2.0
    backlog_s: float = 5.0


class Server:
    """`turn` once takes what has come, makes the frames that are due and publishes them. Use as a context manager.

    Messages that cannot be used are dropped and counted in `dropped`, by why: malformed, changed (another rate,
    identity or seed than the session's), old (heard before), jump, full (no session left), ahead (backlog), style (one
    that the bundle does not have), unknown (the end of a session that is not open). ZeroMQ itself cuts the connection
    of who sends more than MAX_BYTES.
    """

    def __init__(
        self,
        sessions: Sessions,
        publisher: Publisher,
        endpoint: str = DEFAULT_AUDIO,
        limits: Limits = Limits(),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions, self.publisher, self.limits = sessions, publisher, limits
        self.dropped: Counter[str] = Counter()
        self.frames = 0
        self.most = 0
        self._now_s = now_s
        self._heard_s: dict[str, float] = {}
        self._opened: dict[str, tuple[int, int, int]] = {}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_BYTES)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise VoxmeshError(f"cannot listen for audio on {endpoint}: {error}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def turn(self, wait_ms: int = WAIT_MS) -> int:
        """Returns how many frames were published. Waits wait_ms at most for audio."""
        self.publisher.poll()
        if self._socket.poll(wait_ms):
            for _ in range(TAKEN):
                try:
                    self._take(self._socket.recv(zmq.NOBLOCK))
                except zmq.Again:
                    break
        count = 0
        while due := self.sessions.step():
            for name, frame in due:
                self._publish(name, frame)
            count += len(due)
        now = self._now_s()
        for name in [name for name, at in self._heard_s.items() if now - at > self.limits.idle_s]:
            self.end(name)
        return count

    def run(self, stop: Event, status: Callable[[Server], None] = lambda server: None, status_s: float = 5.0) -> None:
        """Serve until `stop` is set; then every session's last frames too."""
        due = self._now_s() + status_s
        while not stop.is_set():
            self.turn()
            if self._now_s() >= due:
                due += status_s
                status(self)
        for name in self.sessions.names():
            self.end(name)

    def end(self, name: str) -> None:
        """Publish the frames that are left of a session, and its bye."""
        for frame in self.sessions.close(name):
            self._publish(name, frame)
        del self._heard_s[name], self._opened[name]
        self.publisher.remove(name)

    def _take(self, data: bytes) -> None:
        try:
            message = unpack_audio(data)
        except wire.WireError:
            self.dropped["malformed"] += 1
            return
        if why := self._refused(message):
            self.dropped[why] += 1
        elif message.style is not None:
            self._restyle(message, message.style)
        elif message.samples is None:
            self.end(message.session)
        else:
            self._heard_s[message.session] = self._now_s()
            length_ns = len(message.samples) * 1_000_000_000 // message.rate
            chunk = AudioChunk(message.samples, message.start, time.monotonic_ns() - length_ns)
            self.sessions.push(message.session, chunk)

    def _refused(self, message: AudioMessage) -> str | None:
        """Why a message is of no use, or None; opens its session if that is new."""
        if message.samples is None and message.style is None:
            return None if message.session in self.sessions else "unknown"
        about = (message.rate, message.identity, message.seed)
        if message.session not in self.sessions:
            if len(self.sessions) >= self.limits.sessions:
                return "full"
            if message.start > self.limits.gap_s * message.rate:
                return "jump"
            if not self._open(message):
                return "malformed"
        if self._opened[message.session] != about:
            return "changed"
        session = self.sessions[message.session]
        heard = session.hearing.received
        if message.samples is not None and message.start + len(message.samples) <= heard:
            return "old"
        if message.start - heard > self.limits.gap_s * message.rate:
            return "jump"
        if len(session.waiting) > self.limits.backlog_s * self.sessions.bundle.features.clock.fps:
            return "ahead"
        return None

    def _restyle(self, message: AudioMessage, text: str) -> None:
        session, space = self.sessions[message.session], self.sessions.bundle.style
        clock = session.hearing.clock
        try:
            if space is None:
                raise VoxmeshError("the bundle takes no style")
            # The first frame that depicts `start` or what comes after it.
            index = clock.frames(-(-message.start * clock.sample_rate // message.rate))
            session.manner.set_style(space.blend(text), index)
            self._heard_s[message.session] = self._now_s()
        except VoxmeshError:
            self.dropped["style"] += 1

    def _open(self, message: AudioMessage) -> bool:
        name, bundle = message.session, self.sessions.bundle
        try:
            session = self.sessions.open(name, message.seed, message.identity, source_rate=message.rate)
        except VoxmeshError:
            return False
        self._opened[name] = (message.rate, message.identity, message.seed)
        self._heard_s[name] = self._now_s()
        self.most = max(self.most, len(self.sessions))
        clock = session.hearing.clock
        self.publisher.add(
            wire.TopologyMessage(
                name, session.topology, clock.sample_rate, clock.fps_num, clock.fps_den, bundle.blendshape_names
            )
        )
        return True

    def _publish(self, name: str, frame: Frame) -> None:
        self.publisher.publish(frame, session=name)
        self.frames += 1

    def close(self) -> None:
        self._context.destroy(linger=0)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
