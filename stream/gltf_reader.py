"""Arrays and transforms out of a glTF 2.0 document: accessors, sparse ones too, buffers, nodes' matrices, skins."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from voxmesh.stream.character_sculpt import MAX_VERTICES, check_size
from voxmesh.stream.errors import VoxmeshError

_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_UNDERSTOOD = ("KHR_mesh_quantization", "KHR_materials_", "KHR_texture_transform", "VRM", "VRMC_")
"""Required extensions, by their beginnings, that hide nothing which is read here."""


class Document:
    """A .glb, .gltf or .vrm file, opened. `json` is pygltflib's document.

    Raises VoxmeshError naming the file when it is damaged or compressed, ImportError without pygltflib.
    """

    def __init__(self, path: Path) -> None:
        import pygltflib

        check_size(path)
        self.path = path
        try:
            binary = path.read_bytes()[:4] == b"glTF"  # whatever its name ends in: a .vrm is a .glb
            document = (pygltflib.GLTF2.load_binary if binary else pygltflib.GLTF2.load_json)(str(path))
        except Exception as error:  # pygltflib raises whatever it stumbles over
            raise self.damaged(error) from error
        if document is None or not document.asset or not document.meshes:
            raise VoxmeshError(f"{path} holds no mesh: export a character with its shape keys as glTF 2.0")
        self.json: Any = document
        for name in document.extensionsRequired or []:
            if not name.startswith(_UNDERSTOOD):
                raise VoxmeshError(f"{path} needs {name}, which voxmesh does not read: export it without compression")
        self._buffers: dict[int, bytes] = {}

    def damaged(self, reason: object) -> VoxmeshError:
        return VoxmeshError(f"{self.path} is damaged or no glTF 2.0 ({reason}): export it again")

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            uri = self.json.buffers[index].uri
            if uri is None:
                data = self.json.binary_blob() or b""
            elif uri.startswith("data:"):
                data = base64.b64decode(uri.partition(",")[2])
            else:
                file = self.path.parent / unquote(uri)
                check_size(file)
                data = file.read_bytes()
            self._buffers[index] = bytes(data)
        return self._buffers[index]

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.json.bufferViews[index]
        start = view.byteOffset or 0
        data = self._buffer(view.buffer)[start : start + view.byteLength]
        if len(data) != view.byteLength:
            raise ValueError(f"it ends {view.byteLength - len(data)} bytes early")
        return data

    def _take(self, view: int, offset: int, dtype: np.dtype, count: int, width: int) -> np.ndarray:
        """(count, width) of a view, with its stride."""
        data, step = self.view(view), self.json.bufferViews[view].byteStride or width * dtype.itemsize
        if count and offset + (count - 1) * step + width * dtype.itemsize > len(data):
            raise ValueError(f"{count} values do not fit into their {len(data)} bytes")
        return np.ndarray((count, width), dtype, data, offset, (step, dtype.itemsize))

    def array(self, index: int) -> np.ndarray:
        """An accessor's values, (N, k): integers as they are, normalised ones and floats as float64."""
        accessor = self.json.accessors[index]
        dtype, width, count = np.dtype(_DTYPES[accessor.componentType]), _WIDTHS[accessor.type], accessor.count
        if not 0 <= count <= 8 * MAX_VERTICES:
            raise ValueError(f"an array of {count} values")
        if accessor.bufferView is None:
            values = np.zeros((count, width), dtype)
        else:
            values = self._take(accessor.bufferView, accessor.byteOffset or 0, dtype, count, width).copy()
        if accessor.sparse is not None:
            at, to = accessor.sparse.indices, accessor.sparse.values
            kind = np.dtype(_DTYPES[at.componentType])
            rows = self._take(at.bufferView, at.byteOffset or 0, kind, accessor.sparse.count, 1)[:, 0]
            values[rows] = self._take(to.bufferView, to.byteOffset or 0, dtype, accessor.sparse.count, width)
        if dtype.kind == "f":
            return values.astype(np.float64)
        return np.maximum(values / np.iinfo(dtype).max, -1.0) if accessor.normalized else values

    def image(self, index: int) -> bytes:
        """The encoded bytes of an image."""
        image = self.json.images[index]
        if image.bufferView is not None:
            return self.view(image.bufferView)
        if image.uri.startswith("data:"):
            return base64.b64decode(image.uri.partition(",")[2])
        file = self.path.parent / unquote(image.uri)
        check_size(file)
        return file.read_bytes()

    def worlds(self, turn: np.ndarray) -> dict[int, np.ndarray]:
        """Node -> (4, 4), to the scene's coordinates and then `turn`, of every node of the scene that is shown."""
        nodes, scenes = self.json.nodes or [], self.json.scenes or []
        children = {child for node in nodes for child in node.children or []}
        roots = scenes[self.json.scene or 0].nodes if scenes else [i for i in range(len(nodes)) if i not in children]
        found: dict[int, np.ndarray] = {}
        waiting = [(root, turn) for root in roots or []]
        while waiting:
            index, above = waiting.pop()
            if index not in found:  # a damaged file may have a loop
                found[index] = above @ local(nodes[index])
                waiting += [(child, found[index]) for child in nodes[index].children or []]
        return found

    def joints(self, skin: int, worlds: dict[int, np.ndarray]) -> np.ndarray:
        """(J, 4, 4): where a skin's joints, as they stand, put a mesh."""
        about = self.json.skins[skin]
        if about.inverseBindMatrices is None:
            return np.stack([worlds[joint] for joint in about.joints])
        inverse = self.array(about.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        return np.stack([worlds[joint] @ matrix for joint, matrix in zip(about.joints, inverse, strict=True)])


BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, binascii.Error)
"""What reading a damaged document runs into."""


def local(node: Any) -> np.ndarray:
    """(4, 4) of one node: its matrix (stored by columns), or translation, rotation (x, y, z, w) and scale."""
    if node.matrix is not None:
        return np.array(node.matrix, np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.rotation or (0, 0, 0, 1), np.float64)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    out = np.eye(4)
    out[:3, :3] = turn * np.array(node.scale or (1, 1, 1), np.float64)
    out[:3, 3] = node.translation or (0, 0, 0)
    return out
