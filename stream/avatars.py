"""Other people's avatars: blendshape weights of each frame to any number of senders, fitted if anybody wants them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import numpy as np

from voxmesh.stream import livelink
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.blendshapes import face_fit
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import Frame
from voxmesh.stream.udp import UdpSender, parse


class Sender(Protocol):
    """Somewhere that weights go."""

    udp: UdpSender

    def send(self, frame: Frame, weights: np.ndarray) -> None:
        """weights: (52,) in ARKIT_NAMES' order. Must not block."""

    def close(self) -> None: ...


class Avatars:
    """Fits weights to frames and hands them to senders. Use as a context manager: leaving it closes them.

    published: whether weights are wanted beside the senders.
    Raises VoxmeshError when weights are wanted and the bundle's blendshapes are not the 52 of ARKit.
    """

    def __init__(self, engine: Engine, senders: Sequence[Sender], published: bool = False) -> None:
        self.senders = tuple(senders)
        self._last: tuple[int, np.ndarray] | None = None
        if senders or published:
            if engine.bundle.blendshape_names != ARKIT_NAMES:
                raise VoxmeshError(
                    f"the blendshapes of {engine.bundle.folder} are not ARKit's 52: drop --livelink and --vmc, "
                    "--send vertices"
                )
            self._fit = face_fit(engine.topology, engine.bundle.deltas)

    def weights(self, frame: Frame) -> np.ndarray:
        """(52,) in ARKIT_NAMES' order: the frame's own, or fitted, once however often they are asked for."""
        if frame.weights is not None:
            return frame.weights
        if self._last is None or self._last[0] != frame.index:
            self._last = frame.index, self._fit.fit(frame.vertices[None])[0]
        return self._last[1]

    def send(self, frame: Frame) -> None:
        for sender in self.senders:
            sender.send(frame, self.weights(frame))

    def __enter__(self) -> Avatars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sender in self.senders:
            sender.close()


def open_avatars(
    engine: Engine,
    live_links: Sequence[str],
    vmcs: Sequence[str],
    vmc_shapes: str,
    subject: str | None,
    published: bool = False,
) -> Avatars:
    """From the command line's words: HOST:PORT each. published: weights are wanted even without any.

    Raises VoxmeshError for a word that will not do.
    """
    senders: list[Sender] = []
    for text in live_links:
        target = parse(text, livelink.PORT)
        senders.append(livelink.LiveLinkSender(target, engine.clock, subject or livelink.SUBJECT))
    if vmcs:
        from voxmesh.stream import vmc

        senders += [vmc.VmcSender(parse(text, vmc.PORT), vmc_shapes) for text in vmcs]
    return Avatars(engine, senders, published)
