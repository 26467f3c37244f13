"""Live Link Face's packet: what Epic's phone app sends, so that Unreal takes voxmesh for a phone.

One datagram a frame, all big-endian:
u8 version 6 · i32 length, device id · i32 length, subject (UTF-8) · i32 frame, f32 sub-frame, i32 fps numerator,
i32 fps denominator · u8 count 61 · 61 x f32: the 52 ARKit weights and yaw, pitch, roll of head, left eye and right eye.

The nine rotations are sent as 0. Our head does not turn, and gaze is in the eyeLook weights, which ARKit-ready
characters follow: rotations on top of them would turn the eyes twice.
"""

from __future__ import annotations

import struct
import uuid

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import Frame
from voxmesh.stream.udp import Target, UdpSender

PORT = 11111
VERSION = 6
ROTATIONS: tuple[str, ...] = tuple(
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
NAMES: tuple[str, ...] = (*(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ROTATIONS)
"""The packet's 61 values in order."""
SUBJECT = "voxmesh"
"""What Unreal lists under Live Link unless the session has a name."""


def device_id(subject: str) -> str:
    """The id that goes with a subject: always the same, so that Unreal knows it again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"voxmesh:{subject}")).upper()


def encode(weights: np.ndarray, frame: int, clock: FrameClock, subject: str = SUBJECT) -> bytes:
    """One packet. weights: (52,) in ARKIT_NAMES' order, 0..1. frame: its index at the clock's rate, below 2^31."""
    head = b"".join(struct.pack(">i", len(text)) + text for text in (device_id(subject).encode(), subject.encode()))
    time = struct.pack(">ifii", frame, 0.0, clock.fps_num, clock.fps_den)
    values = np.concatenate([weights, np.zeros(len(ROTATIONS))]).astype(">f4")
    return bytes([VERSION]) + head + time + bytes([len(values)]) + values.tobytes()


class LiveLinkSender:
    """Sends frames to a Live Link source. subject: 1 to 255 bytes of UTF-8. Raises VoxmeshError, as UdpSender does."""

    def __init__(self, target: Target, clock: FrameClock, subject: str = SUBJECT) -> None:
        if not 1 <= len(subject.encode()) <= 255:
            raise VoxmeshError(f"the Live Link subject {subject!r} has {len(subject.encode())} bytes: give 1 to 255")
        self.udp = UdpSender(target)
        self._clock, self._subject = clock, subject

    def send(self, frame: Frame, weights: np.ndarray) -> None:
        """weights: (52,) in ARKIT_NAMES' order."""
        self.udp.send(encode(weights, frame.index, self._clock, self._subject))

    def close(self) -> None:
        self.udp.close()
