"""Audio on the wire, for `voxmesh serve`: one-part little-endian messages, a header of 40 bytes and samples.

    offset  bytes
    0       4      magic `VXA1`
    4       16     session name, UTF-8, padded with zero bytes
    20      1      kind: `i` int16 samples, `f` float32 samples, `s` a style, `e` the end of the session (neither)
    21      1      reserved, 0
    22      2      identity, uint16: which of the bundle's faces
    24      4      rate, uint32: samples a second
    28      4      seed, uint32
    32      8      start, uint64: index of the first sample since the session began, at its rate
    40             samples, mono; int16's full scale is 32768, float32's 1. Of a style: its name or blend, UTF-8

The first message of a name opens the session with its identity, rate and seed; later ones repeat them. A style that
opens it is there from the first frame; one that comes later is eased to from the frame that depicts its `start` on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from voxmesh.stream import wire
from voxmesh.stream.wire import WireError

MAGIC = b"VXA1"
INT16, FLOAT32, STYLE, END = b"i", b"f", b"s", b"e"
_HEADER = struct.Struct("<4s16scxHIIQ")
HEADER_BYTES = _HEADER.size
MAX_BYTES = HEADER_BYTES + (1 << 18)
"""Of a message: 65,536 float32 samples, more than a second of any usual rate."""
MAX_STYLE_BYTES = 256
MAX_START = 1 << 56
"""Samples: 20,000 years at 96 kHz, and no sum of two overflows."""


@dataclass(frozen=True)
class AudioMessage:
    """A run of samples of one session. samples: (N,) float32 or int16, or None for a style, or for the end.

    style: what to speak like from sample `start` on, such as "cheerful:0.5,sad:0.3"; without samples.
    """

    session: str
    samples: np.ndarray | None
    start: int = 0
    rate: int = 16000
    identity: int = 0
    seed: int = 0
    style: str | None = None


def pack_audio(message: AudioMessage) -> bytes:
    """The bytes of a message. Raises WireError for a name that is empty or over 16 bytes, or a style of over 256."""
    name = wire.topic(wire.BYE, message.session)[-16:]
    m, samples = message, message.samples
    if m.style is not None:
        kind, body = STYLE, m.style.encode()
        if samples is not None or not 0 < len(body) <= MAX_STYLE_BYTES:
            raise WireError(f"a style is 1 to {MAX_STYLE_BYTES} bytes and has a message of its own: {m.style!r}")
    elif samples is None:
        kind, body = END, b""
    elif samples.dtype == np.int16:
        kind, body = INT16, samples.astype("<i2").tobytes()
    else:
        kind, body = FLOAT32, samples.astype("<f4").tobytes()
    return _HEADER.pack(MAGIC, name, kind, m.identity, m.rate, m.seed, m.start) + body


def unpack_audio(data: bytes) -> AudioMessage:
    """The message in `data`, its samples as float32. Raises WireError for anything but a whole message."""
    if not HEADER_BYTES <= len(data) <= MAX_BYTES or data[:4] != MAGIC:
        raise WireError(f"not an audio message of voxmesh: {len(data)} bytes starting {data[:4]!r}")
    _, raw, kind, identity, rate, seed, start = _HEADER.unpack_from(data)
    body = memoryview(data)[HEADER_BYTES:]
    try:
        session = raw.rstrip(b"\0").decode()
        style = bytes(body[:MAX_STYLE_BYTES]).decode() if kind == STYLE else None
    except UnicodeDecodeError as error:
        raise WireError(f"a session's name or style is not UTF-8: {raw!r}") from error
    wire.topic(wire.BYE, session)
    size = {INT16: 2, FLOAT32: 4}.get(kind, 0)
    shortest, longest = {STYLE: (1, MAX_STYLE_BYTES), END: (0, 0)}.get(kind, (0, MAX_BYTES if size else -1))
    if not rate or start > MAX_START or not shortest <= len(body) <= longest or (size and len(body) % size):
        raise WireError(
            f"audio message of kind {kind!r}, {rate} Hz, from sample {start}, with {len(body)} bytes of samples"
        )
    if not size:
        return AudioMessage(session, None, start, rate, identity, seed, style)
    samples = np.frombuffer(body, "<f4") if kind == FLOAT32 else np.frombuffer(body, "<i2") / np.float32(32768)
    return AudioMessage(session, samples, start, rate, identity, seed)
