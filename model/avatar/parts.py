"""Eyeballs, teeth, tongue, ears, brows and shirt: small parametric grids. Lengths in cm, +X the face's left."""

from __future__ import annotations

import numpy as np

from voxmesh.model.avatar.fields import mirrored, smoothstep
from voxmesh.model.avatar.implicit import EYE, EYE_RADIUS, from_front, outermost
from voxmesh.model.avatar.mesh import Part, facing_away, grid
from voxmesh.model.avatar.rings import CONTACT, MOUTH_COLUMNS, MOUTH_Y

TEETH = 12
TEETH_COLUMNS = 4 * TEETH + 1
TEETH_ROWS = 7
TONGUE_ROWS, TONGUE_COLUMNS = 13, 12
BROW_COLUMNS, BROW_ROWS = 18, 5
SIDES = (("left", 1.0), ("right", -1.0))


def eyeballs() -> list[Part]:
    """Two spheres with a slight cornea: paint in rings of polar angle from pupil to white."""
    degrees = np.array([0, 6, 12.2, 13.2, 18, 23, 27.5, 30.2, 32, 38, 46, 60, 80, 112])
    pupil = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    outer = np.array([0, 0, 0, 0.8, 0.0, 0.25, 1, 0, 0, 0, 0, 0, 0, 0])
    limbal = np.array([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    iris = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    white = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0.93, 1, 1, 0.98, 0.9, 0.75])
    n = 24
    around = 2 * np.pi * np.arange(n) / n
    polar, turn = np.meshgrid(np.radians(degrees), around)
    cornea = 1 + 0.012 * np.cos(np.minimum(polar / np.radians(29), 1) * np.pi / 2)
    x, y, z = np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)
    v = (EYE_RADIUS * cornea)[..., None] * np.stack([x, y, z], -1)

    def spread(ring: np.ndarray) -> np.ndarray:
        return np.tile(ring, n)

    lid_shadow = np.where(spread(iris) > 0, 1 - 0.35 * np.sin(turn).ravel(), 1.0)
    coat = (
        ("sclera", 1.0),
        ("iris", spread(iris)),
        ("iris_outer", spread(outer)),
        ("limbal", spread(limbal)),
        ("pupil", spread(pupil)),
    )
    parts = []
    for side, sign in SIDES:
        p = v.reshape(-1, 3) * [sign, 1, 1] + EYE * [sign, 1, 1]
        faces = facing_away(p, grid(n, len(degrees), wrap_rows=True), EYE * [sign, 1, 1])
        parts.append(Part(f"eyeball_{side}", p, faces, coat, spread(white) * lid_shadow, 0.5 - 0.3 * spread(pupil)))
    return parts


def catch_lights() -> list[Part]:
    """The white spark of the lamp on each cornea. It belongs to the lamp: it stays put when the eyes turn."""
    turn = 2 * np.pi * np.arange(12) / 12
    xy = np.r_[[[0, 0]], np.c_[np.cos(turn), np.sin(turn)]] * 0.2 + [-0.30, 0.36]
    z = np.sqrt((EYE_RADIUS * 1.02) ** 2 - (xy**2).sum(1))
    k = np.arange(12)
    faces = np.c_[np.zeros(12, int), k + 1, (k + 1) % 12 + 1]
    return [
        Part(f"catchlight_{side}", np.c_[xy, z] + EYE * [sign, 1, 1], faces, (("spark", 1.0),), 1.0, 1.0)
        for side, sign in SIDES
    ]


def _arch(name: str, gum: float, edge: float, width: float, front: float, depth: float) -> Part:
    """A row of teeth from gum height to edge height along an elliptic arch."""
    # offset forward cm, height from edge (0) to gum (1), 1 where enamel
    profile = np.array(
        [
            (-0.75, 1.35, 0),
            (-0.1, 1.05, 0),
            (0, 1, 1),
            (0.08, 0.35, 1),
            (0, 0, 1),
            (-0.22, -0.03, 1),
            (-0.5, 0.5, 1),
        ]
    )
    turn = np.radians(np.linspace(-82, 82, TEETH_COLUMNS))
    across = np.abs(np.sin(np.pi * np.linspace(0, TEETH, TEETH_COLUMNS)))
    body = 1 - np.exp(-((across / 0.25) ** 2))  # 0 in the gap between two teeth
    f, b = turn[:, None], body[:, None]
    dz, h, enamel = profile.T
    h = np.where((h < 0.2) & (enamel > 0), h + (1 - b) * 0.03, h)
    r = 1 + (dz - 0.03 * (1 - b) * enamel) / 2.4
    v = np.stack([width * np.sin(f) * r, edge + (gum - edge) * h, front - depth + depth * np.cos(f) * r], -1)
    v = v.reshape(-1, 3)
    faces = facing_away(v, grid(TEETH_COLUMNS, TEETH_ROWS), np.array([0, (gum + edge) / 2, front - depth]))
    tint = np.where(enamel > 0, 0.95 + 0.05 * b, 1.0).ravel()
    gum_paint = np.tile(1 - enamel, TEETH_COLUMNS)
    return Part(name, v, faces, (("tooth", 1.0), ("gum", gum_paint)), tint, 0.25)


def teeth(mouth: np.ndarray) -> list[Part]:
    """Upper and lower rows, set behind the lips of `mouth` (19, 56, 3); the incisors' edges nearly meet."""
    front = mouth[CONTACT, MOUTH_COLUMNS // 4, 2] - 1.15
    return [
        _arch("teeth_upper", MOUTH_Y + 0.62, MOUTH_Y - 0.34, 2.4, front, 2.6),
        _arch("teeth_lower", MOUTH_Y - 1.25, MOUTH_Y - 0.42, 2.2, front - 0.28, 2.4),
    ]


def incisor_edge() -> int:
    """Index within `teeth_upper` of the middle of the left central incisor's lower edge."""
    return (TEETH_COLUMNS // 2 + 2) * TEETH_ROWS + 4


def tongue(mouth: np.ndarray) -> Part:
    """A flattened tube from the throat to behind the lower teeth.

    `extra['along']` (V,) is 0 at the root, 1 at the tip.
    """
    front = mouth[CONTACT, MOUTH_COLUMNS // 4, 2] - 1.15
    u = 1 - (1 - np.linspace(0, 1, TONGUE_ROWS)[:, None]) ** 1.35
    turn = (2 * np.pi * np.arange(TONGUE_COLUMNS) / TONGUE_COLUMNS)[None]
    width = 1.45 * np.sqrt(np.maximum(1 - np.maximum((u - 0.55) / 0.45001, 0) ** 2, 0)) * (0.8 + 0.2 * u) + 0.02
    height = 0.42 * np.sqrt(np.maximum(1 - np.maximum((u - 0.6) / 0.41, 0) ** 2, 0)) + 0.01
    groove = np.where((np.abs(np.cos(turn)) < 0.32) & (np.sin(turn) > 0), 0.75, 1.0)
    x = width * np.cos(turn)
    middle = MOUTH_Y - 1.05 + 0.25 * np.sin(np.pi * u) + 0.22 * smoothstep(0.3, 1.0, u)
    y = middle + height * np.sin(turn) * groove
    z = np.broadcast_to(2.2 + (front - 0.75 - 2.2) * u, x.shape)
    v = np.stack([x, y, z], -1).reshape(-1, 3)
    faces = facing_away(v, grid(TONGUE_ROWS, TONGUE_COLUMNS, wrap_cols=True), v.mean(0))
    along = np.repeat(u.ravel(), TONGUE_COLUMNS)
    return Part("tongue", v, faces, (("tongue", 1.0),), 1.0, 0.15, {"along": along})


# radius: relief (cm) towards the back and top, towards the face, towards the lobe; the last three close the back
_EAR = np.array(
    [
        (0.00, -0.46, -0.46, -0.46),
        (0.22, -0.46, -0.42, -0.40),  # concha
        (0.38, -0.24, 0.02, -0.12),  # on the face's side the tragus
        (0.52, 0.20, 0.10, 0.10),  # antihelix
        (0.64, 0.16, -0.06, 0.18),
        (0.76, 0.00, -0.20, 0.20),  # scapha
        (0.89, 0.32, -0.34, 0.16),  # helix
        (0.97, 0.30, -0.46, 0.07),
        (1.00, 0.08, -0.60, -0.05),
        (0.93, -0.28, -0.70, -0.22),
        (0.75, -0.45, -0.80, -0.40),
        (0.50, -0.90, -0.90, -0.90),
    ]
)


def ears() -> list[Part]:
    """Polar discs with the relief of an ear by radius: concha, antihelix, scapha, helix; a tragus and a lobe."""
    radius, relief, face, lobe = _EAR.T
    n, tilt = 24, np.radians(24)
    back = np.array([np.sin(tilt), 0, -np.cos(tilt)])
    upward = np.array([0.10, 1, -0.16])
    upward /= np.linalg.norm(upward)
    out = np.cross(upward, back)
    out = out if out[0] > 0 else -out
    centre = outermost(np.array([0, -1.3, -1.3]), np.array([[1.0, 0, 0]]))[0] + 0.55 * out + 0.35 * back
    turn = (2 * np.pi * np.arange(n) / n)[:, None]
    ca, sa = np.cos(turn), np.sin(turn)
    u = 1.95 * ca * (1 + 0.16 * sa) * np.where(ca < 0, 0.78, 1.0) + 0.12 * sa
    to_face, to_lobe = smoothstep(0.0, 0.95, -ca), smoothstep(0.40, 0.98, -sa)
    height = (relief * (1 - to_face) + face * to_face) * (1 - to_lobe) + lobe * to_lobe
    offset = (u * radius)[..., None] * back + (2.75 * sa * radius)[..., None] * upward + height[..., None] * out
    v = (centre + offset).reshape(-1, 3)
    hollow = (np.clip((-0.10 - height) / 0.3, 0, 1) * (np.arange(len(radius)) < 5)).ravel()
    parts = []
    for side, sign in SIDES:
        p = v if sign > 0 else mirrored(v)
        rim = facing_away(p, grid(n, len(radius), wrap_rows=True), p.mean(0) - out * [2 * sign, 2, 2])
        parts.append(Part(f"ear_{side}", p, rim, (("ear", 1.0), ("lip", 0.16 * hollow)), 1 - 0.12 * hollow, 0.04))
    return parts


def brows(thickness: float = 1.0) -> list[Part]:
    """Domed strips that lie on the brow ridge, thick at the nose and tapering outward."""
    u = np.linspace(0, 1, BROW_COLUMNS) ** 1.35
    w = np.linspace(-1, 1, BROW_ROWS)
    x = 1.25 + 3.9 * u
    y = 2.62 + 0.62 * np.sin(np.pi * u**1.05 * 0.86) - 0.50 * u
    half = 0.30 * (1 - 0.72 * u**1.6) * np.sqrt(np.minimum(1, u / 0.07 + 0.04)) * thickness
    xy = np.stack([x[:, None] - 0.1 * w, y[:, None] + half[:, None] * w], -1).reshape(-1, 2)
    v = from_front(xy)
    v[:, 2] += 0.20 * np.sqrt(np.tile(1 - w**2, BROW_COLUMNS)) * np.repeat(np.minimum(1, half / 0.25), BROW_ROWS) - 0.05
    parts = []
    for side, sign in SIDES:
        p = v if sign > 0 else mirrored(v)
        faces = facing_away(p, grid(BROW_COLUMNS, BROW_ROWS), np.array([sign * 3.0, 2.5, 0]))
        parts.append(Part(f"brow_{side}", p, faces, (("brow", 1.0),), 1.0, 0.03))
    return parts


def shirt() -> Part:
    """A plain collar and shoulders, open below."""
    n = 36
    # height, half width, half depth, z of the axis: a collar, and shoulders that fall in one curve
    rows = np.array(
        [
            (-13.4, 4.25, 4.05, -2.75),
            (-13.2, 4.55, 4.4, -2.75),
            (-14.2, 5.4, 4.8, -2.8),
            (-15.6, 8.8, 5.6, -2.95),
            (-17.0, 11.55, 6.35, -3.0),
            (-18.0, 12.8, 6.75, -2.95),
            (-19.4, 13.85, 7.1, -2.9),
            (-21.5, 14.8, 7.4, -2.8),
            (-27.0, 15.6, 7.8, -2.6),
        ]
    )
    turn = 2 * np.pi * np.arange(n) / n
    c, s = np.cos(turn), np.sin(turn)
    y, rx, rz, zc = (rows[:, k : k + 1] for k in range(4))
    x = rx * np.sign(c) * np.abs(c) ** 0.85
    collar = smoothstep(-17.0, -13.6, y) * (-0.55 * np.maximum(s, 0) + 0.5 * np.maximum(-s, 0))
    v = np.stack([x, y + collar, zc + rz * s], -1).transpose(1, 0, 2).reshape(-1, 3)
    faces = facing_away(v, grid(n, len(rows), wrap_rows=True), np.array([0, -22.0, -2.8]))
    return Part("shirt", v, faces, (("shirt", 1.0),), 1.0, 0.02)
