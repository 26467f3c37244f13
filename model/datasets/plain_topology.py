"""Faces that come without a look: plain clay, near enough to the origin for a bundle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxmesh.stream.topology import Topology

REACH_M = 0.3
"""A face that is further than this from the origin is moved there: bundles hold no more (`stream.bundle.UNIT_M`)."""
_CLAY = (214, 206, 198)


def clay_topology(
    template: np.ndarray, faces: np.ndarray, landmarks: dict[str, int], regions: dict[str, np.ndarray]
) -> Topology:
    """template (V, 3) metres and what is known of it, as a topology to draw."""
    count = len(template)
    return Topology(
        template=np.asarray(template, np.float32),
        faces=np.asarray(faces, np.int32),
        albedo=np.full((count, 3), _CLAY, np.uint8),
        occlusion=np.full((count, 3), 255, np.uint8),
        gloss=np.full(count, 40, np.uint8),
        landmarks=landmarks,
        regions=regions,
    )


def origin_of(templates: Sequence[np.ndarray]) -> np.ndarray:
    """(3,) float32 metres to take from every position: zeros where all faces are within REACH_M."""
    points = np.concatenate(templates)
    if np.abs(points).max() <= REACH_M:
        return np.zeros(3, np.float32)
    return np.round((points.min(axis=0) + points.max(axis=0)) / 2, 3).astype(np.float32)
