"""The wire: one-part little-endian messages, a fixed header and a body. NumPy and the standard library only.

PROTOCOL.md tells every byte. A message starts with its topic: the magic `VXM1` (format and version), one byte of kind
and 16 bytes of session name; a ZeroMQ subscriber filters on any prefix of it. One part, because ZeroMQ's CONFLATE keeps
one part: a two-part message would lose its header.
"""

from __future__ import annotations

import struct

from voxmesh.stream.wire_messages import (
    AudioMessage,
    ByeMessage,
    FrameMessage,
    Message,
    TopologyMessage,
    WireError,
)
from voxmesh.stream.wire_numbers import CODES, NAMES, PLAIN, TYPES, Quantised, decode, encode
from voxmesh.stream.wire_topology import pack_topology, unpack_topology

__all__ = [
    "AUDIO",
    "BYE",
    "FRAME",
    "HEADER_BYTES",
    "MAGIC",
    "TOPOLOGY",
    "AudioMessage",
    "ByeMessage",
    "FrameMessage",
    "Message",
    "TopologyMessage",
    "WireError",
    "newer_topics",
    "pack",
    "topic",
    "unpack",
]

MAGIC = b"VXM1"
FRAME, TOPOLOGY, AUDIO, BYE = b"F", b"T", b"A", b"B"

# magic, kind, session, flags, number type, (a spare byte); frame index, sample index, captured ns, published ns;
# look-ahead (samples), sample rate, count of vertices or samples, weight count; scale, offset of x, y, z
_HEADER = struct.Struct("<4sc16sBBxQQqqIIII4f")
HEADER_BYTES = _HEADER.size
MAX_VERTICES = 1 << 20
MAX_WEIGHTS = 4096
MAX_SAMPLES = 1 << 20


def topic(kind: bytes = b"", session: str | None = None) -> bytes:
    """The prefix to subscribe to: everything, one kind, or one kind of one session."""
    return MAGIC + kind + (b"" if session is None else _name(session))


def newer_topics() -> tuple[bytes, ...]:
    """The greetings of later versions: who also subscribes to them learns that a publisher is newer than the reader."""
    return tuple(MAGIC[:3] + bytes([version]) + TOPOLOGY for version in b"23456789")


def _name(session: str) -> bytes:
    raw = session.encode()
    if not 0 < len(raw) <= 16 or b"\0" in raw:
        raise WireError(f"a session's name is 1 to 16 bytes of UTF-8, not {session!r}")
    return raw.ljust(16, b"\0")


def _header(
    kind: bytes,
    session: str,
    *,
    code: int = 0,
    times: tuple[int, int, int, int] = (0, 0, 0, 0),
    lookahead: int = 0,
    rate: int = 0,
    count: int = 0,
    weights: int = 0,
    quantised: Quantised = PLAIN,
) -> bytes:
    """times: frame index, sample index, captured ns, published ns."""
    return _HEADER.pack(MAGIC, kind, _name(session), 0, code, *times, lookahead, rate, count, weights, *quantised)


def pack(message: Message) -> bytes:
    """The bytes of a message. Raises WireError for one that cannot travel."""
    m = message
    if isinstance(m, FrameMessage):
        quantised, vertices = encode(m.vertices, m.vertex_type)
        head = _stamped(FRAME, m, m.vertex_type, len(m.vertices), len(m.weights), quantised)
        # Vertices last: weights stay aligned whatever type vertices have.
        return head + encode(m.weights, "float32")[1] + vertices
    if isinstance(m, AudioMessage):
        quantised, samples = encode(m.samples, m.sample_type)
        return _stamped(AUDIO, m, m.sample_type, len(m.samples), 0, quantised) + samples
    if isinstance(m, TopologyMessage):
        counts = {"count": m.topology.vertices, "weights": len(m.blendshape_names)}
        return _header(TOPOLOGY, m.session, rate=m.sample_rate, **counts) + pack_topology(m)
    return _header(BYE, m.session)


def _stamped(
    kind: bytes, m: FrameMessage | AudioMessage, name: str, count: int, weights: int, quantised: Quantised
) -> bytes:
    """The header of a message that belongs to a moment."""
    return _header(
        kind,
        m.session,
        code=CODES[name],
        times=(m.index, m.sample, m.captured_ns, m.published_ns),
        lookahead=m.lookahead_samples,
        rate=m.sample_rate,
        count=count,
        weights=weights,
        quantised=quantised,
    )


def unpack(data: bytes | memoryview) -> Message:
    """The message in `data`; arrays are read-only views of it. Raises WireError for anything but a whole message."""
    if bytes(data[:3]) == MAGIC[:3] and len(data) > 3 and data[3] != MAGIC[3]:
        raise WireError(f"message of wire version {bytes(data[3:4])!r}, this reader knows 1: update voxmesh")
    if bytes(data[:4]) != MAGIC or len(data) < HEADER_BYTES:
        raise WireError(f"not a voxmesh message: {len(data)} bytes starting {bytes(data[:8])!r}")
    _, kind, raw, flags, code, *numbers = _HEADER.unpack_from(data)
    index, sample, captured, published, lookahead, rate, count, weights, *quantised = numbers
    if flags:
        raise WireError(f"message with flags {flags:#x}, of which this reader knows none: update voxmesh")
    session = _session(raw)
    body = memoryview(data)[HEADER_BYTES:]
    if kind == BYE:
        return ByeMessage(session)
    if kind == TOPOLOGY:
        return unpack_topology(session, count, weights, body)
    if kind not in (FRAME, AUDIO):
        raise WireError(f"message of unknown kind {kind!r}: update voxmesh")
    if code not in TYPES:
        raise WireError(f"numbers of unknown type {code}: update voxmesh")
    times = (index, sample, captured, published, lookahead)
    if kind == AUDIO:
        if count > MAX_SAMPLES or weights or len(body) != count * TYPES[code].itemsize or not rate:
            raise WireError(f"sound of {count} samples at {rate} Hz has a body of {len(body)} bytes")
        return AudioMessage(session, *times, rate, decode(body, code, tuple(quantised), 1), NAMES[code])
    wanted = 4 * weights + 3 * count * TYPES[code].itemsize
    if count > MAX_VERTICES or weights > MAX_WEIGHTS or len(body) != wanted:
        raise WireError(f"frame of {count} vertices and {weights} weights has a body of {len(body)} bytes")
    vertices = decode(body[4 * weights :], code, tuple(quantised), 3)
    return FrameMessage(session, *times, vertices, decode(body[: 4 * weights], 1, PLAIN, 1), rate, NAMES[code])


def _session(raw: bytes) -> str:
    name = raw.rstrip(b"\0")
    try:
        if not name or b"\0" in name:
            raise WireError(f"session name {raw!r} is not a name")
        return name.decode()
    except UnicodeDecodeError as error:
        raise WireError(f"session name {raw!r} is not UTF-8") from error
