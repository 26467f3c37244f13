"""An animation as glTF 2.0 (.glb): one mesh, its blendshapes as morph targets, their weights as a baked animation.

glTF asks for what a Topology is: metres, Y up, facing +Z, right-handed, counter-clockwise. Morph targets are sparse:
only vertices that move are stored. COLOR_0 is linear albedo times the occlusion that is baked into the avatar.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.topology import Topology

ROUGHNESS = 0.55
_SMALLEST_TURN = 2e-3
"""Change of a normal that is not worth storing: a tenth of a degree."""
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963  # what a buffer view holds


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals: the sum of the triangles' around a vertex, by area. Straight up where there are none."""
    a, b, c = (vertices[faces[:, corner]].astype(np.float64) for corner in range(3))
    flat = np.cross(b - a, c - a)
    summed = np.zeros((len(vertices), 3))
    for axis in range(3):
        for corner in range(3):
            summed[:, axis] += np.bincount(faces[:, corner], flat[:, axis], len(vertices))
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.where(length > 0, summed / np.where(length > 0, length, 1), (0.0, 1.0, 0.0)).astype(np.float32)


def linear_colours(albedo: np.ndarray, occlusion: np.ndarray) -> np.ndarray:
    """(V, 4) uint16 of 65535: sRGB albedo made linear (IEC 61966-2-1), times occlusion; alpha is full."""
    srgb = albedo / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) * (occlusion / 255.0)
    return np.rint(np.column_stack([linear, np.ones(len(linear))]) * 65535).astype(np.uint16)


class _Buffer:
    """The .glb's binary part, and the views and accessors that point into it."""

    def __init__(self) -> None:
        import pygltflib

        self._lib = pygltflib
        self.data = bytearray()
        self.views: list[Any] = []
        self.accessors: list[Any] = []

    def _view(self, array: np.ndarray, target: int | None = None) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        view = self._lib.BufferView(buffer=0, byteOffset=len(self.data), byteLength=array.nbytes, target=target)
        self.data += np.ascontiguousarray(array).tobytes()
        self.views.append(view)
        return len(self.views) - 1

    def _accessor(self, array: np.ndarray, bounds: bool, **more: Any) -> int:
        kind = {"f": _FLOAT, "H": _USHORT, "I": _UINT}[array.dtype.char]
        rows = array.reshape(len(array), -1)
        if bounds:
            more |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.accessors.append(
            self._lib.Accessor(componentType=kind, count=len(rows), type=_TYPES[rows.shape[1]], **more)
        )
        return len(self.accessors) - 1

    def dense(self, array: np.ndarray, target: int | None = None, *, bounds: bool = False, unit: bool = False) -> int:
        """The index of an accessor to (N,) or (N, k) values. unit: integers stand for 0..1."""
        return self._accessor(array, bounds, bufferView=self._view(array, target), normalized=unit)

    def sparse(self, array: np.ndarray) -> int:
        """The index of an accessor to (N, 3) float32, most of whose rows are zero: the others are stored."""
        rows = np.flatnonzero(array.any(1))
        rows = rows if len(rows) else np.zeros(1, np.int64)  # glTF wants at least one
        kind = np.uint16 if len(array) <= 65536 else np.uint32
        indices = self._view(rows.astype(kind))
        sparse = self._lib.Sparse(
            count=len(rows),
            indices=self._lib.AccessorSparseIndices(
                bufferView=indices, componentType=_USHORT if kind is np.uint16 else _UINT
            ),
            values=self._lib.AccessorSparseValues(bufferView=self._view(array[rows])),
        )
        # An offset counts into a buffer view, and there is none (glTF 2.0, accessor.schema.json); the library says 0.
        return self._accessor(array, True, byteOffset=None, sparse=sparse)


def write_glb(
    path: Path, topology: Topology, names: tuple[str, ...], deltas: np.ndarray, weights: np.ndarray, clock: FrameClock
) -> None:
    """names: S morph targets; deltas (S, V, 3) metres; weights (T, S), T >= 1, one row a frame of the clock.

    Vertices of frame t are template + weights[t] . deltas. Raises ImportError without pygltflib (voxmesh[gltf]).
    """
    import pygltflib as gltf

    buffer = _Buffer()
    template, faces = topology.template.astype(np.float32), topology.faces
    rest = normals(template, faces)
    attributes = gltf.Attributes(
        POSITION=buffer.dense(template, _VERTICES, bounds=True),
        NORMAL=buffer.dense(rest, _VERTICES),
        COLOR_0=buffer.dense(linear_colours(topology.albedo, topology.occlusion), _VERTICES, unit=True),
    )
    # 65535 itself would restart a strip.
    indices = faces.reshape(-1).astype(np.uint16 if len(template) <= 65535 else np.uint32)
    targets = []
    for delta in deltas.astype(np.float32):
        turn = normals(template + delta, faces) - rest
        turn[np.abs(turn).max(1) < _SMALLEST_TURN] = 0
        targets.append({"POSITION": buffer.sparse(delta), "NORMAL": buffer.sparse(turn)})
    primitive = gltf.Primitive(
        attributes=attributes, indices=buffer.dense(indices, _INDICES), material=0, targets=targets
    )
    times_s = (np.arange(len(weights)) * clock.fps_den / clock.fps_num).astype(np.float32)
    animation = gltf.Animation(
        name="speech",
        samplers=[
            gltf.AnimationSampler(
                input=buffer.dense(times_s, bounds=True),
                output=buffer.dense(weights.astype(np.float32).reshape(-1)),
                interpolation="LINEAR",
            )
        ],
        channels=[gltf.AnimationChannel(sampler=0, target=gltf.AnimationChannelTarget(node=0, path="weights"))],
    )
    skin = gltf.PbrMetallicRoughness(metallicFactor=0.0, roughnessFactor=ROUGHNESS)
    document = gltf.GLTF2(
        asset=gltf.Asset(generator="voxmesh", version="2.0"),
        scene=0,
        scenes=[gltf.Scene(nodes=[0])],
        nodes=[gltf.Node(mesh=0, name="face")],
        meshes=[
            gltf.Mesh(
                name="face", primitives=[primitive], weights=[0.0] * len(names), extras={"targetNames": list(names)}
            )
        ],
        materials=[gltf.Material(name="face", pbrMetallicRoughness=skin, doubleSided=True)],
        animations=[animation],
        bufferViews=buffer.views,
        accessors=buffer.accessors,
        buffers=[gltf.Buffer(byteLength=len(buffer.data))],
    )
    document.set_binary_blob(bytes(buffer.data))
    document.save_binary(str(path))
