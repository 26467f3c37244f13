"""A mesh from .obj, .ply or .npy, its vertices in the order of the file: a topology lives by that order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError

SUFFIXES = (".ply", ".obj", ".npy")
_PLY_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}


class UnreadableMesh(VoxmeshError):
    """A file that is no mesh. text: what is wrong with it, without its path."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.text = text


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices: (V, 3) float32 in the file's unit. faces: (F, 3) int32; larger polygons were cut into fans."""

    vertices: np.ndarray
    faces: np.ndarray


def read_mesh(path: Path) -> Mesh:
    """Raises UnreadableMesh when it is missing, damaged, or of a kind that is not read."""
    readers = {".obj": _read_obj, ".ply": _read_ply, ".npy": _read_npy}
    try:
        if path.suffix not in readers:
            raise ValueError(f"not one of {', '.join(readers)}")
        mesh = readers[path.suffix](path)
        if mesh.vertices.ndim != 2 or mesh.vertices.shape[1] != 3 or not len(mesh.vertices):
            raise ValueError(f"its vertices have shape {mesh.vertices.shape}, not (V, 3)")
        if len(mesh.faces) and not 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices):
            raise ValueError(f"a face names a vertex that is not among its {len(mesh.vertices)}")
    except FileNotFoundError as error:
        raise UnreadableMesh(path, "no such file") from error
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise UnreadableMesh(path, f"is no mesh that can be read: {error}") from error
    return mesh


def _read_npy(path: Path) -> Mesh:
    vertices = np.load(path, allow_pickle=False)
    if vertices.ndim == 1 and vertices.size % 3 == 0:
        vertices = vertices.reshape(-1, 3)
    return Mesh(vertices.astype(np.float32), np.zeros((0, 3), np.int32))


def _read_obj(path: Path) -> Mesh:
    vertices: list[list[float]] = []
    polygons: list[list[int]] = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "f":
            indices = [int(word.split("/")[0]) for word in words]
            # From 1; negative ones count back from the last vertex so far.
            polygons.append([i - 1 if i > 0 else len(vertices) + i for i in indices])
    return Mesh(np.array(vertices, np.float32), _triangles(polygons))


def _triangles(polygons: list[list[int]]) -> np.ndarray:
    fans = [(p[0], p[k], p[k + 1]) for p in polygons for k in range(1, len(p) - 1)]
    return np.array(fans, np.int32).reshape(-1, 3)


def _read_ply(path: Path) -> Mesh:
    data = path.read_bytes()
    head, mark, body = data.partition(b"end_header")
    if not head.startswith(b"ply") or not mark:
        raise ValueError("it does not begin as a .ply does")
    body = body[body.index(b"\n") + 1 :]
    encoding, elements = _ply_header(head.decode("ascii", "replace"))
    if encoding == "ascii":
        vertices, polygons = _ply_text(body.decode("ascii").split(), elements)
    else:
        vertices, polygons = _ply_binary(body, elements, "<" if encoding == "binary_little_endian" else ">")
    return Mesh(vertices, _triangles(polygons))


@dataclass(frozen=True)
class _Element:
    """properties: (name, type, type of the list's count or "")."""

    name: str
    count: int
    properties: list[tuple[str, str, str]]


def _ply_header(head: str) -> tuple[str, list[_Element]]:
    encoding, elements = "", []
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            encoding = words[1]
        elif words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2]), []))
        elif words[:2] == ["property", "list"]:
            elements[-1].properties.append((words[4], _PLY_TYPES[words[3]], _PLY_TYPES[words[2]]))
        elif words[:1] == ["property"]:
            elements[-1].properties.append((words[2], _PLY_TYPES[words[1]], ""))
    if encoding not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise ValueError(f"its format is {encoding!r}")
    return encoding, elements


def _ply_text(words: list[str], elements: list[_Element]) -> tuple[np.ndarray, list[list[int]]]:
    at, vertices, polygons = 0, np.zeros((0, 3), np.float32), []
    for element in elements:
        names = [name for name, _, _ in element.properties]
        if not any(counted for _, _, counted in element.properties):
            block = words[at : at + element.count * len(names)]
            at += len(block)
            if element.name == "vertex":
                rows = np.array(block, np.float64).reshape(element.count, len(names))
                vertices = rows[:, [names.index(axis) for axis in "xyz"]].astype(np.float32)
            continue
        for _ in range(element.count):
            for name, _, counted in element.properties:
                length = int(words[at]) if counted else 1
                at += bool(counted)
                if element.name == "face" and name.startswith("vert"):
                    polygons.append([int(word) for word in words[at : at + length]])
                at += length
    return vertices, polygons


def _ply_binary(body: bytes, elements: list[_Element], order: str) -> tuple[np.ndarray, list[list[int]]]:
    at, vertices, polygons = 0, np.zeros((0, 3), np.float32), []
    for element in elements:
        if not any(counted for _, _, counted in element.properties):
            kind = np.dtype([(name, order + kind) for name, kind, _ in element.properties])
            if element.name == "vertex":
                rows = np.frombuffer(body, kind, element.count, at)
                vertices = np.stack([rows[axis] for axis in "xyz"], axis=1).astype(np.float32)
            at += element.count * kind.itemsize
            continue
        for _ in range(element.count):
            for name, kind, counted in element.properties:
                length = 1
                if counted:
                    length = int(np.frombuffer(body, order + counted, 1, at)[0])
                    at += np.dtype(counted).itemsize
                values = np.frombuffer(body, order + kind, length, at)
                at += values.nbytes
                if element.name == "face" and name.startswith("vert"):
                    polygons.append(values.tolist())
    return vertices, polygons
