"""What a face is while it does not move: vertices, triangles, landmarks, regions and the look of its surface."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LANDMARKS: tuple[str, ...] = (
    "lip_upper_inner",
    "lip_lower_inner",
    "mouth_left",
    "mouth_right",
    "teeth_upper",
    "lid_upper_left",
    "lid_lower_left",
    "lid_upper_right",
    "lid_lower_right",
    "brow_left",
    "brow_right",
    "nose_tip",
    "chin",
)
"""Landmarks every bundle names. Left and right are the face's own: its left is +X."""

REGIONS: tuple[str, ...] = ("mouth", "upper", "eyelid")
"""Region masks every bundle has, 0 or 1 per vertex, as MM 2023 (Composite and Regional Facial Movements) uses them."""


@dataclass(frozen=True)
class Topology:
    """A mesh at rest. Metres, Y up, facing +Z, right-handed; triangles wind counter-clockwise seen from outside.

    template: (V, 3) float32, the neutral face.
    faces: (F, 3) int32.
    albedo: (V, 3) uint8, sRGB surface colour, unlit.
    occlusion: (V, 3) uint8, baked ambient occlusion a channel: 255 open, 0 fully hidden.
    gloss: (V,) uint8, strength of the highlight: 255 is the strongest.
    landmarks: name -> vertex index; at least `LANDMARKS`.
    regions: name -> (V,) uint8 of 0 and 1; at least `REGIONS`.
    """

    template: np.ndarray
    faces: np.ndarray
    albedo: np.ndarray
    occlusion: np.ndarray
    gloss: np.ndarray
    landmarks: dict[str, int] = field(default_factory=dict)
    regions: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def vertices(self) -> int:
        return len(self.template)

    def check(self) -> None:
        """Raises ValueError for arrays of other types or shapes than those above, or indices that lead nowhere."""
        count = len(self.template)
        expected = {
            "template": (self.template, "<f4", (count, 3)),
            "faces": (self.faces, "<i4", (len(self.faces), 3)),
            "albedo": (self.albedo, "u1", (count, 3)),
            "occlusion": (self.occlusion, "u1", (count, 3)),
            "gloss": (self.gloss, "u1", (count,)),
            **{name: (mask, "u1", (count,)) for name, mask in self.regions.items()},
        }
        for name, (array, type_, shape) in expected.items():
            if array.dtype != type_ or array.shape != shape:
                raise ValueError(
                    f"{name} is an array of {array.dtype} and shape {array.shape}, not {type_} and {shape}"
                )
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < count:
            raise ValueError("a face names a vertex that is not there")
        if any(type(vertex) is not int or not 0 <= vertex < count for vertex in self.landmarks.values()):
            raise ValueError("a landmark names a vertex that is not there")
