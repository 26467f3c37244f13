"""VMC: avatar weights over OSC and UDP, for VSeeFace, Warudo, VNyan and Unity's EVMC4U.

`/VMC/Ext/Blend/Val` (name, float) once a shape, then `/VMC/Ext/Blend/Apply`. Bundles are kept below an Ethernet frame:
shapes go out in a few, and the last one applies them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.types import Frame
from voxmesh.stream.udp import Target, UdpSender
from voxmesh.stream.vowels import VRM0, VRM1, VrmShapes

PORT = 39539
LARGEST = 1400
"""Bytes of a datagram: what passes any Ethernet or Wi-Fi without being cut."""
SETS = ("all", "arkit", "vrm")
"""What `--vmc-shapes` may say."""


def names(shapes: str) -> tuple[str, ...]:
    """What is sent: the 52 ARKit shapes, VRM's vowels and blinks by both versions' names, or all of these."""
    arkit = ARKIT_NAMES if shapes != "vrm" else ()
    return (*arkit, *VRM0, *VRM1) if shapes != "arkit" else arkit


def message(address: str, *arguments: str | float) -> OscMessage:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument, "s" if isinstance(argument, str) else "f")
    return builder.build()


def encode(shapes: Sequence[str], values: np.ndarray) -> list[bytes]:
    """Bundles of LARGEST bytes at most that set `shapes` (S,) to `values` (S,); the last one ends in Apply."""
    messages = [message("/VMC/Ext/Blend/Val", *pair) for pair in zip(shapes, values.tolist(), strict=True)]
    messages.append(message("/VMC/Ext/Blend/Apply"))
    parts: list[list[OscMessage]] = [[]]
    size = 16  # "#bundle\0" and a time
    for each in messages:
        if size + 4 + each.size > LARGEST:
            parts.append([])
            size = 16
        parts[-1].append(each)
        size += 4 + each.size
    return [_bundle(part) for part in parts]


def _bundle(messages: list[OscMessage]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for each in messages:
        builder.add_content(each)
    return builder.build().dgram


class VmcSender:
    """Sends frames to a VMC receiver. shapes: one of SETS. Raises VoxmeshError, as UdpSender does."""

    def __init__(self, target: Target, shapes: str = "all") -> None:
        self.udp = UdpSender(target)
        self._names = names(shapes)
        self._shapes = shapes
        self._vrm = VrmShapes()

    def send(self, frame: Frame, weights: np.ndarray) -> None:
        """weights: (52,) in ARKIT_NAMES' order."""
        values = [weights] if self._shapes != "vrm" else []
        if self._shapes != "arkit":
            values += [self._vrm(weights)] * 2
        for bundle in encode(self._names, np.concatenate(values)):
            self.udp.send(bundle)

    def close(self) -> None:
        self.udp.close()
