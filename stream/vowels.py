"""ARKit weights to the five vowels and the blinks that every VRM avatar has.

A vowel pose is a recipe of ARKit shapes at full strength, as an avatar's artist draws it: A wide open, I spread and
nearly shut, U pursed, E spread and half open, O round and open. The weights of the vowels are the bounded least squares
through these recipes (`blendshapes.py`, with recipes for shapes), and never add up to more than one mouth.
"""

from __future__ import annotations

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.blendshapes import BlendshapeFit

VOWELS: dict[str, dict[str, float]] = {
    "A": {"jawOpen": 0.55, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "I": {"jawOpen": 0.1, "mouthStretch": 0.4, "mouthSmile": 0.3, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "U": {"jawOpen": 0.08, "mouthPucker": 0.75, "mouthFunnel": 0.3},
    "E": {"jawOpen": 0.3, "mouthStretch": 0.3, "mouthSmile": 0.15, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "O": {"jawOpen": 0.35, "mouthFunnel": 0.5, "mouthPucker": 0.25, "mouthLowerDown": 0.15},
}
"""VRM's mouth presets as ARKit weights; a shape with a left and a right half is named once."""

VRM0: tuple[str, ...] = (*VOWELS, "Blink", "Blink_L", "Blink_R")
"""What VRM 0.x calls them."""
VRM1: tuple[str, ...] = ("aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight")
"""What VRM 1.0 calls the same, in the same order."""


class VrmShapes:
    """weights -> (8,) float32 in VRM0's order."""

    def __init__(self) -> None:
        shapes = sorted({shape for recipe in VOWELS.values() for shape in recipe})
        pairs = [(f"{shape}Left", f"{shape}Right") if shape not in ARKIT_NAMES else (shape, shape) for shape in shapes]
        self._columns = np.array([[ARKIT_NAMES.index(name) for name in pair] for pair in pairs])
        self._jaw, self._close = shapes.index("jawOpen"), ARKIT_NAMES.index("mouthClose")
        recipes = np.array([[recipe.get(shape, 0.0) for shape in shapes] for recipe in VOWELS.values()])
        self._fit = BlendshapeFit(np.zeros((len(shapes), 1)), recipes[:, :, None])
        self._blink = [ARKIT_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """weights: (52,) in ARKIT_NAMES' order, 0..1. Both eyes' common part is Blink, the rest is each eye's own."""
        mouth = weights[self._columns].mean(1)
        # Lips that are held together over a lowered jaw, as for p b m, are shut.
        mouth[self._jaw] = max(0.0, mouth[self._jaw] - weights[self._close])
        vowels = self._fit.fit(mouth[None, :, None])[0]
        left, right = weights[self._blink]
        both = min(left, right)
        return np.array([*vowels / max(1.0, vowels.sum()), both, left - both, right - both], np.float32)
