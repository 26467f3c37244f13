"""The talker's moods: what a style does to a face that speaks, over mouth and upper face.

A style is a vector along AXES. The four moods are emotions as the Facial Action Coding System describes them (Ekman and
Friesen 1978): cheerful AU 6+12, sad AU 1+4+15+17, angry AU 4+5+7+9+24, surprised AU 1+2+5+26. How much of each is ours.
What must touch keeps its right: a mood moves lips that are sealed or on the teeth only where that parts nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from voxmesh.model.talker.articulation import OPENERS, columns
from voxmesh.model.talker.targets import CONTACT_POSE, GROUPS, SEAL_PRESS

SPACE = "moods"
AXES = ("cheerful", "sad", "angry", "surprised", "articulated")
STRONGEST = 1.5
_NEUTRAL_SHARE, _BLEND_SHARE, _PLAIN_SHARE = 0.35, 0.15, 0.5

_UPPER: dict[str, dict[str, float]] = {
    "cheerful": {"cheekSquint": 0.60, "eyeSquint": 0.22, "browInnerUp": 0.10, "browOuterUp": 0.16},
    "sad": {"browInnerUp": 0.80, "browDown": 0.18, "eyeLookDown": 0.16, "eyeSquint": 0.06},
    "angry": {"browDown": 0.95, "noseSneer": 0.55, "eyeSquint": 0.42, "cheekSquint": 0.15},
    "surprised": {"browInnerUp": 0.72, "browOuterUp": 0.72, "eyeWide": 0.72},
}
_CALMED: dict[str, dict[str, float]] = {
    "cheerful": {"browDown": 0.5},
    "sad": {"browOuterUp": 0.6, "eyeWide": 0.6, "eyeLookUp": 0.6},
    "angry": {"browInnerUp": 0.65, "browOuterUp": 0.6},
    "surprised": {"browDown": 0.65, "eyeSquint": 0.6},
}
"""How far a whole mood stills what the upper face does by itself."""
_LIPS: dict[str, dict[str, float]] = {
    "cheerful": {"mouthSmile": 0.75, "mouthDimple": 0.15},
    "sad": {"mouthFrown": 0.85, "mouthShrugLower": 0.22},
    "angry": {"mouthFrown": 0.60, "mouthStretch": 0.10},
    "surprised": {},
}
"""What a mood adds to the mouth, at rest too; rounded lips take half of it."""
_LOUDER = {"cheerful": 0.05, "sad": -0.16, "angry": 0.12, "surprised": 0.08, "articulated": 0.35}
"""How much further the mouth moves: the share of its own movement that a whole style adds."""


def named_styles() -> dict[str, np.ndarray]:
    """The styles that have a name, (5,) float32 each, neutral first."""
    unit = np.eye(len(AXES), dtype=np.float32)
    moods = dict(zip(AXES, unit, strict=True))
    return {"neutral": np.zeros(len(AXES), np.float32), **moods, "mumbled": -unit[-1]}


def draw_style(rng: np.random.Generator) -> np.ndarray:
    """(5,) float32: mostly one mood of 0.3 to 1.5, sometimes two, often none; articulation -1 to 1, half the time 0."""
    style = np.zeros(len(AXES), np.float32)
    kind = rng.random()
    moods = 0 if kind < _NEUTRAL_SHARE else 2 if kind < _NEUTRAL_SHARE + _BLEND_SHARE else 1
    picked = rng.choice(len(AXES) - 1, moods, replace=False)
    style[picked] = rng.uniform(0.2 if moods == 2 else 0.3, 1.0 if moods == 2 else STRONGEST, moods)
    if rng.random() > _PLAIN_SHARE:
        style[-1] = rng.uniform(-1.0, 1.0)
    return style


def express(curves: np.ndarray, style: np.ndarray) -> np.ndarray:
    """(T, 52) curves of the talker in no mood, and (5,) -> the same speech in that mood, (T, 52) float32 in 0..1.

    A function of the curves alone, so clips can be given another mood without being spoken again. Zeros change nothing.
    """
    out = np.array(curves, np.float32)
    if not np.any(style) or not len(out):
        return out
    strength = dict(zip(AXES, (float(x) for x in style), strict=True))
    face = {shape: out[:, columns(shape)].astype(np.float64) for shape in _MOVED}
    _speak(face, strength)
    _look(face, strength)
    for shape, curve in face.items():
        out[:, columns(shape)] = np.clip(curve, 0.0, 1.0)
    return out


def _speak(face: dict[str, np.ndarray], strength: dict[str, float]) -> None:
    """The mouth, in place: its own movement scaled, the mood's pose added, closures and contacts as they were."""
    seal = np.clip(face["mouthPress"] / SEAL_PRESS, 0.0, 1.0)[:, :1]
    contact = np.clip(face["mouthRollLower"] / CONTACT_POSE["mouthRollLower"], 0.0, 1.0)
    free = (1.0 - seal) * (1.0 - contact)
    louder = 1.0 + sum(_LOUDER[axis] * value for axis, value in strength.items())
    for shape in _SPOKEN:
        held = contact * CONTACT_POSE.get(shape, 0.0) * (1.0 - seal if shape in OPENERS else 1.0)
        face[shape] = held + louder * (face[shape] - held)
    open_ = np.clip((face["jawOpen"] + face["mouthLowerDown"][:, :1]) / 0.3, 0.0, 1.0) * free
    rounded = np.clip((face["mouthPucker"] + face["mouthFunnel"]) / 0.5, 0.0, 1.0)
    wider, bared = 1.0 + 0.3 * strength["cheerful"], strength["angry"] * open_
    face["mouthStretch"] *= wider
    face["mouthPucker"] /= wider
    face["mouthUpperUp"] += 0.22 * bared
    face["mouthLowerDown"] += 0.18 * bared
    face["mouthUpperUp"] += 0.10 * strength["cheerful"] * open_ * (1.0 - rounded)
    face["jawOpen"] += 0.10 * strength["surprised"] * free
    for mood, shapes in _LIPS.items():
        for shape, value in shapes.items():
            face[shape] += strength[mood] * value * (1.0 - 0.5 * rounded) * (1.0 - 0.5 * contact)
    face["mouthClose"] = face["jawOpen"] * seal
    # Lips that are shut anyway are pressed in anger.
    face["mouthPress"] += 0.35 * strength["angry"] * (1.0 - open_) * (1.0 - contact)


def _look(face: dict[str, np.ndarray], strength: dict[str, float]) -> None:
    """The upper face, in place: what it does by itself is stilled, the mood's pose added; blinks stay whole."""
    for mood, shapes in _CALMED.items():
        for shape, share in shapes.items():
            face[shape] *= 1.0 - share * min(strength[mood], 1.0)
    for mood, shapes in _UPPER.items():
        for shape, value in shapes.items():
            face[shape] += strength[mood] * value
    lids = face["eyeBlink"]
    # Sad lids hang, and blink slowly.
    slow = gaussian_filter1d(maximum_filter1d(lids, 9, axis=0), 2.5, axis=0)
    sad = min(strength["sad"], 1.0)
    lids = np.maximum(lids, sad * slow)
    lids = lids + (1.0 - lids) * 0.16 * strength["sad"]
    face["eyeBlink"] = lids
    face["eyeWide"] *= 1.0 - lids


_SPOKEN = tuple(shape for shapes in GROUPS.values() for shape in shapes)
_MOVED = tuple(
    dict.fromkeys(
        [*_SPOKEN, "mouthClose", "mouthPress", "mouthRollLower", "eyeBlink"]
        + [shape for table in (_UPPER, _CALMED, _LIPS) for shapes in table.values() for shape in shapes]
    )
)
