"""What travels on the wire, as dataclasses. PROTOCOL.md tells their bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology


class WireError(VoxmeshError):
    """A message that is not ours, is of another version, or is damaged; or one that cannot be packed."""


@dataclass(frozen=True)
class Stamped:
    """What belongs to a moment. Times are CLOCK_MONOTONIC nanoseconds of the publishing machine."""

    session: str
    index: int
    sample: int
    captured_ns: int
    published_ns: int
    lookahead_samples: int


@dataclass(frozen=True)
class FrameMessage(Stamped):
    """One frame as it travels.

    sample: the one that it depicts, at sample_rate (0: not told).
    vertices: (V, 3) float32 metres, or (0, 3) when only weights are sent.
    weights: (52,) float32 blendshape weights, or (0,) when only vertices are sent.
    vertex_type: how vertices travel, float32, float16 or int16. Unpacked, they are float32 whatever it was.
    """

    vertices: np.ndarray
    weights: np.ndarray
    sample_rate: int = 0
    vertex_type: str = "float32"


@dataclass(frozen=True)
class AudioMessage(Stamped):
    """The sound that one frame depicts: from its sample up to the next frame's. Stamped like that frame.

    samples: (N,) float32, full scale is -1..1. sample: absolute index of the first. sample_rate: Hz.
    sample_type: how they travel, float32, float16 or int16. Unpacked, they are float32 whatever it was.
    """

    sample_rate: int
    samples: np.ndarray
    sample_type: str = "float32"


@dataclass(frozen=True)
class TopologyMessage:
    """What a subscriber needs to draw frames: sent to each new subscriber, and to all when it changes."""

    session: str
    topology: Topology
    sample_rate: int
    fps_num: int
    fps_den: int
    blendshape_names: tuple[str, ...]


@dataclass(frozen=True)
class ByeMessage:
    """The publisher stopped, on purpose."""

    session: str


Message = FrameMessage | TopologyMessage | AudioMessage | ByeMessage
