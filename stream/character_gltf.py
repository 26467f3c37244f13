"""A character from glTF 2.0, a VRM too: all meshes that have morph targets, as one, where the scene puts them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.character_sculpt import Sculpt, check
from voxmesh.stream.character_vrm import expressions, turn
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.gltf_reader import BROKEN, Document

Decode = Callable[[bytes], np.ndarray]
"""A picture's file to (H, W, 3) uint8 sRGB."""
_TRIANGLES = 4


def read_gltf(path: Path, decode: Decode | None = None, whole: bool = False) -> Sculpt:
    """decode: for textures; without one a textured mesh has its material's colour. whole: meshes without shapes too.

    Raises VoxmeshError naming the file when it is damaged, compressed, or has no morph targets with names.
    """
    document = Document(path)
    try:
        return check(_Gathering(document, decode, whole).sculpt())
    except BROKEN as error:
        raise document.damaged(error) from error


class _Gathering:
    """The pieces of a scene, one a primitive, until they are put together."""

    def __init__(self, document: Document, decode: Decode | None, whole: bool) -> None:
        self._document, self._decode, self._whole = document, decode, whole
        self._pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]] = []
        self._pictures: dict[int, np.ndarray] = {}
        self._notes: list[str] = []
        worlds = document.worlds(turn(document))
        meshes = document.json.meshes
        nodes = {i: world for i, world in sorted(worlds.items()) if document.json.nodes[i].mesh is not None}
        shown = {i: meshes[document.json.nodes[i].mesh] for i in nodes}
        if not any(primitive.targets for mesh in shown.values() for primitive in mesh.primitives):
            raise VoxmeshError(
                f"{document.path} has no morph targets in its scene: export it with its shape keys (blendshapes)"
            )
        for index, mesh in shown.items():
            if whole or any(primitive.targets for primitive in mesh.primitives):
                self._add_mesh(mesh, index, worlds)
            else:
                self._notes.append(f"mesh {mesh.name!r} has no shapes and was left out (--whole takes it)")

    def _add_mesh(self, mesh: Any, index: int, worlds: dict[int, np.ndarray]) -> None:
        node, mixtures = self._document.json.nodes[index], expressions(self._document, index)
        for primitive in mesh.primitives:
            if primitive.mode not in (None, _TRIANGLES):
                self._notes.append(f"a part of mesh {mesh.name!r} is not made of triangles and was left out")
                continue
            names = _target_names(mesh, primitive)
            if primitive.targets and names is None and not mixtures:
                raise VoxmeshError(
                    f"{self._document.path}: the {len(primitive.targets)} morph targets of mesh {mesh.name!r} have no "
                    "names (mesh.extras.targetNames): export it with an exporter that writes them, such as Blender's"
                )
            # A skinned mesh stands where its joints put it, whatever its node says.
            skinned = node.skin is not None and primitive.attributes.JOINTS_0 is not None
            place = self._skin(primitive, node.skin, worlds) if skinned else worlds[index]
            # An expression comes before a morph target of its name: it may have parts in several meshes.
            self._add(primitive, mixtures | {name: {i: 1.0} for i, name in enumerate(names or ())}, place)

    def _skin(self, primitive: Any, skin: int, worlds: dict[int, np.ndarray]) -> np.ndarray:
        """(V, 4, 4): each vertex's own mixture of its joints."""
        joints = self._document.array(primitive.attributes.JOINTS_0).astype(np.int64)
        shares = self._document.array(primitive.attributes.WEIGHTS_0)
        shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-9)
        return np.einsum("vk,vkij->vij", shares, self._document.joints(skin, worlds)[joints])

    def _add(self, primitive: Any, mixtures: dict[str, dict[int, float]], place: np.ndarray) -> None:
        """mixtures: a shape's name -> {morph target: weight}. place: (4, 4), or one a vertex."""
        array = self._document.array
        position = array(primitive.attributes.POSITION).astype(np.float64)
        if primitive.indices is None:
            faces = np.arange(len(position)).reshape(-1, 3)
        else:
            faces = array(primitive.indices).astype(np.int64).reshape(-1, 3)
        if faces.size and faces.max() >= len(position):
            raise ValueError(f"a triangle names vertex {faces.max()} of {len(position)}")
        # Primitives may share one list of vertices, and shapes of all of it would be kept for each.
        used, corners = np.unique(faces, return_inverse=True)
        place = place if place.ndim == 2 else place[used]
        turn, shift = place[..., :3, :3], place[..., :3, 3]

        def turned(rows: np.ndarray) -> np.ndarray:
            return rows @ turn.T if turn.ndim == 2 else np.einsum("vij,vj->vi", turn, rows)

        moves = [target.get("POSITION") for target in primitive.targets or []]
        shapes = {}
        for name, mixture in mixtures.items():
            parts = [weight * array(moves[i])[used] for i, weight in mixture.items() if moves[i] is not None]
            if parts:
                shapes[name] = turned(sum(parts))
        faces = corners.reshape(-1, 3)
        if np.linalg.det(turn if turn.ndim == 2 else turn.mean(0)) < 0:
            faces = faces[:, ::-1]  # a mirror turns triangles inside out
        colours = self._colours(primitive, len(position))[used]
        self._pieces.append((turned(position[used]) + shift, faces, colours, shapes))

    def _colours(self, primitive: Any, count: int) -> np.ndarray:
        """(V, 3) uint8 sRGB: the material's colour times the vertices' own times the texture, which glTF says."""
        factor, colour = np.ones(3), np.ones((count, 3))
        material = None if primitive.material is None else self._document.json.materials[primitive.material]
        about = material.pbrMetallicRoughness if material is not None else None
        if about is not None:
            factor = np.array(about.baseColorFactor or (1, 1, 1, 1), np.float64)[:3]
            if about.baseColorTexture is not None:
                colour = self._texture(about.baseColorTexture, primitive, count)
        if primitive.attributes.COLOR_0 is not None:
            colour = colour * self._document.array(primitive.attributes.COLOR_0)[:, :3]
        return encoded(np.clip(colour * factor, 0, 1))

    def _texture(self, texture: Any, primitive: Any, count: int) -> np.ndarray:
        """(V, 3) linear: the picture at each vertex; white where there is none to be had."""
        place = getattr(primitive.attributes, f"TEXCOORD_{texture.texCoord or 0}", None)
        source = self._document.json.textures[texture.index].source
        if place is None or source is None:
            return np.ones((count, 3))
        if self._decode is None:
            self._notes.append("its texture was not read: pip install 'voxmesh[viewer]' and import it again")
            return np.ones((count, 3))
        if source not in self._pictures:
            self._pictures[source] = self._decode(self._document.image(source))
        picture = self._pictures[source]
        uv = np.nan_to_num(self._document.array(place)) % 1.0
        at = np.minimum((uv[:, ::-1] * picture.shape[:2]).astype(int), np.array(picture.shape[:2]) - 1)
        return linear(picture[at[:, 0], at[:, 1]])

    def sculpt(self) -> Sculpt:
        sizes = [len(vertices) for vertices, *_ in self._pieces]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        shapes: dict[str, np.ndarray] = {}
        for start, (vertices, _, _, own) in zip(starts, self._pieces, strict=False):
            for name, delta in own.items():
                whole = shapes.setdefault(name, np.zeros((int(starts[-1]), 3)))
                whole[start : start + len(vertices)] = delta
        vertices, faces, colours = (
            np.concatenate(parts)
            for parts in zip(
                *((v, f + start, c) for start, (v, f, c, _) in zip(starts, self._pieces, strict=False)), strict=True
            )
        )
        return Sculpt(self._document.path, vertices, faces, colours, shapes, tuple(dict.fromkeys(self._notes)))


def _target_names(mesh: Any, primitive: Any) -> list[str] | None:
    """As many names as targets, or None. The standard has no place for them; exporters agree on `targetNames`."""
    for extras in (mesh.extras, primitive.extras):
        names = (extras or {}).get("targetNames")
        if names is not None and len(names) == len(primitive.targets or []):
            return [str(name) for name in names]
    return None


def linear(srgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB to 0..1 linear (IEC 61966-2-1)."""
    share = srgb / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """0..1 linear to uint8 sRGB (IEC 61966-2-1)."""
    share = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(share * 255).astype(np.uint8)
