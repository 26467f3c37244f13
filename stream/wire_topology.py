"""The body of a topology message: JSON that lists arrays, then the arrays, each at a multiple of 8 bytes."""

from __future__ import annotations

import json
import struct

import numpy as np

from voxmesh.stream.topology import Topology
from voxmesh.stream.wire_messages import TopologyMessage, WireError

MAX_BYTES = 256 << 20
_TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "u1"}
_ABOUT = {"units": "metres", "up": "+y", "facing": "+z", "handedness": "right", "winding": "counter-clockwise"}


def pack_topology(message: TopologyMessage) -> bytes:
    """The bytes after the header."""
    t = message.topology
    arrays = {
        "template": ("float32", t.template),
        "faces": ("int32", t.faces),
        "albedo": ("uint8", t.albedo),
        "occlusion": ("uint8", t.occlusion),
        "gloss": ("uint8", t.gloss),
        **{f"region:{name}": ("uint8", mask) for name, mask in t.regions.items()},
    }
    table, data = [], b""
    for name, (kind, array) in arrays.items():
        table.append({"name": name, "type": kind, "shape": list(array.shape), "offset": len(data)})
        data += _padded(np.ascontiguousarray(array, _TYPES[kind]).tobytes(), b"\0")
    about = {
        **_ABOUT,
        "sample_rate": message.sample_rate,
        "fps_num": message.fps_num,
        "fps_den": message.fps_den,
        "blendshape_names": list(message.blendshape_names),
        "landmarks": t.landmarks,
        "arrays": table,
    }
    text = _padded(json.dumps(about).encode(), b" ")
    return struct.pack("<II", len(text), 0) + text + data


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % 8)


def unpack_topology(session: str, vertices: int, names: int, body: memoryview) -> TopologyMessage:
    """The message of a body, which has as many vertices and blendshape names as its header says. Raises WireError."""
    if not 8 <= len(body) <= MAX_BYTES:
        raise WireError(f"topology message of {len(body)} bytes")
    length, _ = struct.unpack_from("<II", body)
    if length % 8 or length > len(body) - 8:
        raise WireError(f"topology message of {len(body)} bytes, {length} of them JSON")
    try:
        about = json.loads(bytes(body[8 : 8 + length]))
        arrays = {str(entry["name"]): _array(body[8 + length :], entry) for entry in about["arrays"]}
        regions = {name[7:]: array for name, array in arrays.items() if name.startswith("region:")}
        surface = {name: arrays[name] for name in ("template", "faces", "albedo", "occlusion", "gloss")}
        landmarks = {str(name): int(vertex) for name, vertex in about["landmarks"].items()}
        topology = Topology(**surface, landmarks=landmarks, regions=regions)
        found = tuple(map(str, about["blendshape_names"]))
        if topology.template.shape != (vertices, 3) or len(found) != names:
            raise ValueError(
                f"the header tells of {vertices} vertices and {names} blendshapes, the body has "
                f"{topology.template.shape} and {len(found)}"
            )
        topology.check()
        clock = (int(about["sample_rate"]), int(about["fps_num"]), int(about["fps_den"]))
        if min(clock) < 1:
            raise ValueError(f"a clock of {clock}")
        return TopologyMessage(session, topology, *clock, found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise WireError(f"damaged topology message: {error}".replace("\n", " ")) from error


def _array(data: memoryview, entry: dict[str, object]) -> np.ndarray:
    """A read-only view of the array that one row of the table tells of."""
    kind, shape, offset = _TYPES[str(entry["type"])], entry["shape"], entry["offset"]
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n <= 1 << 24 for n in [*shape, len(shape)]):
        raise ValueError(f"an array of shape {shape}")
    if type(offset) is not int or offset < 0 or offset % 8 or len(shape) > 2:
        raise ValueError(f"an array of shape {shape} at {offset}")
    count = shape[0] * (shape[1] if len(shape) > 1 else 1) if shape else 1
    return np.frombuffer(data, kind, count, offset).reshape(shape)
