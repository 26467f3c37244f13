"""Colour, shine and baked shade of every vertex: paint laid over the head in layers from an identity's palette."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voxmesh.model.avatar.fields import bump, mix, smoothstep
from voxmesh.model.avatar.head import Head, nostril_depth
from voxmesh.model.avatar.occlusion import openness
from voxmesh.model.avatar.rings import EYE_RINGS, EYES, MOUTH_RINGS
from voxmesh.model.avatar.skin import neighbour_mean

Colour = tuple[float, float, float]
"""sRGB, 0..1."""
GLOSS_FULL = 0.5
"""Strength of highlight that gloss 255 stands for, as in `voxmesh.viewer.shading`."""

_INSIDE = {
    "inner2": (0.50, 0.17, 0.17),
    "inner1": (0.45, 0.14, 0.14),
    "cavity3": (0.38, 0.11, 0.11),
    "cavity2": (0.34, 0.09, 0.10),
    "cavity1": (0.22, 0.05, 0.06),
    "throat": (0.12, 0.03, 0.03),
}
_LIP_COVER = {"inner2": 1.0, "contact": 1.0, "lip1": 1.0, "lip2": 1.0, "lip3": 0.95, "border": 0.62, "rim": 0.12}
_FIXED: dict[str, Colour] = {
    "sclera": (0.97, 0.96, 0.945),
    "pupil": (0.03, 0.025, 0.03),
    "limbal": (0.05, 0.08, 0.10),
    "spark": (1.0, 1.0, 1.0),
    "tooth": (0.97, 0.95, 0.90),
    "gum": (0.78, 0.42, 0.42),
    "tongue": (0.83, 0.43, 0.43),
}
_RED = np.array([0.80, 1.08, 1.12])
"""Exponents a channel, so that shade on skin goes red before it goes dark."""


def _beard(head: Head) -> np.ndarray:
    """(S,) where a beard would grow: upper lip, chin and along the jaw; 1 at its thickest."""
    x, y, z = head.skin.vertices.T
    line = -3.9 - 1.1 * np.exp(-(((np.abs(x) - 2.9) / 1.3) ** 2))  # it dips below the cheeks
    return smoothstep(0.4, -1.8, y - line) * smoothstep(-11.5, -9.8, y) * smoothstep(0.0, 3.0, z)


def _skin_paint(head: Head, palette: Mapping[str, Colour]) -> np.ndarray:
    """(S, 3) sRGB of the skin."""
    skin = np.array(palette["skin"])
    lip, lash, blush = (np.array(palette[k]) for k in ("lip", "lash", "blush"))
    x, y, z = head.skin.vertices.T
    c = np.tile(skin, (len(x), 1))
    front = z > 3
    c = mix(c, blush, 0.32 * bump(np.abs(x), 4.1, 1.7) * bump(y, -3.0, 1.5) * front)
    c = mix(c, np.array(palette["stubble"]), _beard(head))
    c = mix(c, 0.7 * blush + 0.3 * lip, 0.26 * bump(x, 0, 1.1) * bump(y, -3.1, 0.8) * (z > 8))
    for name, cover in _LIP_COVER.items():
        row = head.skin.ring(name)
        c[row] = c[row] * (1 - cover) + lip * cover
    c[head.skin.ring("contact")] *= 0.72
    for name, colour in _INSIDE.items():
        c[head.skin.ring(name)] = colour
    c[head.skin.throat] = (0.10, 0.02, 0.02)
    upper = np.sin(EYES.angle) > 1e-9
    rim = 0.6 * skin + 0.4 * lip
    tear_duct = bump(EYES.s, -1.0, 0.10)  # lashes end before the inner corner
    for side in ("Left", "Right"):
        rows = {name: head.skin.eye(side)[k] for k, name in enumerate(EYE_RINGS)}
        c[rows["tuck"]] = mix(np.tile(0.55 * lip + 0.1 * skin, (len(upper), 1)), 0.5 * lip + 0.5 * skin, tear_duct)
        c[rows["margin"]] = rim
        c[rows["edge"]] = rim
        lashes = np.where(np.sin(EYES.angle) > -0.05, 1.0, 0.35) * (1 - tear_duct)
        for name, cover in (("margin", 0.95), ("edge", 0.92)):
            c[rows[name]] = mix(c[rows[name]], lash, cover * lashes)
        shadow = 0.5 * skin * np.array([0.75, 0.6, 0.6]) + 0.5 * lash
        c[rows["lid1"]] = mix(c[rows["lid1"]], shadow, 0.50 * np.where(upper, 1, 0.1))
        for name in ("lid2", "lid3"):
            c[rows[name]] = mix(c[rows[name]], skin * np.array([0.84, 0.68, 0.68]), 0.45 * np.where(upper, 1.0, 0.0))
    return mix(c, skin * np.array([0.36, 0.2, 0.2]), 0.85 * nostril_depth(head.skin.vertices))


def albedo(head: Head, palette: Mapping[str, Colour]) -> np.ndarray:
    """(V, 3) uint8 sRGB. palette as `Traits.palette` gives it."""
    colours = {**_FIXED, **palette}
    c = np.empty_like(head.vertices)
    c[head.slices["skin"]] = _skin_paint(head, palette)
    for part in head.parts:
        paint = np.zeros((len(part.vertices), 3))
        for name, cover in part.coat:
            paint = mix(paint, np.array(colours[name]), np.broadcast_to(cover, len(paint)))
        c[head.slices[part.name]] = paint * np.broadcast_to(part.tint, len(paint))[:, None]
    return np.round(255 * np.clip(c, 0, 1)).astype(np.uint8)


def gloss(head: Head) -> np.ndarray:
    """(V,) uint8: lips and eyes shine, skin a little, hair less."""
    g = np.empty(len(head.vertices))
    ring = head.mouth_ring
    lips = (ring >= MOUTH_RINGS.index("contact")) & (ring <= MOUTH_RINGS.index("border"))
    g[head.slices["skin"]] = np.where(lips, 0.22, 0.05)
    for part in head.parts:
        g[head.slices[part.name]] = part.gloss
    return np.round(255 * np.clip(g / GLOSS_FULL, 0, 1)).astype(np.uint8)


def bake(head: Head, jaw_open: np.ndarray) -> np.ndarray:
    """(V, 3) uint8 ambient occlusion a channel; jaw_open (V, 3) cm: the inside of the mouth is baked at 0.6 of it."""
    caster = np.ones(len(head.vertices), bool)
    for name in ("shirt", "brow_left", "brow_right", "catchlight_left", "catchlight_right"):
        caster[head.slices[name]] = False
    occluders = caster[head.faces[:, 0]]
    rest = openness(head.vertices, head.faces, occluders)
    ajar = openness(head.vertices + 0.6 * jaw_open, head.faces, occluders)
    inside = np.r_[head.skin.throat, head.skin.mouth[: MOUTH_RINGS.index("contact")].ravel()]
    rest[inside] = ajar[inside]
    for name in ("teeth_upper", "teeth_lower", "tongue"):
        rest[head.slices[name]] = np.clip(1.15 * ajar[head.slices[name]], 0.25, 1)
    contact = head.skin.ring("contact")
    rest[contact] = 0.6 * rest[contact] + 0.4 * ajar[contact]
    skin = head.slices["skin"]
    smooth = neighbour_mean(head.skin.faces, len(head.skin.vertices))
    even = rest[skin]
    for _ in range(3):  # the voxels' grain
        even = 0.5 * (even + even[head.skin.mirror])
        even = 0.4 * even + 0.6 * (smooth @ even)
    rest[skin] = even
    ear = 0.5 * (rest[head.slices["ear_left"]] + rest[head.slices["ear_right"]])
    rest[head.slices["ear_left"]] = rest[head.slices["ear_right"]] = ear
    for side in ("left", "right"):
        rest[head.slices[f"eyeball_{side}"]] = 0.90  # it turns: baked shade would turn with it
    shade = np.clip(rest, 0, 1)[:, None] ** (1.25 * _RED)
    for side in ("left", "right"):
        shade[head.slices[f"catchlight_{side}"]] = 1.0
    return np.round(255 * shade).astype(np.uint8)
