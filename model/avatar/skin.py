"""The skin as one mesh: the ring grids sewn into an even fill of the rest of the head. Lengths in cm.

The fill is blue noise by dart throwing (Cook 1986) on one half, relaxed towards the mean of its neighbours on the
implicit surface, mirrored, and triangulated as the convex hull of the directions from `CENTRE`, which is Delaunay on
the sphere. Only triangles of the +X half are kept and then mirrored, so the topology is exactly symmetric.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import ConvexHull, cKDTree

from voxmesh.model.avatar.fields import mirrored, smoothstep, unit
from voxmesh.model.avatar.implicit import CENTRE, from_centre, outermost
from voxmesh.model.avatar.rings import (
    EYE_COLUMNS,
    EYE_RINGS,
    MOUTH_COLUMNS,
    MOUTH_RINGS,
    MOUTH_Y,
    eye_rings,
    mouth_rings,
)

NECK_COLUMNS = 44
SEED = 1
RELAXATIONS = 14


@dataclass(frozen=True)
class Skin:
    """vertices (V, 3) cm; faces (F, 3); mouth (19, 56), eye_left and eye_right (10, 40): vertex indices of the rings;
    throat: the one vertex that closes the cavity; mirror (V,): the vertex on the other side."""

    vertices: np.ndarray
    faces: np.ndarray
    mouth: np.ndarray
    eye_left: np.ndarray
    eye_right: np.ndarray
    throat: int
    mirror: np.ndarray

    def ring(self, name: str) -> np.ndarray:
        """Vertex indices (56,) of a mouth ring by its name in `MOUTH_RINGS`."""
        return self.mouth[MOUTH_RINGS.index(name)]

    def eye(self, side: str) -> np.ndarray:
        return self.eye_left if side == "Left" else self.eye_right


def spacing(p: np.ndarray) -> np.ndarray:
    """Wanted edge length (N,) cm at p (N, 3): fine on the face, finer on the nose, coarse behind."""
    front = smoothstep(-1, 5, p[:, 2]) * smoothstep(-12, -9, p[:, 1]) * (1 - smoothstep(4, 8, p[:, 1]))
    nose = np.exp(-((p[:, 0] / 1.9) ** 2) - ((p[:, 1] + 2.6) / 1.9) ** 2) * (p[:, 2] > 6)
    return 1.02 - 0.52 * front - 0.20 * nose


def inside_polygon(xy: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(N,) bool by the even-odd rule."""
    x, y = xy[:, 0], xy[:, 1]
    inside = np.zeros(len(xy), bool)
    for a, b in zip(polygon, np.roll(polygon, 1, 0), strict=True):
        cross = (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1] + 1e-12) + a[0]
        inside ^= ((a[1] > y) != (b[1] > y)) & (x < cross)
    return inside


def edges_of(faces: np.ndarray) -> np.ndarray:
    """(E, 2) each edge once."""
    return np.unique(np.sort(np.r_[faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]], 1), axis=0)


def neighbour_mean(faces: np.ndarray, n: int) -> csr_matrix:
    """(n, n) matrix that replaces each value by the mean of its neighbours' values."""
    e = edges_of(faces)
    a = csr_matrix((np.ones(2 * len(e)), (np.r_[e[:, 0], e[:, 1]], np.r_[e[:, 1], e[:, 0]])), shape=(n, n))
    degree = np.maximum(np.asarray(a.sum(1)).ravel(), 1)
    return csr_matrix((a.data / np.repeat(degree, np.diff(a.indptr)), a.indices, a.indptr), shape=(n, n))


def _midline(mouth: np.ndarray) -> np.ndarray:
    angle = np.linspace(-np.pi, np.pi, 4000)
    p = from_centre(np.c_[0 * angle, np.cos(angle), np.sin(angle)])
    p[:, 0] = 0.0
    p = p[(p[:, 1] > -15.9) & ~(inside_polygon(p[:, :2], mouth[:, :2]) & (p[:, 2] > 3))]
    kept = [p[0]]
    for q, h in zip(p[1:], spacing(p[1:]) * 0.95, strict=True):
        if np.linalg.norm(q - kept[-1]) > h:
            kept.append(q)
    line = np.array(kept)
    return line[np.min(np.linalg.norm(line[:, None] - mouth, axis=-1), 1) > 0.3]


def _candidates(rng: np.random.Generator) -> np.ndarray:
    """Surface points (N, 3) of the +X half to throw: everywhere, more below the chin and on the face."""
    everywhere = rng.normal(size=(24000, 3))
    a, b = rng.uniform(0, 0.8, 4000), rng.uniform(0, np.pi, 4000)
    below = np.c_[np.sin(a) * np.sin(b), -np.cos(a), np.sin(a) * np.cos(b)]
    face = rng.normal(size=(9000, 3)) * 0.35 + [0, -0.1, 1]
    d = np.r_[everywhere, below, face]
    d[:, 0] = np.abs(d[:, 0])
    p = from_centre(d[rng.permutation(len(d))])
    return p[(p[:, 1] > -15.6) & (p[:, 0] > 0.30)]


def _throw(mouth: np.ndarray, eye: np.ndarray, midline: np.ndarray) -> np.ndarray:
    """Dart throwing: points (N, 3) no nearer to each other, the rings and the midline than `spacing` asks."""

    def edge(ring: np.ndarray) -> np.ndarray:
        step = np.linalg.norm(ring - np.roll(ring, 1, 0), axis=1)
        return np.maximum(1.25 * np.maximum(step, np.roll(step, -1)), 0.33)

    p = _candidates(np.random.default_rng(SEED))
    taken = (inside_polygon(p[:, :2], mouth[:, :2]) | inside_polygon(p[:, :2], eye[:, :2])) & (p[:, 2] > 3)
    p = p[~taken]
    fixed, rings = np.r_[mouth, eye, midline], MOUTH_COLUMNS + EYE_COLUMNS
    points = np.empty((6000, 3))
    reach = np.empty(6000)
    first = n = len(fixed)
    points[:n], reach[:n] = fixed, 0.8 * np.r_[edge(mouth), edge(eye), spacing(midline)]
    for q, h in zip(p, spacing(p) * 0.80, strict=True):
        if q[0] < 0.5 * h:
            continue
        other = reach[:n].copy()
        other[rings:] = np.minimum(other[rings:], h)
        gap = points[:n] - q
        if (np.einsum("ij,ij->i", gap, gap) < (0.5 * (h + other)) ** 2).any():
            continue
        points[n], reach[n] = q, h
        n += 1
    return points[first:n].copy()


class _Fill:
    """The fixed points, and the triangulation for given free points of one half."""

    def __init__(self, mouth: np.ndarray, eye: np.ndarray) -> None:
        self.mouth, self.eye = mouth[-1], eye[-1]
        helpers = [mouth[-2], eye[-2], mirrored(eye[-2]), mouth[10], eye[2], mirrored(eye[2])]
        self.helpers = np.concatenate(helpers)
        self.midline = _midline(self.mouth)
        turn = 2 * np.pi * np.arange(NECK_COLUMNS) / NECK_COLUMNS
        flat = np.c_[np.sin(turn), 0 * turn, np.cos(turn)]
        self.neck = outermost(np.array([0, -15.9, -2.5]), flat)
        self.start = MOUTH_COLUMNS + 2 * EYE_COLUMNS + len(self.midline)

    def vertices(self, free: np.ndarray) -> np.ndarray:
        fixed = [self.mouth, self.eye, mirrored(self.eye), self.midline]
        return np.concatenate([*fixed, free, mirrored(free), self.neck])

    def triangulate(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vertices = self.vertices(free)
        n = len(vertices)
        points = np.r_[vertices, self.helpers]
        d = unit(points - CENTRE)
        faces = ConvexHull(d).simplices.copy()
        normal = np.cross(d[faces[:, 1]] - d[faces[:, 0]], d[faces[:, 2]] - d[faces[:, 0]])
        inward = (normal * d[faces].mean(1)).sum(1) < 0
        faces[inward] = faces[inward][:, ::-1]
        group = np.full(len(points), -1)
        starts = np.cumsum([0, MOUTH_COLUMNS, EYE_COLUMNS, EYE_COLUMNS])
        for g, (a, b) in enumerate(itertools.pairwise(starts)):
            group[a:b] = g
        group[n - NECK_COLUMNS : n] = 9
        f = group[faces]
        hole = (f[:, 0] >= 0) & (f[:, 0] == f[:, 1]) & (f[:, 0] == f[:, 2])
        return vertices, faces[~hole & (faces < n).all(1)]

    def relax(self, free: np.ndarray) -> np.ndarray:
        vertices, faces = self.triangulate(free)
        part = slice(self.start, self.start + len(free))
        mean = (neighbour_mean(faces, len(vertices)) @ vertices)[part]
        moved = from_centre(0.45 * free + 0.55 * mean - CENTRE)
        nearest = np.min(np.linalg.norm(moved[:, None] - self.midline, axis=-1), 1)
        keep_off = np.where(nearest < 1.2, 0.5 * spacing(moved), 0.0)
        moved[:, 0] = np.maximum(moved[:, 0], keep_off)
        return moved


def strip(inner: np.ndarray, outer: np.ndarray, flip: bool = False) -> np.ndarray:
    """Triangles (2N, 3) between two closed rings of N vertex indices."""
    a, b = inner, outer
    a1, b1 = np.roll(a, -1), np.roll(b, -1)
    faces = np.r_[np.c_[a, b, b1], np.c_[a, b1, a1]]
    return faces[:, ::-1] if flip else faces


def _mirror_strip(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """A strip over mouth rings whose diagonals are mirror images: the right half copies the left one."""
    n = len(inner)
    opposite = (n // 2 - np.arange(n)) % n
    half = strip(inner, outer)
    column = np.r_[np.arange(n), np.arange(n)]
    left = half[(column < n // 4) | (column >= 3 * n // 4)]
    swap = {int(v): int(w) for ring in (inner, outer) for v, w in zip(ring, ring[opposite], strict=True)}
    right = np.vectorize(swap.__getitem__)(left)[:, ::-1]
    return np.r_[left, right]


def build_skin() -> Skin:
    """The skin at rest. Deterministic; about 5 s."""
    mouth, eye = mouth_rings(), eye_rings()
    fill = _Fill(mouth, eye)
    free = _throw(fill.mouth, fill.eye, fill.midline)
    for _ in range(RELAXATIONS):
        free = fill.relax(free)
    vertices, triangles = fill.triangulate(free)
    keep = (vertices[triangles][:, :, 0] > -1e-9).all(1)
    image = _mirror_index(vertices)
    triangles = np.r_[triangles[keep], image[triangles[keep]][:, ::-1]]

    points, faces, n = [vertices], [triangles], len(vertices)
    mouth_index = np.empty((len(MOUTH_RINGS), MOUTH_COLUMNS), int)
    mouth_index[-1] = np.arange(MOUTH_COLUMNS)
    for k in range(len(MOUTH_RINGS) - 1):
        mouth_index[k] = n + np.arange(MOUTH_COLUMNS)
        points.append(mouth[k])
        n += MOUTH_COLUMNS
    throat = n
    points.append(np.array([[0, MOUTH_Y + 0.1, 0.7]]))
    n += 1
    faces += [_mirror_strip(a, b) for a, b in itertools.pairwise(mouth_index)]
    first = mouth_index[0]
    faces.append(np.c_[np.full(MOUTH_COLUMNS, throat), first, np.roll(first, -1)])
    eyes = []
    for k, sign in enumerate((1, -1)):
        index = np.empty((len(EYE_RINGS), EYE_COLUMNS), int)
        index[-1] = MOUTH_COLUMNS + k * EYE_COLUMNS + np.arange(EYE_COLUMNS)
        for r in range(len(EYE_RINGS) - 1):
            index[r] = n + np.arange(EYE_COLUMNS)
            points.append(eye[r] * [sign, 1, 1])
            n += EYE_COLUMNS
        faces += [strip(a, b, flip=sign < 0) for a, b in itertools.pairwise(index)]
        eyes.append(index)
    v = np.concatenate(points)
    image = _mirror_index(v)
    across = (MOUTH_COLUMNS // 2 - np.arange(MOUTH_COLUMNS)) % MOUTH_COLUMNS
    image[mouth_index] = mouth_index[:, across]  # by column, because the lips coincide
    v = 0.5 * (v + mirrored(v[image]))
    return Skin(v, np.concatenate(faces), mouth_index, eyes[0], eyes[1], throat, image)


def _mirror_index(v: np.ndarray) -> np.ndarray:
    """(V,) index of each vertex's mirror image."""
    distance, index = cKDTree(v).query(mirrored(v))
    if distance.max() > 1e-4:
        raise AssertionError(f"the mesh is not symmetric: {distance.max():.2g} cm")
    return index
