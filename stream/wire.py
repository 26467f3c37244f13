"""The wire: one-part little-endian messages, a fixed header and a body. NumPy and the standard library only.

A message starts with its topic: the magic `VXM1` (format and version), one byte of kind (`F` frame, `T` topology,
`B` bye) and 16 bytes of session name. A ZeroMQ subscriber filters on any prefix of it. One part, because ZeroMQ's
CONFLATE keeps one part: a two-part message would lose its header.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology

MAGIC = b"VXM1"
FRAME, TOPOLOGY, BYE = b"F", b"T", b"B"

# magic, kind, session, flags, frame index, sample index, captured ns, published ns, look-ahead (samples),
# vertex count, weight count
_HEADER = struct.Struct("<4sc16sB2xQQqqIII")
HEADER_BYTES = _HEADER.size
MAX_VERTICES = 1 << 20
MAX_TOPOLOGY_BYTES = 256 << 20


class WireError(VoxmeshError):
    """A message that is not ours, is of another version, or is damaged."""


@dataclass(frozen=True)
class FrameMessage:
    """One frame as it travels. Times are CLOCK_MONOTONIC nanoseconds of the publishing machine.

    vertices: (V, 3) float32 metres, or (0, 3) when only weights are sent.
    weights: (52,) float32 blendshape weights, or (0,) when only vertices are sent.
    """

    session: str
    index: int
    sample: int
    captured_ns: int
    published_ns: int
    lookahead_samples: int
    vertices: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class TopologyMessage:
    """What a subscriber needs to draw frames: sent to each new subscriber."""

    session: str
    topology: Topology
    sample_rate: int
    fps_num: int
    fps_den: int
    blendshape_names: tuple[str, ...]


@dataclass(frozen=True)
class ByeMessage:
    """The publisher stopped, on purpose."""

    session: str


Message = FrameMessage | TopologyMessage | ByeMessage


def topic(kind: bytes = b"", session: str | None = None) -> bytes:
    """The prefix to subscribe to: everything, one kind, or one kind of one session."""
    return MAGIC + kind + (b"" if session is None else _name(session))


def _name(session: str) -> bytes:
    raw = session.encode()
    if not 0 < len(raw) <= 16 or b"\0" in raw:
        raise WireError(f"a session's name is 1 to 16 bytes of UTF-8, not {session!r}")
    return raw.ljust(16, b"\0")


def _header(kind: bytes, session: str, numbers: tuple[int, ...] = (0,) * 7) -> bytes:
    return _HEADER.pack(MAGIC, kind, _name(session), 0, *numbers)


def pack(message: Message) -> bytes:
    """The bytes of a message."""
    if isinstance(message, FrameMessage):
        m = message
        counts = (len(m.vertices), len(m.weights))
        head = _header(
            FRAME,
            m.session,
            (m.index, m.sample, m.captured_ns, m.published_ns, m.lookahead_samples, *counts),
        )
        return head + _bytes(m.vertices, "<f4") + _bytes(m.weights, "<f4")
    if isinstance(message, TopologyMessage):
        return _header(TOPOLOGY, message.session) + _pack_topology(message)
    return _header(BYE, message.session)


def unpack(data: bytes | memoryview) -> Message:
    """The message in `data`; arrays are read-only views of it. Raises WireError for anything but a whole message."""
    if len(data) < HEADER_BYTES or bytes(data[:3]) != MAGIC[:3]:
        raise WireError(f"not a voxmesh message: {len(data)} bytes starting {bytes(data[:8])!r}")
    if bytes(data[:4]) != MAGIC:
        raise WireError(f"message of wire version {bytes(data[3:4])!r}, this reader knows 1: update voxmesh")
    _, kind, raw, _, index, sample, captured, published, lookahead, vertices, weights = _HEADER.unpack_from(data)
    try:
        session = raw.rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise WireError(f"session name {raw!r} is not UTF-8") from error
    body = memoryview(data)[HEADER_BYTES:]
    if kind == BYE:
        return ByeMessage(session)
    if kind == TOPOLOGY:
        return _unpack_topology(session, body)
    if kind != FRAME:
        raise WireError(f"message of unknown kind {kind!r}")
    if vertices > MAX_VERTICES or weights > 4096 or len(body) != 12 * vertices + 4 * weights:
        raise WireError(f"frame of {vertices} vertices and {weights} weights has a body of {len(body)} bytes")
    values = np.frombuffer(body, "<f4")
    points = values[: 3 * vertices].reshape(-1, 3)
    return FrameMessage(session, index, sample, captured, published, lookahead, points, values[3 * vertices :])


def _bytes(array: np.ndarray, dtype: str) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()


def _pack_topology(message: TopologyMessage) -> bytes:
    """4 bytes of length, JSON, then the arrays that the JSON lists, one after the other."""
    t = message.topology
    arrays = {
        "template": ("<f4", t.template),
        "faces": ("<i4", t.faces),
        "albedo": ("u1", t.albedo),
        "occlusion": ("u1", t.occlusion),
        "gloss": ("u1", t.gloss),
        **{f"region:{name}": ("u1", mask) for name, mask in t.regions.items()},
    }
    about = {
        "units": "metres",
        "up": "+y",
        "facing": "+z",
        "sample_rate": message.sample_rate,
        "fps_num": message.fps_num,
        "fps_den": message.fps_den,
        "landmarks": t.landmarks,
        "blendshape_names": list(message.blendshape_names),
        "arrays": [[name, dtype, list(array.shape)] for name, (dtype, array) in arrays.items()],
    }
    text = json.dumps(about).encode()
    return struct.pack("<I", len(text)) + text + b"".join(_bytes(array, dtype) for dtype, array in arrays.values())


def _unpack_topology(session: str, body: memoryview) -> TopologyMessage:
    if not 4 <= len(body) <= MAX_TOPOLOGY_BYTES:
        raise WireError(f"topology message of {len(body)} bytes")
    (length,) = struct.unpack_from("<I", body)
    try:
        about = json.loads(bytes(body[4 : 4 + length]))
        arrays, offset = {}, 4 + length
        for name, dtype, shape in about["arrays"]:
            if dtype not in ("<f4", "<i4", "u1") or any(not 0 <= n <= 1 << 24 for n in shape):
                raise ValueError(f"array {name!r} of {dtype!r} and shape {shape}")
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(body, dtype, count, offset).reshape(shape)
            offset += arrays[name].nbytes
        regions = {name[7:]: array for name, array in arrays.items() if name.startswith("region:")}
        surface = {name: array for name, array in arrays.items() if not name.startswith("region:")}
        landmarks = {str(name): int(vertex) for name, vertex in about["landmarks"].items()}
        topology = Topology(**surface, landmarks=landmarks, regions=regions)
        count = topology.vertices
        if topology.faces.size and not 0 <= topology.faces.min() <= topology.faces.max() < count:
            raise ValueError("a face names a vertex that is not there")
        if any(not 0 <= vertex < count for vertex in landmarks.values()):
            raise ValueError("a landmark names a vertex that is not there")
        clock = (int(about["sample_rate"]), int(about["fps_num"]), int(about["fps_den"]))
        return TopologyMessage(session, topology, *clock, tuple(about["blendshape_names"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"damaged topology message: {error}") from error
