"""The serving loop: audio of many sessions in over ZeroMQ, their frames out, one call of the networks for all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Any

import zmq

from voxmesh.stream import wire
from voxmesh.stream.audio_wire import MAX_BYTES, AudioMessage, unpack_audio
from voxmesh.stream.control import Control
from voxmesh.stream.door import Door
from voxmesh.stream.endpoints import why_not_bound
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ServerKeys
from voxmesh.stream.publish import Publisher
from voxmesh.stream.rate_limit import Bucket
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.types import AudioChunk, Frame

DEFAULT_AUDIO = "tcp://127.0.0.1:5557"
WAIT_MS = 20
"""How long the loop sleeps when nothing comes: subscribers are greeted at least so often."""
TAKEN = 256
"""Messages read before frames are made: a sender in a hurry does not keep the others waiting."""
CUT_BYTES = 2 * MAX_BYTES
"""Longer messages are not even received."""
STYLE_COSTS_S = 0.05
"""Of the sound that a session may send: what a change of style counts as."""
OPENINGS_PER_S = 5.0
"""New sessions, in the long run: each is greeted with its topology, a megabyte to every subscriber."""


@dataclass(frozen=True)
class Limits:
    """sessions: open at once. idle_s: a session that is silent for so long is closed. gap_s: a longer jump ahead in a
    session's samples is refused (a shorter one is heard as silence). backlog_s: heard and not yet shown. speed: how
    many times faster than real time a session may speak in the long run; burst_s: and how much of it at once.
    """

    sessions: int = 32
    idle_s: float = 10.0
    gap_s: float = 2.0
    backlog_s: float = 5.0
    speed: float = 4.0
    burst_s: float = 30.0


@dataclass(frozen=True)
class Opened:
    """A session as it was opened: by whom (the public key, where keys are asked for), as what, and what it may send."""

    user: bytes
    about: tuple[int, int, int]
    seconds: Bucket


class Server:
    """`turn` once takes what has come, makes the frames that are due and publishes them. Use as a context manager.

    Messages that cannot be used are dropped and counted in `dropped`, by why: malformed, huge, changed (another rate,
    identity or seed than the session's), foreign (the session is somebody else's), old (heard before: repeated or out
    of order), jump, full (no session left), ahead (backlog), fast (more than its Limits), style (one that the bundle
    does not have), unknown (the end of a session that is not open). ZeroMQ itself cuts the connection of who sends more
    than CUT_BYTES.
    keys: only those whom they allow may send, each to sessions of its own; anybody on this machine by default.
    """

    def __init__(
        self,
        sessions: Sessions,
        publisher: Publisher,
        endpoint: str = DEFAULT_AUDIO,
        limits: Limits = Limits(),
        now_s: Callable[[], float] = time.monotonic,
        keys: ServerKeys | None = None,
    ) -> None:
        self.sessions, self.publisher, self.limits = sessions, publisher, limits
        self.dropped: Counter[str] = Counter()
        self.frames = 0
        self.most = 0
        self._now_s = now_s
        self._heard_s: dict[str, float] = {}
        self._opened: dict[str, Opened] = {}
        self._openings = Bucket(OPENINGS_PER_S, limits.sessions, now_s)
        self._context = zmq.Context()
        self.door = Door(self._context, keys)
        self._socket = self._context.socket(zmq.PULL)
        self._socket.linger = 0
        self._socket.rcvhwm = TAKEN
        self._socket.setsockopt(zmq.MAXMSGSIZE, CUT_BYTES)
        self.door.guard(self._socket)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise VoxmeshError(f"cannot listen for audio on {endpoint}: {why_not_bound(error, '--audio')}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def turn(self, wait_ms: int = WAIT_MS) -> int:
        """Returns how many frames were published. Waits wait_ms at most for audio."""
        self.publisher.poll()
        self.door.poll()
        if self._socket.poll(wait_ms):
            for _ in range(TAKEN):
                try:
                    self._take(self._socket.recv(zmq.NOBLOCK, copy=False))
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

    def run(
        self,
        stop: Event,
        status: Callable[[Server], None] = lambda server: None,
        status_s: float = 5.0,
        control: Control | None = None,
    ) -> None:
        """Serve until `stop` is set; then every session's last frames too. control: is given the request `status`."""
        if control is not None:
            control.add("status", lambda value: self.numbers())
        due = self._now_s() + status_s
        while not stop.is_set():
            self.turn()
            if control is not None:
                control.poll()
            if self._now_s() >= due:
                due += status_s
                status(self)
        for name in self.sessions.names():
            self.end(name)

    def numbers(self) -> dict[str, Any]:
        """What `voxmesh control status` tells."""
        counts = {"frames": self.frames, "viewers": self.publisher.viewers, "most_sessions": self.most}
        return {"sessions": self.sessions.names(), **counts, "dropped": dict(self.dropped)}

    def end(self, name: str) -> None:
        """Publish the frames that are left of a session, and its bye."""
        for frame in self.sessions.close(name):
            self._publish(name, frame)
        del self._heard_s[name], self._opened[name]
        self.publisher.remove(name)

    def _take(self, received: zmq.Frame) -> None:
        if len(received.buffer) > MAX_BYTES:
            self.dropped["huge"] += 1
            return
        try:
            message = unpack_audio(received.bytes)
        except wire.WireError:
            self.dropped["malformed"] += 1
            return
        if why := self._refused(message, user_of(received)):
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

    def _refused(self, message: AudioMessage, user: bytes) -> str | None:
        """Why a message is of no use, or None; opens its session if that is new."""
        opened = self._opened.get(message.session)
        if opened is not None and opened.user != user:
            return "foreign"
        if message.samples is None and message.style is None:
            return None if opened is not None else "unknown"
        if opened is None:
            if len(self.sessions) >= self.limits.sessions:
                return "full"
            if message.start > self.limits.gap_s * message.rate:
                return "jump"
            if not self._openings.take():
                return "fast"
            if (opened := self._open(message, user)) is None:
                return "malformed"
        if opened.about != (message.rate, message.identity, message.seed):
            return "changed"
        session = self.sessions[message.session]
        heard = session.hearing.received
        if message.samples is not None and message.start + len(message.samples) <= heard:
            return "old"
        if message.start - heard > self.limits.gap_s * message.rate:
            return "jump"
        if len(session.waiting) > self.limits.backlog_s * self.sessions.bundle.features.clock.fps:
            return "ahead"
        seconds = STYLE_COSTS_S if message.samples is None else len(message.samples) / message.rate
        return None if opened.seconds.take(seconds) else "fast"

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

    def _open(self, message: AudioMessage, user: bytes) -> Opened | None:
        name, bundle = message.session, self.sessions.bundle
        try:
            session = self.sessions.open(name, message.seed, message.identity, source_rate=message.rate)
        except VoxmeshError:
            return None
        seconds = Bucket(self.limits.speed, self.limits.burst_s, self._now_s)
        self._opened[name] = Opened(user, (message.rate, message.identity, message.seed), seconds)
        self._heard_s[name] = self._now_s()
        self.most = max(self.most, len(self.sessions))
        clock = session.hearing.clock
        self.publisher.add(
            wire.TopologyMessage(
                name, session.topology, clock.sample_rate, clock.fps_num, clock.fps_den, bundle.blendshape_names
            )
        )
        return self._opened[name]

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


def user_of(received: zmq.Frame) -> bytes:
    """The public key (Z85) of who sent it, as the `Door` told it; nothing where no keys are asked for."""
    try:
        return str(received.get("User-Id")).encode()
    except zmq.ZMQError:
        return b""
