"""What a mouth does, from its landmarks alone, so that any mesh can be measured.

W is the width of the neutral mouth; lengths are shares of it. Two sources of landmarks: a recording through the
streaming engine, and the articulation model's curves for the recording's phones on the same face.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxmesh.model.talker.articulation import FPS, Phone, articulate
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import LANDMARKS
from voxmesh.stream.types import AudioChunk

MOUTH = ("lip_upper_inner", "lip_lower_inner", "mouth_left", "mouth_right")
IDENTITY = 0
"""The neutral identity: the one whose blendshapes a bundle holds."""


@dataclass(frozen=True)
class Motion:
    """T frames of a mouth, the first at 0 s.

    aperture: (T,) distance of the inner lips / W. width: (T,) distance of the mouth's corners / W.
    protrusion: (T,) mean offset of the inner lips from neutral along +Z, forward / W.
    tuck: (T,) distance of the lower inner lip from the upper teeth / W.
    jerk: (T - 3,) length of the third difference from frame t to t + 3 / W, mean over the landmarks of MOUTH.
    lids_mm: (T,) distance of the lids, mean of both eyes.
    """

    fps: float
    aperture: np.ndarray
    width: np.ndarray
    protrusion: np.ndarray
    tuck: np.ndarray
    jerk: np.ndarray
    lids_mm: np.ndarray

    def __len__(self) -> int:
        return len(self.aperture)

    @property
    def seconds(self) -> float:
        return len(self) / self.fps


def measure(points: np.ndarray, rest: np.ndarray, fps: float) -> Motion:
    """points: (T, L, 3), rest: (L, 3), metres, Y up, facing +Z, in the order of LANDMARKS; rest is the neutral face."""
    at = {name: points[:, i].astype(float) for i, name in enumerate(LANDMARKS)}
    neutral = {name: rest[i].astype(float) for i, name in enumerate(LANDMARKS)}
    scale = np.linalg.norm(neutral["mouth_left"] - neutral["mouth_right"])

    def distance(one: str, other: str) -> np.ndarray:
        return np.linalg.norm(at[one] - at[other], axis=1)

    lips = ("lip_upper_inner", "lip_lower_inner")
    mouth = np.stack([at[name] for name in MOUTH], axis=1)
    return Motion(
        fps,
        aperture=distance(*lips) / scale,
        width=distance("mouth_left", "mouth_right") / scale,
        protrusion=np.mean([at[lip][:, 2] - neutral[lip][2] for lip in lips], axis=0) / scale,
        tuck=distance("lip_lower_inner", "teeth_upper") / scale,
        jerk=np.linalg.norm(np.diff(mouth, 3, axis=0), axis=2).mean(1) / scale,
        lids_mm=1000.0
        * (distance("lid_upper_left", "lid_lower_left") + distance("lid_upper_right", "lid_lower_right"))
        / 2,
    )


def rest_points(bundle: Bundle) -> tuple[np.ndarray, list[int]]:
    """(L, 3) metres, the neutral identity's landmarks, and their vertices, in the order of LANDMARKS."""
    topology = bundle.topology(IDENTITY)
    vertices = [topology.landmarks[name] for name in LANDMARKS]
    return topology.template[vertices], vertices


def animated(bundle: Bundle, path: Path, seed: int = 0) -> Motion:
    """The recording through the streaming engine. Raises VoxmeshError when it cannot be read."""
    rest, vertices = rest_points(bundle)
    with AudioFile(path) as audio:
        points = streamed(bundle, audio.blocks(), audio.rate, vertices, seed)
    return measure(points, rest, bundle.features.clock.fps)


def streamed(
    bundle: Bundle, blocks: Iterable[np.ndarray], rate: int, vertices: Sequence[int] | np.ndarray, seed: int = 0
) -> np.ndarray:
    """(T, n, 3) metres: where the streaming engine puts these vertices, for blocks of audio at `rate`."""
    engine = Engine(bundle, source_rate=rate, seed=seed, identity=IDENTITY)
    points, position = [], 0
    for block in blocks:
        points += [frame.vertices[vertices] for frame in engine.push(AudioChunk(block, position))]
        position += len(block)
    points += [frame.vertices[vertices] for frame in engine.flush()]
    return np.stack(points)


def articulated(bundle: Bundle, phones: list[Phone], frames: int) -> Motion:
    """What the articulation model does for the phones: its curves on the bundle's blendshapes.

    Raises VoxmeshError when the bundle has another frame rate than the model.
    """
    rest, vertices = rest_points(bundle)
    return measure(posed(bundle, articulate(phones, frames), vertices), rest, float(FPS))


def posed(bundle: Bundle, curves: np.ndarray, vertices: Sequence[int] | np.ndarray) -> np.ndarray:
    """(T, n, 3) metres: where the talker's curves, (T, 52) in ARKIT_NAMES' order, put these vertices.

    Raises VoxmeshError when the bundle has another frame rate than the talker.
    """
    if bundle.features.clock.fps != FPS:
        raise VoxmeshError(
            f"{bundle.folder} has {bundle.features.clock.fps:g} frames a second, the articulation model {FPS}:"
            " measure a bundle of that rate"
        )
    weights = curves[:, [ARKIT_NAMES.index(name) for name in bundle.blendshape_names]]
    return bundle.topology(IDENTITY).template[vertices] + np.tensordot(weights, bundle.deltas[:, vertices], 1)
