"""The poses by which one judges an avatar: views, lids, gaze, brows, and every viseme."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voxmesh.model.avatar.visemes import VISEMES
from voxmesh.stream.arkit import ARKIT_NAMES

_SOUNDS = {
    "PP": "p b m",
    "FF": "f v",
    "TH": "th",
    "DD": "t d",
    "nn": "n l",
    "kk": "k g",
    "CH": "ch sh j",
    "SS": "s z",
    "RR": "r",
    "E": "e",
    "ou": "oo",
}


def weights(**shapes: float) -> np.ndarray:
    """(52,) float32 from ARKit names; a name without its Left or Right sets both. Raises KeyError on other names."""
    out = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, value in shapes.items():
        for full in [name] if name in ARKIT_NAMES else [f"{name}Left", f"{name}Right"]:
            if full not in ARKIT_NAMES:
                raise KeyError(f"there is no ARKit blendshape {name!r}")
            out[ARKIT_NAMES.index(full)] = value
    return out


class Pose(NamedTuple):
    """One picture of the sheet. weights: (52,) float32. view: a name that `voxmesh.viewer.camera.frame` knows."""

    label: str
    weights: np.ndarray
    view: str = "front"


def sheet_poses() -> list[Pose]:
    """Neutral from three sides, lids, gaze, expressions, and every viseme."""
    rest = weights()
    poses = [
        Pose("neutral", rest),
        Pose("three-quarter", rest, "three-quarter"),
        Pose("side", rest, "side"),
        Pose("blink", weights(eyeBlink=1)),
        Pose("look left", weights(eyeLookOutLeft=0.9, eyeLookInRight=0.9)),
        Pose("look up", weights(eyeLookUp=0.9, browInnerUp=0.15)),
        Pose("look down", weights(eyeLookDown=0.8)),
        Pose("smile", weights(mouthSmile=0.8, cheekSquint=0.5, eyeSquint=0.25)),
        Pose("brows up", weights(browInnerUp=0.8, browOuterUp=0.8, eyeWide=0.3)),
        Pose("brows down", weights(browDown=0.9, eyeSquint=0.3)),
        Pose("frown", weights(mouthFrown=0.8, browInnerUp=0.8, mouthShrugLower=0.3)),
        Pose("jaw open", weights(jawOpen=0.9)),
    ]
    for viseme, shapes in VISEMES.items():
        label = f"{viseme} ({_SOUNDS[viseme]})" if viseme in _SOUNDS else viseme
        poses.append(Pose(label, weights(**shapes)))
    return poses
