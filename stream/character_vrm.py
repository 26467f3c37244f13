"""VRM 0.x and 1.0: an avatar's expressions, and which of ARKit's shapes they stand for where it lacks those.

A VRM has five vowels, blinks and glances as presets, each a mixture of its morph targets, and expressions of its own;
"perfect sync" avatars have ARKit's 52 among the latter. Format: github.com/vrm-c/vrm-specification.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.gltf_reader import Document
from voxmesh.stream.vowels import VRM0, VRM1

Mixture = dict[str, float]
"""Name -> weight."""
PREFIX = "vrm."
"""Before an expression's name, to tell it from a morph target's."""
_GLANCES = ("LookUp", "LookDown", "LookLeft", "LookRight")
_PRESETS = {name.lower(): name for name in (*VRM0, *_GLANCES)} | {
    new.lower(): old for new, old in zip(VRM1, VRM0, strict=True)
}
_MOUTH: dict[str, Mixture] = {
    "jawOpen": {"A": 1.2},
    "mouthClose": {"A": -1.2},
    "mouthFunnel": {"O": 1.0, "A": -0.5},
    "mouthPucker": {"U": 1.0, "A": -0.1},
    "mouthSmile": {"I": 0.5, "A": -0.15},
    "mouthStretch": {"I": 0.3, "E": 0.3, "A": -0.4},
    "mouthLowerDown": {"E": 0.3, "A": 0.1},
    "mouthUpperUp": {"A": 0.15},
}
"""What a mouth's shapes are in vowels; one with a left and a right half is named once, and each half adds as much.

The recipes of `vowels.py` turned round by hand: a vowel opens the jaw too, which less of A takes back, so that lips
that are spread stay shut for p b m. On the default face, given vowels by those recipes, lips are 0.4 mm apart where
they should be shut, and 0.8 with `VrmShapes`, which is no mixture of fixed weights.
"""


def expressions(document: Document, node: int) -> dict[str, dict[int, float]]:
    """PREFIX + name -> {morph target: weight}, of the mesh at a node; presets have VRM 0.x's names. Else nothing."""
    extensions = document.json.extensions or {}
    mesh = document.json.nodes[node].mesh
    found: dict[str, dict[int, float]] = {}

    def add(name: str, binds: dict[int, float]) -> None:
        if binds:
            found.setdefault(PREFIX + _PRESETS.get(name.lower(), name), binds)

    for group in extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", []):
        preset = group.get("presetName", "unknown")
        binds = {bind["index"]: bind["weight"] / 100 for bind in group.get("binds") or [] if bind["mesh"] == mesh}
        add(preset if preset.lower() in _PRESETS else group["name"], binds)
    given: dict[str, Any] = extensions.get("VRMC_vrm", {}).get("expressions", {})
    for name, one in {**given.get("custom", {}), **given.get("preset", {})}.items():
        binds = one.get("morphTargetBinds") or []
        add(name, {bind["index"]: bind["weight"] for bind in binds if bind["node"] == node})
    return found


def turn(document: Document) -> np.ndarray:
    """(4, 4) that makes the scene face +Z: a VRM 0.x faces -Z, a VRM 1.0 does already."""
    return np.diag([-1.0, 1.0, -1.0, 1.0]) if "VRM" in (document.json.extensions or {}) else np.eye(4)


def stand_ins(found: Collection[str], shapes: Collection[str]) -> dict[str, Mixture]:
    """ARKit name -> mixture of expressions among `shapes`, for the ARKit names that are not in `found`.

    A mouth, blinks or a gaze that ARKit's shapes move already are left to them: with expressions too they would move
    twice.
    """
    mixtures = _mouth() if "jawOpen" not in found else {}
    for group, made in (("eyeBlink", _blinks(PREFIX + "Blink_L" in shapes)), ("eyeLook", _gaze())):
        if not any(name.startswith(group) for name in found):
            mixtures |= made
    there = {
        name: {PREFIX + own: weight for own, weight in mixture.items() if PREFIX + own in shapes}
        for name, mixture in mixtures.items()
        if name not in found
    }
    return {name: mixture for name, mixture in there.items() if mixture}


def _mouth() -> dict[str, Mixture]:
    return {
        name: mixture
        for shape, mixture in _MOUTH.items()
        for name in (shape, f"{shape}Left", f"{shape}Right")
        if name in ARKIT_NAMES
    }


def _blinks(each_eye: bool) -> dict[str, Mixture]:
    sides = (("Left", "Blink_L"), ("Right", "Blink_R"))
    return {f"eyeBlink{side}": {own: 1.0} if each_eye else {"Blink": 0.5} for side, own in sides}


def _gaze() -> dict[str, Mixture]:
    """Both eyes go together, each is half of it."""
    ways = {"Up": ("Up", "Up"), "Down": ("Down", "Down"), "Left": ("Out", "In"), "Right": ("In", "Out")}
    return {
        f"eyeLook{way}{side}": {f"Look{look}": 0.5}
        for look, pair in ways.items()
        for side, way in zip(("Left", "Right"), pair, strict=True)
    }
