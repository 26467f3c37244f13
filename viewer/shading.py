"""Light on a face: lit vertex colours from vertices, in NumPy, once a frame.

Open3D's own lights follow the camera, which leaves black rims and hot spots, so the light is computed here and the
renderer only interpolates colours. The arrays are kept as rows (3, V), because a row of one channel is contiguous.
"""

from __future__ import annotations

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology
from voxmesh.viewer.shadow import key_visibility

KEY = (-0.45, 0.55, 0.75)
"""Direction to the key light (x, y, z), not normalised: above, in front, to the viewer's left."""

_FILL = (0.80, 0.15, 0.55)
_RIM = (0.5, 0.5, -0.6)
_GAMMA = 2.2
_EXPOSURE = 1.18
_SHADOW = 0.75
"""How much of the key light its shadow takes."""
_GLOSS_MAX = 0.5
"""Highlight strength that gloss 255 stands for (an eye); lips are at 0.22, skin at 0.05."""


class Shader:
    """Lights one topology. Holds what does not change between frames; `colors` has no state of its own.

    topology: anything with `template`, `faces`, `albedo`, `occlusion` and `gloss` as `voxmesh.stream.topology` says.
    A vertex that is white in albedo, with occlusion and gloss 255 (a catch-light), is drawn white and unlit.

    Raises VoxmeshError if the arrays of the look do not have one row a vertex.
    """

    def __init__(self, topology: Topology) -> None:
        count = len(topology.template)
        for name in ("albedo", "occlusion", "gloss"):
            rows = len(getattr(topology, name))
            if rows != count:
                raise VoxmeshError(f"{name} has {rows} rows for {count} vertices; give one row a vertex")
        self.vertices = count
        self.normals_of = Normals(topology.faces, count)

        albedo = (np.asarray(topology.albedo, np.float32).T / 255) ** _GAMMA
        occlusion = np.ascontiguousarray(np.asarray(topology.occlusion, np.float32).T / 255)
        gloss = np.asarray(topology.gloss, np.float32) / 255
        self._unlit = np.flatnonzero(
            (np.asarray(topology.albedo) == 255).all(1)
            & (np.asarray(topology.occlusion) == 255).all(1)
            & (np.asarray(topology.gloss) == 255)
        )
        skin = _skin(albedo)

        # Light that enters skin comes out a little further on, red furthest: at the terminator red wraps more than
        # blue. Everything that does not scatter wraps evenly.
        wrap = 0.35 + np.array([[0.13], [-0.06], [-0.11]], np.float32) * skin
        warm = np.array([[1.0], [0.965], [0.91]], np.float32)
        # The key light is less hidden by what is near than the sky is: keep some of it in the hollows.
        self._key = albedo * (0.40 + 0.60 * occlusion) * warm * (0.86 * _EXPOSURE) * self._shadow(topology, skin)
        self._key_slope = 1 / (1 + wrap)
        self._key_offset = wrap / (1 + wrap)
        cool = np.array([[0.62], [0.72], [0.92]], np.float32)
        self._fill = albedo * occlusion * cool * (0.22 * _EXPOSURE)
        sky = np.array([[0.80], [0.88], [1.0]], np.float32) * 0.26
        ground = np.array([[0.95], [0.70], [0.58]], np.float32) * 0.16
        self._hemi_mean = albedo * occlusion * (sky + ground) * (0.5 * _EXPOSURE)
        self._hemi_slope = albedo * occlusion * (sky - ground) * (0.5 * _EXPOSURE)
        tint = np.array([[1.0], [0.93], [0.88]], np.float32)
        self._rim = tint * occlusion * 0.15
        mean_occlusion = occlusion.mean(0)
        self._shine = gloss * _GLOSS_MAX * mean_occlusion
        self._sheen = skin * 0.035 * mean_occlusion

    def _shadow(self, topology: Topology, skin: np.ndarray) -> np.ndarray:
        """(3, V): what the key light's shadow leaves of it. On skin, light bleeds in, red most."""
        template = np.asarray(topology.template, np.float64)
        normals = self.normals_of(np.ascontiguousarray(template.T, np.float32)).T
        hidden = 1 - key_visibility(template, np.asarray(topology.faces), normals, _direction(KEY))
        depth = _SHADOW * (1 - np.array([[0.25], [0.02], [0.0]]) * skin)
        return (1 - depth * hidden).astype(np.float32)

    def colors(self, vertices: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """Colours of a pose seen from `eye`.

        vertices: (V, 3) metres. eye: (3,) the camera's position, metres.
        Returns (V, 3) float32 sRGB in 0..1. Raises VoxmeshError if the number of vertices is not the topology's.
        """
        if np.shape(vertices) != (self.vertices, 3):
            raise VoxmeshError(
                f"vertices have shape {np.shape(vertices)}, the topology wants ({self.vertices}, 3); "
                "send frames of the same mesh as the topology"
            )
        position = np.ascontiguousarray(np.asarray(vertices, np.float32).T)
        normal = self.normals_of(position)
        view = np.asarray(eye, np.float32)[:, None] - position
        view *= _inverse_length(view)
        key, fill, rim = (_direction(d) for d in (KEY, _FILL, _RIM))

        toward_key = key @ normal
        light = np.clip(toward_key * self._key_slope + self._key_offset, 0, 1)
        light *= light  # A wrapped light that starts without an edge.
        # Square and linear, mixed: the square alone would leave too little between terminator and full light.
        light *= 0.35
        light += 0.65 * np.clip(toward_key * self._key_slope + self._key_offset, 0, 1)
        out = light
        out *= self._key
        out += self._fill * np.clip((fill @ normal + 0.5) / 1.5, 0, 1)
        out += self._hemi_mean
        out += self._hemi_slope * normal[1]

        facing = np.clip(np.einsum("cv,cv->v", normal, view), 0, 1)
        grazing = (1 - facing) ** 3
        out += self._rim * (grazing * np.clip((rim @ normal) * 0.6 + 0.5, 0, 1))

        half = view + key[:, None]
        half *= _inverse_length(half)
        shine = np.clip(np.einsum("cv,cv->v", normal, half), 0, 1)
        broad = shine**10
        out += self._shine * broad**4 + self._sheen * broad

        out = 1.10 * out / (1 + 0.12 * out)
        np.clip(out, 0, 1, out=out)
        np.power(out, np.float32(1 / _GAMMA), out=out)
        out[:, self._unlit] = 1
        return np.ascontiguousarray(out.T)


class Normals:
    """Vertex normals of one mesh: face normals, weighted by area, summed at their corners.

    faces: (F, 3) integers. vertices: how many there are.
    Raises VoxmeshError if a face names a vertex that is not there.
    """

    def __init__(self, faces: np.ndarray, vertices: int) -> None:
        corners = np.asarray(faces, np.intp)
        if corners.ndim != 2 or corners.shape[1] != 3 or not len(corners):
            raise VoxmeshError(f"faces have shape {corners.shape}; give triangles, (F, 3)")
        if corners.min() < 0 or corners.max() >= vertices:
            raise VoxmeshError(
                f"faces name vertices {corners.min()} to {corners.max()} of {vertices}; faces and vertices do not match"
            )
        self._corners = np.ascontiguousarray(corners.T)
        # Corners sorted by vertex, so that each vertex's faces lie in one run and one reduceat sums them all.
        flat = corners.reshape(-1)
        order = np.argsort(flat, kind="stable")
        self._face_of_corner = order // 3
        self._used, self._starts = np.unique(flat[order], return_index=True)
        self._vertices = vertices

    def __call__(self, position: np.ndarray) -> np.ndarray:
        """position: (3, V) float32, any unit. Returns (3, V) float32, unit length; (0, 0, 0) where no face touches."""
        a, b, c = (np.take(position, corner, axis=1) for corner in self._corners)
        b -= a
        c -= a
        out = np.zeros((3, self._vertices), np.float32)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face = b[i] * c[j] - b[j] * c[i]
            out[k, self._used] = np.add.reduceat(face[self._face_of_corner], self._starts)
        out *= _inverse_length(out)
        return out


def _direction(xyz: tuple[float, float, float]) -> np.ndarray:
    vector = np.array(xyz, np.float32)
    return vector / np.linalg.norm(vector)


def _inverse_length(rows: np.ndarray) -> np.ndarray:
    """1 / length of each column of (3, V), large but finite at zero length."""
    return 1 / np.sqrt(np.maximum(np.einsum("cv,cv->v", rows, rows), np.float32(1e-24)))


def _skin(albedo: np.ndarray) -> np.ndarray:
    """How much each surface looks like skin, from its linear colour (3, V): 1 warm and not too dark, 0 otherwise."""
    red, green, blue = albedo
    warm = np.clip((red - blue) / np.maximum(red, 1e-6) / 0.4, 0, 1) * (red >= green)
    return (warm * np.clip((red - 0.02) / 0.12, 0, 1)).astype(np.float32)
