"""Characters made by code, as files of the kinds that people bring."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 24
SHAPES: dict[str, tuple[tuple[float, float], tuple[float, float, float]]] = {
    "jawOpen": ((0.0, -0.045), (0.0, -0.02, -0.003)),
    "eyeBlinkLeft": ((0.031, 0.03), (0.0, -0.01, 0.0)),
    "eyeBlinkRight": ((-0.031, 0.03), (0.0, -0.01, 0.0)),
    "mouthSmileLeft": ((0.025, -0.035), (0.008, 0.006, -0.002)),
    "mouthSmileRight": ((-0.025, -0.035), (-0.008, 0.006, -0.002)),
    "browInnerUp": ((0.0, 0.05), (0.0, 0.006, 0.0)),
}
"""ARKit name -> where a mask's bump is (x, y) and how it moves, metres."""


def mask() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """A face like a carnival mask: vertices (V, 3) metres, faces (F, 3), and a few shapes, (V, 3) each."""
    x, y = np.meshgrid(np.linspace(-0.07, 0.07, SIDE), np.linspace(-0.09, 0.09, SIDE))
    vertices = np.stack([x, y, 0.09 - 6 * x**2 - 4 * y**2], 2).reshape(-1, 3)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    a, b, c, d = corner, corner + 1, corner + SIDE, corner + SIDE + 1
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    shapes = {}
    for name, (place, move) in SHAPES.items():
        bump = np.exp(-((vertices[:, :2] - place) ** 2).sum(1) / (2 * 0.015**2))
        shapes[name] = np.where(bump > 0.01, bump, 0)[:, None] * np.array(move)
    return vertices, faces, shapes


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    lines = [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices]
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}/{i + 1}" for i in face) for face in faces.tolist()]
    path.write_text("# by a test\n" + "\n".join(lines) + "\n")


Part = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[str, Any]]
"""vertices (V, 3), faces (F, 3), shapes, and more attributes: name -> (N, k) float32."""


def write_gltf(path: Path, parts: list[Part], node: dict[str, Any] | None = None, **more: Any) -> None:
    """One mesh of several primitives, all with the same shapes. node: its transform. more: of the document's top."""
    blob, views, accessors, primitives = bytearray(), [], [], []

    def add(array: np.ndarray, kind: int) -> int:
        blob.extend(b"\0" * (-len(blob) % 4))
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": array.nbytes})
        blob.extend(array.tobytes())
        width = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}[array.shape[1]]
        accessors.append({"bufferView": len(views) - 1, "componentType": kind, "count": len(array), "type": width})
        return len(accessors) - 1

    for index, (vertices, faces, shapes, attributes) in enumerate(parts):
        of = {"POSITION": vertices, **attributes}
        primitives.append(
            {
                "attributes": {name: add(values.astype("<f4"), 5126) for name, values in of.items()},
                "indices": add(faces.reshape(-1, 1).astype("<u2"), 5123),
                "targets": [{"POSITION": add(delta.astype("<f4"), 5126)} for delta in shapes.values()],
                **({"material": index} if index < len(more.get("materials", ())) else {}),
            }
        )
        if not shapes:
            del primitives[-1]["targets"]
    names = list(parts[0][2])
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, **(node or {})}],
        "meshes": [{"name": "head", "primitives": primitives, "extras": {"targetNames": names}}],
        "bufferViews": views,
        "accessors": accessors,
        "buffers": [{"byteLength": len(blob)}],
        **more,
    }
    if path.suffix == ".gltf":
        (path.parent / "head.bin").write_bytes(blob)
        document["buffers"][0]["uri"] = "head.bin"
        path.write_text(json.dumps(document))
        return
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + bytes(blob)
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
