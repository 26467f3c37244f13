"""Golden messages: one of each sort, and what is in them, for readers in any language.

`python tests/golden.py` writes tests/data/*.bin and messages.json. The bytes depend on nothing but this file and the
wire: no random numbers, no sines. Run it only when the protocol changes, and say so in CHANGELOG.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from voxmesh.stream import wire
from voxmesh.stream.topology import Topology
from voxmesh.stream.wire_numbers import CODES

DATA = Path(__file__).parent / "data"
_STAMPS = (123_456, 32_921_600, 987_654_321_987_654, 987_654_432_100_000, 1600)
_REFUSED = {
    "refused_version.bin": "its version is 2",
    "refused_flags.bin": "it sets a flag that version 1 does not have",
    "refused_kind.bin": "its kind is Z",
    "refused_short.bin": "its last byte is missing",
    "refused_long.bin": "it has a byte too many",
}


def numbers(count: int, step: int, divisor: int) -> np.ndarray:
    """(count,) float32 in -1..1: scattered, not random."""
    return ((np.arange(count) * step % 2001 - 1000) / divisor).astype(np.float32)


def topology() -> Topology:
    """An octahedron of 10 cm."""
    template = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32) * np.float32(0.1)
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    colours = (np.arange(18) * 13 % 256).astype(np.uint8).reshape(6, 3)
    return Topology(
        template=template,
        faces=np.array(faces, np.int32),
        albedo=colours,
        occlusion=255 - colours,
        gloss=np.arange(6, dtype=np.uint8) * 50,
        landmarks={"chin": 4, "nose_tip": 2},
        regions={"mouth": np.array([0, 1, 0, 1, 0, 1], np.uint8)},
    )


def messages() -> dict[str, wire.Message]:
    """File name -> what is in it."""
    vertices, weights = numbers(18, 769, 8192).reshape(6, 3), np.abs(numbers(52, 997, 1000))
    none, name = np.zeros(0, np.float32), "golden é"
    frames = {f"frame_{kind}.bin": wire.FrameMessage(name, *_STAMPS, vertices, weights, 16000, kind) for kind in CODES}
    return {
        **frames,
        "frame_vertices.bin": wire.FrameMessage(name, *_STAMPS, vertices, none, 16000),
        "frame_weights.bin": wire.FrameMessage(name, *_STAMPS, none.reshape(0, 3), weights, 16000),
        "topology.bin": wire.TopologyMessage(name, topology(), 16000, 60, 1, ("eyeBlinkLeft", "jawOpen", 'é "quoted"')),
        **{
            f"audio_{kind}.bin": wire.AudioMessage(name, *_STAMPS, 16000, numbers(267, 1231, 1000), kind)
            for kind in ("float32", "int16")
        },
        "bye.bin": wire.ByeMessage(name),
    }


def refused() -> dict[str, bytes]:
    """File name -> bytes that every reader refuses."""
    frame = wire.pack(messages()["frame_float32.bin"])
    return {
        "refused_version.bin": frame[:3] + b"2" + frame[4:],
        "refused_flags.bin": frame[:21] + b"\1" + frame[22:],
        "refused_kind.bin": frame[:4] + b"Z" + frame[5:],
        "refused_short.bin": frame[:-1],
        "refused_long.bin": frame + b"\0",
    }


def told(message: wire.Message) -> dict[str, object]:
    """A message as JSON tells it. Numbers are exact: a float32 as its shortest float64, what int16 made of it too."""
    plain: dict[str, object] = {"kind": type(message).__name__.removesuffix("Message").lower()}
    for key, value in vars(message).items():
        if isinstance(value, Topology):
            plain |= {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in vars(value).items()}
            plain["regions"] = {name: mask.tolist() for name, mask in value.regions.items()}
        else:
            plain[key] = value.tolist() if isinstance(value, np.ndarray) else value
    return plain


def main() -> None:
    DATA.mkdir(exist_ok=True)
    about: dict[str, object] = {}
    for name, message in messages().items():
        data = wire.pack(message)
        (DATA / name).write_bytes(data)
        about[name] = told(wire.unpack(data))
    for name, data in refused().items():
        (DATA / name).write_bytes(data)
        about[name] = {"refused": _REFUSED[name]}
    rows = [f"{json.dumps(name)}: {json.dumps(what)}" for name, what in about.items()]
    (DATA / "messages.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
