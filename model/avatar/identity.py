"""Sixteen people: one set of numbers each, turned into a warp of space, a lip profile and a palette. Lengths in cm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from voxmesh.model.avatar.fields import bump, smoothstep
from voxmesh.model.avatar.hair import BOB, CROP, SWEPT, HairStyle
from voxmesh.model.avatar.implicit import EYE
from voxmesh.model.avatar.look import Colour


class Complexion(NamedTuple):
    """Colours that go together on one skin."""

    skin: Colour = (0.93, 0.725, 0.61)
    lip: Colour = (0.80, 0.42, 0.41)
    blush: Colour = (0.93, 0.50, 0.44)


_WARM = Complexion()


@dataclass(frozen=True)
class Traits:
    """What makes a person. All shape numbers are 0 in the default face; `width`, `height`, `neck`, `nose_width`,
    `mouth_width`, `jaw_width`, `eye_size`, `ear_size` and `lip_fullness` are relative, `eye_tilt` is in degrees,
    the rest in cm. stubble 0..1 is how much a beard's shadow shows."""

    name: str
    width: float = 0.0
    height: float = 0.0
    jaw_width: float = 0.0
    chin_length: float = 0.0
    chin_forward: float = 0.0
    cheeks: float = 0.0
    nose_length: float = 0.0
    nose_width: float = 0.0
    nose_forward: float = 0.0
    bridge: float = 0.0
    eye_spacing: float = 0.0
    eye_size: float = 0.0
    eye_tilt: float = 0.0
    lip_fullness: float = 0.0
    mouth_width: float = 0.0
    brow_height: float = 0.0
    brow_ridge: float = 0.0
    brow_thickness: float = 1.0
    forehead: float = 0.0
    crown: float = 0.0
    ear_size: float = 0.0
    neck: float = 0.0
    shoulders: float = 0.0
    hair_style: HairStyle = SWEPT
    complexion: Complexion = _WARM
    hair: Colour = (0.30, 0.18, 0.12)
    iris: Colour = (0.42, 0.58, 0.55)
    shirt: Colour = (0.33, 0.46, 0.56)
    brow: Colour | None = None
    stubble: float = 0.0

    def palette(self) -> dict[str, Colour]:
        """Every colour that the paint asks for; what a person does not name follows from skin, hair and iris."""
        skin, iris, hair = np.array(self.complexion.skin), np.array(self.iris), np.array(self.hair)
        brow = np.array(self.brow) if self.brow else 0.80 * hair + 0.10 * skin * np.array([0.6, 0.45, 0.4])
        return {
            **self.complexion._asdict(),
            "hair": self.hair,
            "iris": self.iris,
            "shirt": self.shirt,
            "brow": tuple(np.minimum(brow, 0.62)),
            "iris_outer": tuple(iris * np.array([0.42, 0.58, 0.66])),
            "stubble": tuple(skin * (1 - self.stubble) + self.stubble * (0.45 * skin + 0.25 * hair)),
            "ear": tuple(skin * np.array([0.985, 0.95, 0.945])),
            "lash": tuple(0.10 * skin * np.array([1.0, 0.7, 0.6]) + np.array([0.05, 0.03, 0.025])),
        }


def warp(p: np.ndarray, t: Traits) -> np.ndarray:
    """p (..., 3) cm moved into the person's shape. Mirror-symmetric; a similarity within 2.2 cm of each eye's centre,
    so that eyeballs stay spheres and lids keep their clearance."""
    sign = np.where(p[..., :1] < 0, -1.0, 1.0)
    q = p * np.concatenate([sign, np.ones_like(sign), np.ones_like(sign)], -1)
    moved = q + _displacement(q, t)
    centre = EYE + _displacement(EYE[None], t)[0] + [t.eye_spacing, 0, 0]
    a = np.radians(t.eye_tilt)
    turn = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    rigid = centre + (1 + t.eye_size) * (q - EYE) @ turn
    hold = 1 - smoothstep(2.2, 4.2, np.linalg.norm(q - EYE, axis=-1))
    out = moved + hold[..., None] * (rigid - moved)
    # the nose's bridge lies between the eyes: keep the plane of symmetry a plane
    out[..., 0] = np.where(q[..., 0] < 1e-12, q[..., 0], out[..., 0])
    out[..., 0] *= sign[..., 0]
    return out


def _displacement(p: np.ndarray, t: Traits) -> np.ndarray:
    """(..., 3) cm for p (..., 3) with x >= 0: scaling of the whole and broad Gaussian fields over it."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    d = np.zeros_like(p)
    head = smoothstep(-15.0, -11.0, y)
    front = smoothstep(0.0, 5.0, z)
    d[..., 0] += t.width * x * head
    d[..., 1] += t.height * (y + 2.0) * smoothstep(-12.0, -9.0, y)

    jaw = bump(y, -7.2, 3.4) * head * smoothstep(-6, 0, z)
    d[..., 0] += t.jaw_width * x * jaw
    chin = bump(x, 0, 3.2) * bump(y, -9.4, 2.3) * front
    d[..., 1] -= t.chin_length * chin
    d[..., 2] += t.chin_forward * chin
    cheek = bump(x, 4.2, 2.2) * bump(y, -3.6, 2.2) * front
    d[..., 0] += 0.7 * t.cheeks * cheek
    d[..., 2] += 0.5 * t.cheeks * cheek

    nose = bump(x, 0, 1.8) * bump(y, -3.0, 1.7) * smoothstep(6.0, 8.6, z)
    d[..., 0] += t.nose_width * x * nose
    d[..., 1] -= t.nose_length * nose
    d[..., 2] += t.nose_forward * nose
    d[..., 2] += t.bridge * bump(x, 0, 1.0) * bump(y, -0.4, 1.7) * smoothstep(5.0, 8.0, z)

    mouth = bump(x, 0, 4.0) * bump(y, -6.0, 2.0) * smoothstep(3.5, 6.5, z)
    d[..., 0] += t.mouth_width * x * mouth

    brow = bump(x, 2.4, 2.8) * bump(y, 3.0, 1.7) * front
    d[..., 1] += t.brow_height * brow
    d[..., 2] += t.brow_ridge * bump(x, 2.2, 2.6) * bump(y, 2.5, 1.3) * front
    d[..., 2] += t.forehead * bump(x, 0, 5.0) * bump(y, 6.0, 3.2) * front
    d[..., 1] += t.crown * smoothstep(3.0, 12.0, y)

    throat = smoothstep(-8.5, -12.0, y) * smoothstep(-20.0, -14.5, y)
    d[..., 0] += t.neck * x * throat
    d[..., 2] += t.neck * (z + 2.5) * throat
    d[..., 0] += t.shoulders * x * smoothstep(-14.0, -18.0, y)
    return d


_FAIR = Complexion((0.955, 0.79, 0.70), (0.83, 0.47, 0.47), (0.95, 0.56, 0.52))
_ROSY = Complexion((0.94, 0.745, 0.645), (0.80, 0.43, 0.43), (0.93, 0.48, 0.44))
_OLIVE = Complexion((0.85, 0.655, 0.51), (0.70, 0.39, 0.36), (0.83, 0.47, 0.38))
_GOLDEN = Complexion((0.90, 0.71, 0.55), (0.76, 0.42, 0.38), (0.88, 0.50, 0.40))
_TAN = Complexion((0.76, 0.555, 0.42), (0.64, 0.35, 0.32), (0.74, 0.41, 0.33))
_BROWN = Complexion((0.60, 0.42, 0.315), (0.53, 0.29, 0.27), (0.60, 0.32, 0.26))
_DEEP = Complexion((0.44, 0.30, 0.235), (0.43, 0.235, 0.225), (0.45, 0.235, 0.20))
_UMBER = Complexion((0.50, 0.345, 0.26), (0.50, 0.26, 0.26), (0.52, 0.27, 0.22))

_BLACK = (0.105, 0.085, 0.08)
_DARK = (0.19, 0.12, 0.09)
_CHESTNUT = (0.36, 0.20, 0.12)
_AUBURN = (0.46, 0.21, 0.11)
_SAND = (0.62, 0.46, 0.29)
_BLOND = (0.76, 0.58, 0.36)
_GREY = (0.60, 0.585, 0.57)

_BLUE = (0.42, 0.58, 0.72)
_GREEN = (0.45, 0.56, 0.40)
_HAZEL = (0.52, 0.40, 0.22)
_BROWN_EYE = (0.40, 0.25, 0.14)
_DARK_EYE = (0.29, 0.18, 0.11)
_SLATE = (0.48, 0.54, 0.58)

PEOPLE: tuple[Traits, ...] = (
    Traits("ada"),
    Traits(
        "bruno",
        stubble=0.3,
        width=0.02,
        jaw_width=0.11,
        chin_length=0.4,
        chin_forward=0.35,
        nose_length=0.15,
        nose_forward=0.25,
        bridge=0.2,
        eye_size=-0.10,
        lip_fullness=-0.30,
        mouth_width=0.06,
        brow_height=-0.30,
        brow_ridge=0.25,
        brow_thickness=1.75,
        ear_size=0.12,
        neck=0.16,
        shoulders=0.10,
        hair_style=CROP,
        complexion=_OLIVE,
        hair=_DARK,
        iris=_BROWN_EYE,
        shirt=(0.28, 0.33, 0.38),
    ),
    Traits(
        "chidi",
        stubble=0.25,
        width=0.01,
        jaw_width=0.08,
        chin_length=0.3,
        nose_width=0.28,
        nose_forward=-0.05,
        eye_size=-0.07,
        lip_fullness=0.30,
        mouth_width=0.08,
        brow_height=-0.15,
        brow_ridge=0.15,
        brow_thickness=1.55,
        neck=0.14,
        shoulders=0.10,
        hair_style=CROP,
        complexion=_DEEP,
        hair=_BLACK,
        iris=_DARK_EYE,
        shirt=(0.78, 0.56, 0.28),
    ),
    Traits(
        "dahlia",
        width=-0.01,
        cheeks=0.25,
        nose_length=-0.1,
        nose_width=-0.05,
        eye_size=0.02,
        lip_fullness=0.15,
        mouth_width=-0.03,
        brow_height=0.1,
        hair_style=BOB,
        complexion=_FAIR,
        hair=_AUBURN,
        iris=_GREEN,
        shirt=(0.36, 0.48, 0.40),
    ),
    Traits(
        "emi",
        width=0.03,
        jaw_width=-0.03,
        cheeks=0.2,
        nose_length=-0.12,
        nose_width=0.08,
        nose_forward=-0.2,
        bridge=-0.25,
        eye_spacing=0.08,
        eye_size=-0.05,
        eye_tilt=4.0,
        lip_fullness=0.05,
        mouth_width=-0.05,
        brow_height=0.12,
        brow_ridge=-0.12,
        brow_thickness=0.9,
        hair_style=BOB,
        complexion=_GOLDEN,
        hair=_BLACK,
        iris=_DARK_EYE,
        shirt=(0.70, 0.42, 0.44),
    ),
    Traits(
        "farah",
        height=0.02,
        jaw_width=-0.05,
        chin_length=0.15,
        nose_length=0.12,
        nose_forward=0.15,
        bridge=0.15,
        eye_size=0.03,
        eye_tilt=2.0,
        lip_fullness=0.25,
        mouth_width=0.02,
        brow_thickness=1.3,
        hair_style=SWEPT,
        complexion=_TAN,
        hair=_BLACK,
        iris=_BROWN_EYE,
        shirt=(0.46, 0.34, 0.52),
    ),
    Traits(
        "gustav",
        stubble=0.08,
        width=-0.02,
        height=0.04,
        jaw_width=0.05,
        chin_length=0.42,
        chin_forward=0.2,
        nose_length=0.3,
        nose_forward=0.2,
        bridge=0.15,
        eye_size=-0.12,
        lip_fullness=-0.35,
        brow_height=-0.15,
        brow_ridge=0.2,
        brow_thickness=1.35,
        forehead=0.1,
        ear_size=0.18,
        neck=0.06,
        shoulders=0.08,
        hair_style=CROP,
        complexion=_ROSY,
        hair=_GREY,
        brow=(0.50, 0.48, 0.46),
        iris=_BLUE,
        shirt=(0.30, 0.36, 0.50),
    ),
    Traits(
        "hana",
        width=0.0,
        jaw_width=-0.06,
        cheeks=0.1,
        nose_width=0.15,
        nose_length=-0.1,
        eye_size=0.03,
        eye_tilt=2.0,
        lip_fullness=0.38,
        mouth_width=0.04,
        brow_height=0.15,
        brow_thickness=1.05,
        hair_style=BOB,
        complexion=_UMBER,
        hair=_BLACK,
        iris=_DARK_EYE,
        shirt=(0.80, 0.62, 0.42),
    ),
    Traits(
        "ivo",
        stubble=0.06,
        width=0.03,
        jaw_width=0.09,
        chin_length=0.2,
        chin_forward=0.15,
        cheeks=0.2,
        nose_width=0.12,
        eye_size=-0.08,
        lip_fullness=-0.15,
        mouth_width=0.05,
        brow_height=-0.2,
        brow_ridge=0.15,
        brow_thickness=1.5,
        neck=0.18,
        shoulders=0.12,
        ear_size=0.08,
        hair_style=SWEPT,
        complexion=_FAIR,
        hair=_BLOND,
        brow=(0.52, 0.38, 0.24),
        iris=_BLUE,
        shirt=(0.52, 0.30, 0.28),
    ),
    Traits(
        "june",
        width=-0.02,
        jaw_width=-0.06,
        chin_length=-0.1,
        nose_length=-0.15,
        nose_width=-0.08,
        eye_size=0.05,
        lip_fullness=0.1,
        mouth_width=-0.04,
        brow_height=0.2,
        brow_thickness=0.85,
        hair_style=BOB,
        complexion=_FAIR,
        hair=_BLOND,
        brow=(0.54, 0.40, 0.26),
        iris=_SLATE,
        shirt=(0.42, 0.52, 0.62),
    ),
    Traits(
        "kofi",
        stubble=0.24,
        height=0.02,
        jaw_width=0.05,
        chin_length=0.25,
        nose_width=0.2,
        eye_size=-0.06,
        lip_fullness=0.22,
        mouth_width=0.05,
        brow_height=-0.1,
        brow_ridge=0.1,
        brow_thickness=1.45,
        ear_size=0.05,
        neck=0.10,
        shoulders=0.08,
        hair_style=CROP,
        complexion=_BROWN,
        hair=_BLACK,
        iris=_BROWN_EYE,
        shirt=(0.36, 0.54, 0.52),
    ),
    Traits(
        "lucia",
        width=0.01,
        jaw_width=0.0,
        cheeks=0.15,
        nose_length=0.05,
        bridge=0.1,
        eye_size=0.01,
        lip_fullness=0.2,
        mouth_width=0.05,
        brow_height=0.05,
        brow_thickness=1.15,
        hair_style=BOB,
        complexion=_OLIVE,
        hair=_DARK,
        iris=_HAZEL,
        shirt=(0.74, 0.44, 0.34),
    ),
    # the last four are held out from training
    Traits(
        "mateo",
        stubble=0.28,
        jaw_width=0.07,
        chin_length=0.35,
        chin_forward=0.2,
        nose_length=0.12,
        nose_forward=0.12,
        bridge=0.12,
        eye_size=-0.08,
        lip_fullness=-0.05,
        mouth_width=0.04,
        brow_height=-0.22,
        brow_ridge=0.18,
        brow_thickness=1.7,
        neck=0.13,
        shoulders=0.10,
        hair_style=SWEPT,
        complexion=_TAN,
        hair=_DARK,
        iris=_HAZEL,
        shirt=(0.40, 0.44, 0.34),
    ),
    Traits(
        "noor",
        width=-0.01,
        height=0.01,
        jaw_width=-0.04,
        nose_length=0.08,
        nose_forward=0.1,
        bridge=0.1,
        eye_spacing=0.04,
        eye_size=0.04,
        eye_tilt=3.0,
        lip_fullness=0.28,
        brow_height=0.1,
        brow_thickness=1.2,
        hair_style=BOB,
        complexion=_BROWN,
        hair=_BLACK,
        iris=_HAZEL,
        shirt=(0.56, 0.36, 0.50),
    ),
    Traits(
        "oskar",
        stubble=0.08,
        width=-0.03,
        height=0.03,
        jaw_width=0.03,
        chin_length=0.35,
        nose_length=0.2,
        nose_width=-0.06,
        nose_forward=0.15,
        eye_spacing=-0.04,
        eye_size=-0.09,
        lip_fullness=-0.22,
        mouth_width=-0.02,
        brow_height=-0.1,
        brow_thickness=1.4,
        ear_size=0.15,
        neck=0.04,
        shoulders=0.06,
        hair_style=SWEPT,
        complexion=_ROSY,
        hair=_AUBURN,
        iris=_GREEN,
        shirt=(0.34, 0.42, 0.46),
    ),
    Traits(
        "priya",
        width=0.01,
        jaw_width=-0.05,
        chin_length=-0.05,
        cheeks=0.15,
        nose_width=0.06,
        eye_size=0.04,
        eye_tilt=1.5,
        lip_fullness=0.2,
        mouth_width=-0.01,
        brow_height=0.08,
        brow_thickness=1.15,
        hair_style=BOB,
        complexion=_TAN,
        hair=_BLACK,
        iris=_DARK_EYE,
        shirt=(0.26, 0.52, 0.54),
    ),
)
