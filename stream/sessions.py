"""Many faces in one process: every session whose next frame has been heard is served by one call of the networks.

What a frame costs is mostly reading the weights; a batch of sessions reads them once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from voxmesh.stream.backend import Backend, initial_state, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import make_noise
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.hearing import Heard, Hearing
from voxmesh.stream.manner import Manner
from voxmesh.stream.noise import Noise
from voxmesh.stream.region_gain import AS_IT_IS, Gains
from voxmesh.stream.topology import Topology
from voxmesh.stream.types import AudioChunk, Frame, State


@dataclass(eq=False)
class Session:
    """One face: what it hears, has heard but not shown, how it speaks, and where its state is (a row of a batch's)."""

    hearing: Hearing
    noise: Noise
    topology: Topology
    identity: np.ndarray
    state: State
    manner: Manner
    row: int = 0
    waiting: deque[Heard] = field(default_factory=deque)


class Sessions:
    """open, push, step, close. A session's frames are those that an `Engine` of the same seed and identity makes.

    Labels are the same; vertices differ by the rounding of a larger matrix product, micrometres at most.
    """

    def __init__(self, bundle: Bundle, backend: Backend | None = None) -> None:
        self.bundle = bundle
        self._backend = backend if backend is not None else open_backend(bundle)
        self._open: dict[str, Session] = {}
        self._identities: dict[int, np.ndarray] = {}
        # The last batch: as long as the same sessions are due, its results are the next one's inputs, uncopied.
        self._last: list[Session] = []
        self._state: State = {}
        self._faces: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def __getitem__(self, name: str) -> Session:
        """Raises VoxmeshError when no such session is open."""
        try:
            return self._open[name]
        except KeyError:
            raise VoxmeshError(f"no session {name!r} is open") from None

    def names(self) -> list[str]:
        """Of the open sessions, in the order of their opening."""
        return list(self._open)

    def open(
        self,
        name: str,
        seed: int = 0,
        identity: int = 0,
        *,
        source_rate: int | None = None,
        temperature: float = 1.0,
        style: np.ndarray | None = None,
        gains: Gains = AS_IT_IS,
    ) -> Session:
        """As `Engine`'s. Raises VoxmeshError when the name is taken, or for something else that will not do."""
        if name in self._open:
            raise VoxmeshError(f"session {name!r} is open already: close it first, or choose another name")
        topology = self.bundle.topology(identity)
        noise = make_noise(self.bundle, seed, temperature)
        hearing = Hearing(self.bundle.features, source_rate)
        manner = Manner(self.bundle, topology, style, gains=gains)
        if identity not in self._identities:
            self._identities[identity] = self._backend.identity(topology.template)
        session = Session(hearing, noise, topology, self._identities[identity], initial_state(self.bundle), manner)
        self._open[name] = session
        return session

    def push(self, name: str, chunk: AudioChunk) -> None:
        """Hear a chunk of one session; its frames are made by `step`."""
        session = self[name]
        session.waiting.extend(session.hearing.push(chunk))

    def step(self) -> list[tuple[str, Frame]]:
        """The next frame of every session that has heard enough for one; empty when none has."""
        due = {name: session for name, session in self._open.items() if session.waiting}
        return list(zip(due, self._step(list(due.values())), strict=True)) if due else []

    def close(self, name: str) -> list[Frame]:
        """End a session: the frames that are left, to the one that shows its last sample."""
        session = self[name]
        session.waiting.extend(session.hearing.flush())
        frames = [self._step([session])[0] for _ in range(len(session.waiting))]
        self.drop(name)
        return frames

    def drop(self, name: str) -> None:
        """End a session and forget what it has not shown."""
        self[name]
        del self._open[name]

    def _step(self, due: list[Session]) -> list[Frame]:
        if due != self._last:
            self._gather(due)
        heard = [session.waiting.popleft() for session in due]
        inputs = {
            "features": np.stack([one.features for one in heard]),
            "noise": np.stack([session.noise.frame(one.index) for session, one in zip(due, heard, strict=True)]),
            **self._faces,
        }
        manners = [session.manner.inputs(one.index) for session, one in zip(due, heard, strict=True)]
        inputs |= {name: np.stack([manner[name] for manner in manners]) for name in manners[0]}
        vertices, labels, self._state = self._backend.step(inputs, self._state)
        for row, session in enumerate(due):
            session.state, session.row = self._state, row
        return [
            Frame(
                one.index,
                one.sample,
                one.captured_ns,
                session.manner.shown(vertices[row], one.index),
                labels[row],
            )
            for row, (session, one) in enumerate(zip(due, heard, strict=True))
        ]

    def _gather(self, due: list[Session]) -> None:
        """Make the batch of these sessions."""
        names = [tensor.name for tensor in self.bundle.states]
        self._state = {name: np.stack([session.state[name][session.row] for session in due]) for name in names}
        self._faces = {
            "template": np.stack([session.topology.template for session in due]),
            "identity": np.stack([session.identity for session in due]),
        }
        self._last = due
