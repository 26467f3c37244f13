"""Where the landmarks and regions of a captured face are, as far as its shape, its motion and its masks tell.

A capture names no landmark, and a bundle must: they are found by an adult face's proportions from the tip of the nose,
and the lips by what parts when it speaks. Whoever knows better says so (`voxmesh train prepare --landmarks`). A region
that the data set has a mask for is that mask.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import LANDMARKS

_PLACES_MM: dict[str, tuple[float, float]] = {
    "mouth_left": (25, -33),
    "mouth_right": (-25, -33),
    "lid_upper_left": (31, 43),
    "lid_lower_left": (31, 33),
    "lid_upper_right": (-31, 43),
    "lid_lower_right": (-31, 33),
    "brow_left": (31, 55),
    "brow_right": (-31, 55),
    "chin": (0, -62),
}
"""Right (x) and up (y) of the tip of the nose, from the front."""
_FRONT_M = 0.08
"""How far behind the tip of the nose a vertex may be to belong to the face's front."""
_MIDDLE_M = 0.006


def guess_regions(template: np.ndarray, masks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(V, 3) metres, and masks (V,) from 0 to 1 -> (V,) uint8 of 0 and 1 for mouth, upper and eyelid."""
    away = template - template[_nose_tip(template)]
    front = away[:, 2] > -_FRONT_M
    lids = np.minimum(*(np.hypot(away[:, 0] - x, 1.5 * (away[:, 1] - 0.038)) for x in (-0.031, 0.031)))
    guesses = {
        "mouth": front & (np.hypot(away[:, 0], away[:, 1] + 0.04) < 0.034),
        "upper": front & (away[:, 1] > 0.015),
        "eyelid": front & (lids < 0.022),
    }
    regions = {name: (masks[name] >= 0.5) if name in masks else guess for name, guess in guesses.items()}
    for name, region in regions.items():
        if not region.any():  # a mask of small weights, or a mesh that ends before the eyes
            regions[name] = masks[name] > 0 if name in masks else np.ones(len(template), bool)
    return {name: region.astype(np.uint8) for name, region in regions.items()}


def guess_landmarks(template: np.ndarray, mouth: np.ndarray, motion_m: np.ndarray) -> dict[str, int]:
    """name -> vertex, for all of LANDMARKS.

    template: (V, 3) metres, along +Z, Y up. mouth: (V,), not 0 in its region. motion_m: (V,) how far each vertex moves
    up and down, say its deviation: the lips are the two neighbours in the middle that differ most.
    """
    nose = _nose_tip(template)
    away = template - template[nose]
    front = away[:, 2] > -_FRONT_M
    found = {"nose_tip": nose}
    for name, (x, y) in _PLACES_MM.items():
        distance = np.hypot(away[:, 0] - x / 1000.0, away[:, 1] - y / 1000.0)
        found[name] = int(np.argmin(np.where(front, distance, np.inf)))
    inside = np.flatnonzero(front & (mouth > 0))
    middle = inside[np.abs(away[inside, 0]) < _MIDDLE_M]
    if len(middle) < 2:
        middle = inside[np.argsort(np.abs(away[inside, 0]), kind="stable")[:8]]
    column = middle[np.argsort(-away[middle, 1], kind="stable")]
    parting = int(np.argmax(np.diff(motion_m[column]))) if len(column) > 1 else 0
    found["lip_upper_inner"] = int(column[parting])
    found["lip_lower_inner"] = int(column[min(parting + 1, len(column) - 1)])
    found["teeth_upper"] = found["lip_upper_inner"]  # captures have none
    return {name: found[name] for name in LANDMARKS}


def read_landmarks(path: Path, vertices: int) -> dict[str, int]:
    """JSON of some landmarks' vertices, {"chin": 3451, ...}. Raises VoxmeshError for what is not so."""
    try:
        known = {str(name): int(vertex) for name, vertex in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise VoxmeshError(f'{path} is no JSON of landmarks like {{"chin": 3451}}: {error}') from error
    for name, vertex in known.items():
        if name not in LANDMARKS:
            raise VoxmeshError(f"{path} names {name!r}: the landmarks are {', '.join(LANDMARKS)}")
        if not 0 <= vertex < vertices:
            raise VoxmeshError(f"{path} has {name} at vertex {vertex}: the mesh has {vertices}")
    return known


def _nose_tip(template: np.ndarray) -> int:
    """The vertex furthest in front near the middle of the face."""
    middle = (template[:, 0].min() + template[:, 0].max()) / 2
    near = np.abs(template[:, 0] - middle) < 0.015
    return int(np.argmax(np.where(near, template[:, 2], -np.inf)))
