"""Where the camera stands: views of a face, framed from the mesh itself, and the matrices of a pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, radians, sin, tan

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology

FOV_DEG = 13.0
"""Vertical field of view: a long portrait lens. Wider makes the eyes and nose swell."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at a point.

    target: (x, y, z) metres. height_m: what of the target's plane fits the picture, bottom to top.
    yaw_deg: to the face's left (+X) positive. pitch_deg: from above positive. fov_deg: vertical.
    """

    target: tuple[float, float, float]
    height_m: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    fov_deg: float = FOV_DEG

    @property
    def distance_m(self) -> float:
        """From the eye to the target."""
        return self.height_m / 2 / tan(radians(self.fov_deg) / 2)

    @property
    def toward(self) -> np.ndarray:
        """(3,) unit vector from the target to the eye."""
        yaw, pitch = radians(self.yaw_deg), radians(self.pitch_deg)
        return np.array([sin(yaw) * cos(pitch), sin(pitch), cos(yaw) * cos(pitch)])

    @property
    def eye(self) -> np.ndarray:
        """(3,) the camera's position, metres."""
        return np.array(self.target) + self.toward * self.distance_m

    def extrinsic(self) -> np.ndarray:
        """(4, 4) world to camera, in the computer-vision convention Open3D uses: x right, y down, z forward."""
        forward = -self.toward
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = -rotation @ self.eye
        return matrix

    def focal_px(self, height_px: int) -> float:
        """Focal length in pixels for a picture of that height."""
        return height_px / 2 / tan(radians(self.fov_deg) / 2)

    def shrunk_to(self, aspect: float) -> Camera:
        """The same view for a picture of that width over height: a narrow one steps back to keep the width in."""
        return replace(self, height_m=self.height_m / min(aspect / 0.87, 1.0))


_TURN = {
    "front": (0.0, 0.0),
    "three-quarter": (-32.0, 4.0),
    "side": (-88.0, 0.0),
    "mouth": (0.0, 0.0),
    "eyes": (0.0, 0.0),
    "mouth-side": (-80.0, 0.0),
    "eye-side": (-28.0, 3.0),
}
VIEWS: tuple[str, ...] = tuple(_TURN)
"""Names that `frame` knows."""


def frame(topology: Topology, view: str = "front") -> Camera:
    """A named view of a face, framed from the template's bounds, so that any head fits.

    Close-ups use the topology's landmarks, or a head's usual proportions where it has none.
    Raises VoxmeshError if the view has no such name.
    """
    if view not in _TURN:
        raise VoxmeshError(f"there is no view {view!r}; choose one of {', '.join(VIEWS)}")
    yaw, pitch = _TURN[view]
    template = np.asarray(topology.template, float)
    low, high = template.min(0), template.max(0)
    height = high[1] - low[1]
    if view.startswith(("mouth", "eye")):
        target, extent = _close_up(topology, view, low, high)
        return Camera(tuple(target), extent, yaw, pitch)
    # Eyes sit at half a head's height and the nose a little below, so the nose's tip says where the head ends; what
    # is further down may be shoulders, which may run out of the picture.
    nose = template[np.argmax(template[:, 2])]
    head_height = min((high[1] - nose[1]) / 0.62, height)
    head = template[template[:, 1] > high[1] - head_height]
    middle = (head.min(0) + head.max(0)) / 2
    width = np.ptp(head[:, 2] if view == "side" else head[:, 0])
    top = high[1] + 0.07 * head_height
    # A mesh that ended above the picture's bottom edge would look cut off.
    bottom = max(low[1] + 0.02 * height, high[1] - 1.25 * head_height)
    extent = max(top - bottom, width * 1.15)
    return Camera((middle[0], top - extent / 2, middle[2]), extent, yaw, pitch)


def _close_up(topology: Topology, view: str, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and height of a close-up of the mouth, both eyes, or one eye."""
    template = np.asarray(topology.template, float)

    def mean(*names: str) -> np.ndarray | None:
        found = [template[topology.landmarks[name]] for name in names if name in topology.landmarks]
        return np.mean(found, axis=0) if len(found) == len(names) else None

    nose = template[np.argmax(template[:, 2])]
    # A head is about as deep as 0.8 of its height, and shoulders do not come that far forward.
    head_height = min((nose[2] - low[2]) * 1.2, high[1] - low[1])
    if view.startswith("mouth"):
        center = mean("mouth_left", "mouth_right")
        return (nose + np.array([0, -0.12, 0]) * head_height if center is None else center), 0.42 * head_height
    left = mean("lid_upper_left", "lid_lower_left")
    right = mean("lid_upper_right", "lid_lower_right")
    if left is None or right is None:
        left = right = nose + np.array([0, 0.15, -0.1]) * head_height
    if view == "eye-side":
        return right + np.array([0, 0.02, 0]) * head_height, 0.32 * head_height
    return (left + right) / 2, max(0.42 * head_height, 1.85 * float(np.linalg.norm(left - right)))
