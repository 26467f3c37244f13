"""Other people's avatars: blendshape weights of each frame to any number of senders, fitted if there are any."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import numpy as np

from voxmesh.stream import livelink
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.blendshapes import BlendshapeFit
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

    Raises VoxmeshError when there are senders and the bundle's blendshapes are not the 52 of ARKit.
    """

    def __init__(self, engine: Engine, senders: Sequence[Sender]) -> None:
        self.senders = tuple(senders)
        self._fit: BlendshapeFit | None = None
        if senders:
            if engine.bundle.blendshape_names != ARKIT_NAMES:
                raise VoxmeshError(
                    f"the blendshapes of {engine.bundle.folder} are not ARKit's 52: drop --livelink and --vmc"
                )
            self._fit = BlendshapeFit(engine.topology.template, engine.bundle.deltas)

    def send(self, frame: Frame) -> None:
        if self._fit is not None:
            weights = self._fit.fit(frame.vertices[None])[0] if frame.weights is None else frame.weights
            for sender in self.senders:
                sender.send(frame, weights)

    def __enter__(self) -> Avatars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sender in self.senders:
            sender.close()


def open_avatars(
    engine: Engine, live_links: Sequence[str], vmcs: Sequence[str], vmc_shapes: str, subject: str | None
) -> Avatars:
    """From the command line's words: HOST:PORT each. Raises VoxmeshError for one that will not do."""
    senders: list[Sender] = []
    for text in live_links:
        target = parse(text, livelink.PORT)
        senders.append(livelink.LiveLinkSender(target, engine.clock, subject or livelink.SUBJECT))
    if vmcs:
        from voxmesh.stream import vmc

        senders += [vmc.VmcSender(parse(text, vmc.PORT), vmc_shapes) for text in vmcs]
    return Avatars(engine, senders)
