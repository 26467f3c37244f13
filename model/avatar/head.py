"""Skin and parts put together: one vertex array, one face array, and where each part lies in them. Lengths in cm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from voxmesh.model.avatar.hair import SWEPT, HairStyle, hair
from voxmesh.model.avatar.mesh import Part
from voxmesh.model.avatar.parts import brows, catch_lights, ears, eyeballs, shirt, teeth, tongue
from voxmesh.model.avatar.rings import MOUTH_COLUMNS
from voxmesh.model.avatar.skin import Skin, build_skin

NOSTRIL = np.array([0.62, -3.72, 9.0])


@dataclass(frozen=True)
class Head:
    """vertices (V, 3) cm and faces (F, 3) of the skin, which comes first, and then of every part in turn."""

    skin: Skin
    parts: tuple[Part, ...]
    vertices: np.ndarray
    faces: np.ndarray
    slices: dict[str, slice]

    def zeros(self) -> np.ndarray:
        return np.zeros_like(self.vertices)

    def part(self, name: str) -> Part:
        return next(p for p in self.parts if p.name == name)

    @cached_property
    def mouth_ring(self) -> np.ndarray:
        """(S,) ring number of each skin vertex, -1 off the mouth's grid."""
        ring = np.full(len(self.skin.vertices), -1)
        for k, row in enumerate(self.skin.mouth):
            ring[row] = k
        return ring

    @cached_property
    def mouth_column(self) -> np.ndarray:
        """(S,) column of each skin vertex on the mouth's grid, 0 off it."""
        column = np.zeros(len(self.skin.vertices), int)
        column[self.skin.mouth] = np.arange(MOUTH_COLUMNS)
        return column


def nostril_depth(p: np.ndarray) -> np.ndarray:
    """(N,) 1 in the nostrils, 0 away from them; p (N, 3) cm."""
    q = np.abs(p[:, 0])
    d = (np.c_[q, p[:, 1:]] - NOSTRIL) / [0.34, 0.30, 0.42]
    return np.exp(-1.2 * (d**2).sum(1))


@cache
def base_skin() -> Skin:
    """The skin with its nostrils; built once a process."""
    skin = build_skin()
    skin.vertices[:, 1] += 0.30 * nostril_depth(skin.vertices)
    skin.vertices.setflags(write=False)
    return skin


@cache
def build_head(style: HairStyle = SWEPT, brow_thickness: float = 1.0) -> Head:
    """The head at rest with the given hair and brows; the faces do not depend on either."""
    skin = base_skin()
    mouth = skin.vertices[skin.mouth]
    parts = (
        *(*eyeballs(), *catch_lights(), *teeth(mouth), tongue(mouth)),
        *(*ears(), *brows(brow_thickness), *hair(style), shirt()),
    )
    vertices, faces, slices = [skin.vertices], [skin.faces], {"skin": slice(0, len(skin.vertices))}
    n = len(skin.vertices)
    for part in parts:
        slices[part.name] = slice(n, n + len(part.vertices))
        vertices.append(part.vertices)
        faces.append(part.faces + n)
        n += len(part.vertices)
    return Head(skin, parts, np.concatenate(vertices), np.concatenate(faces), slices)
