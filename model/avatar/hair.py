"""Hair: a shell over the scalp from a hairline given by azimuth, and clumps swept over it. Lengths in cm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from voxmesh.model.avatar.fields import bump, smoothstep, unit
from voxmesh.model.avatar.implicit import CENTRE, from_centre
from voxmesh.model.avatar.mesh import Part, facing_away, grid

COLUMNS, ROWS = 60, 19
LOCKS, LOCK_ROWS, LOCK_COLUMNS = 11, 9, 5
_AZIMUTHS = (0, 20, 38, 52, 64, 76, 86, 97, 108, 120, 135, 155, 180)
_LEFT_LOCKS = 7


@dataclass(frozen=True)
class HairStyle:
    """hairline: its height (cm) at each azimuth of `_AZIMUTHS`, from the forehead to the nape. volume scales the
    shell's thickness. hang: how much of the skull's girth the hair keeps below the ears (0 lies on the neck).
    fringe scales the clumps over the forehead. recede lifts the line over the temples, cm."""

    hairline: tuple[float, ...] = (7.5, 7.25, 6.3, 4.7, 2.0, -0.7, -1.3, 1.3, 1.4, -2.2, -5.2, -6.8, -7.1)
    volume: float = 1.0
    hang: float = 0.0
    fringe: float = 1.0


SWEPT = HairStyle()
CROP = HairStyle((7.4, 7.4, 6.9, 5.2, 2.4, -0.5, -1.1, 1.3, 1.4, -2.2, -5.2, -6.8, -7.1), volume=0.72, fringe=0.62)
BOB = HairStyle(
    (7.5, 7.2, 6.0, 3.9, 1.2, -2.4, -5.6, -7.6, -8.4, -8.9, -9.2, -9.3, -9.3), volume=1.05, hang=0.97, fringe=1.0
)


def _direction(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """(..., 3) for angles in radians: azimuth 0 is the face, positive to its left."""
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], -1)


@cache
def _scalp() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuths (C,), elevations (E,) in radians, scalp points (C, E, 3)."""
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    elevation = np.radians(np.linspace(-62, 89.5, 140))
    d = _direction(*np.meshgrid(azimuth, elevation, indexing="ij"))
    return azimuth, elevation, from_centre(d.reshape(-1, 3)).reshape(*d.shape)


def _shell(style: HairStyle) -> Part:
    azimuth, elevation, scalp = _scalp()
    line = PchipInterpolator(np.radians(_AZIMUTHS), style.hairline)
    tilt = 0.55 * np.sin(azimuth * 1.6) * np.maximum(np.cos(azimuth * 0.95), 0) * (np.abs(azimuth) < 1.6)
    wave = 0.16 * np.abs(np.sin(5.2 * azimuth + 0.6)) * smoothstep(0.0, 0.25, 1.15 - np.abs(azimuth))
    height = line(np.abs(azimuth)) - style.fringe * (tilt - wave)

    above = scalp[:, :, 1] - height[:, None]
    start = np.empty(COLUMNS)
    for c in range(COLUMNS):
        k = max(int(np.argmax(above[c] > 0)), 1)
        a, b = above[c, k - 1], above[c, k]
        start[c] = elevation[k - 1] + (elevation[k] - elevation[k - 1]) * np.clip(-a / (b - a + 1e-9), 0, 1)
    t = (np.linspace(0, 1, ROWS) ** 1.1)[None]
    el = start[:, None] + (np.pi / 2 - start[:, None]) * t
    az = np.broadcast_to(azimuth[:, None], el.shape)
    d = _direction(az, el)
    p = from_centre(d.reshape(-1, 3)).reshape(d.shape)

    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    rise = y - height[:, None]
    back = smoothstep(np.radians(80), np.radians(130), np.abs(az))
    off_crown = 1 - smoothstep(0.55, 0.95, t)
    front = smoothstep(3.5, 7, z)
    around = np.arctan2(x + 2.6, z + 1.0)
    # No finer than the grid can hold: strands of fewer than six columns would show as facets.
    strands = np.sin(7 * around + 1.3 * np.sin(2 * around) + 0.22 * y) + 0.45 * np.sin(10 * around - 0.3 * y + 1)
    parting = bump(x, -2.6, 0.55) * smoothstep(6, 8, y) * smoothstep(-2, 2, z)
    quiff = 0.55 * bump(y, 8.8, 1.7) * (1 + 0.45 * off_crown * np.sin(az * 1.5 + 0.3))
    thick = (0.70 + 0.30 * back * off_crown) * np.sqrt(smoothstep(0, 1.4, rise)) + 1.0 * smoothstep(2, 11, y)
    thick += front * smoothstep(0, 1, rise) * quiff
    thick = style.volume * thick - 0.14
    thick += 0.10 * smoothstep(0.3, 2.2, rise) * strands * off_crown - 0.30 * parting * smoothstep(0, 1, rise)
    p = p + d * thick[..., None]
    if style.hang:  # below the ears the hair falls straight instead of following the neck
        flat = p[..., [0, 2]] - [0, -1.0]
        r = np.linalg.norm(flat, axis=-1)
        e = flat / np.maximum(r, 1e-9)[..., None]
        girth = style.hang / np.sqrt((e[..., 0] / 8.5) ** 2 + (e[..., 1] / 9.6) ** 2)
        girth = girth * (1 + 0.03 * bump(p[..., 1], -4.0, 2.5) - 0.20 * smoothstep(-4.0, -9.5, p[..., 1]))
        low = smoothstep(3.0, -1.0, p[..., 1]) * smoothstep(1.05, 1.5, np.abs(az))
        low = low * np.sqrt(smoothstep(-0.05, 0.5, rise))
        wanted = r + np.maximum(girth - r, 0) * low
        p[..., [0, 2]] = [0, -1.0] + e * wanted[..., None]
        loose = smoothstep(0.0, -4.0, p[:, 1:-1, 1:2])
        for _ in range(4):  # round the hem
            along = 0.5 * (p[:, :-2] + p[:, 2:])
            around = 0.5 * (np.roll(p, 1, 0) + np.roll(p, -1, 0))[:, 1:-1]
            p[:, 1:-1] += 0.4 * loose * (along + around - 2 * p[:, 1:-1])
    v = p.reshape(-1, 3)
    faces = facing_away(v, grid(COLUMNS, ROWS, wrap_rows=True), CENTRE)
    tint = (1 + 0.16 * strands * off_crown - 0.30 * parting).ravel()
    return Part("hair", v, faces, (("hair", 1.0),), tint, 0.035)


def _lock(start: tuple, middle: tuple, end: tuple, width: float, height: float, lift: np.ndarray) -> np.ndarray:
    """One clump (LOCK_ROWS * LOCK_COLUMNS, 3): a half tube along a curve on the scalp; angles in degrees."""
    u = np.linspace(0, 1, LOCK_ROWS)[:, None]
    a, b, c = (_direction(*np.radians(np.array(q, float))) for q in (start, middle, end))
    d = unit((1 - u) ** 2 * a + 2 * u * (1 - u) * b + u * u * c)
    u = u[:, 0]
    p = from_centre(d) + d * (lift[0] + (lift[1] - lift[0]) * u + 0.35 * np.sin(np.pi * u))[:, None]
    along = unit(np.gradient(p, axis=0))
    across = unit(np.cross(along, d))
    up = np.cross(across, along)
    taper = np.sqrt(np.minimum(0.10 + u / 0.3, 1)) * (1 - u**2.6) ** 0.75 + 0.02  # soon full, and out to a point
    turn = np.pi * np.arange(LOCK_COLUMNS) / (LOCK_COLUMNS - 1)
    side = (width * taper)[:, None] * np.cos(turn)
    rise = (height * taper)[:, None] * np.sin(turn) - 0.15
    v = p[:, None] + side[..., None] * across[:, None] + rise[..., None] * up[:, None]
    return v.reshape(-1, 3)


def _locks(style: HairStyle) -> Part:
    lift = np.array([0.75 * style.volume, 0.15])
    k = style.fringe
    vertices, faces, tints = [], [], []
    for i in range(LOCKS):
        j = i - _LEFT_LOCKS
        if j < 0:
            path = ((-21, 55 + 4.2 * i), (8 + 9 * i, 57 + 3.2 * i), (44 + 7.5 * i, 37 - 4.0 * i))
            width, height, sunk = 1.45, 0.55 * k, smoothstep(3.5, 6.0, i)
        else:
            path = ((-22, 55 + 6 * j), (-38 - 6 * j, 51 + 3 * j), (-55 - 8 * j, 32 - 6 * j))
            width, height, sunk = 1.35, 0.45 * k, smoothstep(0.5, 3.0, j)
        v = _lock(*path, width, height, lift - 0.5 * sunk)  # the rearmost ones vanish in the shell
        f = facing_away(v, grid(LOCK_ROWS, LOCK_COLUMNS), CENTRE)
        vertices.append(v)
        faces.append(f + i * LOCK_ROWS * LOCK_COLUMNS)
        edge = np.abs(np.cos(np.pi * np.arange(LOCK_COLUMNS) / (LOCK_COLUMNS - 1)))
        tints.append(np.tile(1.09 + 0.10 * ((i * 7) % 3 - 1) - 0.34 * edge**2, LOCK_ROWS))
    return Part("locks", np.concatenate(vertices), np.concatenate(faces), (("hair", 1.0),), np.concatenate(tints), 0.05)


@cache
def hair(style: HairStyle = SWEPT) -> tuple[Part, Part]:
    """Shell and clumps. The faces are the same for every style."""
    return _shell(style), _locks(style)
