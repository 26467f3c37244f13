"""A mesh of any size, for what does not depend on how it looks. No torch here: processes that are timed import this."""

from __future__ import annotations

import numpy as np

from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology


def made_up_topology(vertices: int) -> Topology:
    """Scattered vertices the size of a head, random triangles, white; every vertex is in every region."""
    rng = np.random.default_rng(0)
    white = np.full((vertices, 3), 255, np.uint8)
    return Topology(
        template=rng.normal(0, 0.05, (vertices, 3)).clip(-0.3, 0.3).astype(np.float32),
        faces=rng.integers(0, vertices, (2 * vertices, 3), dtype=np.int32),
        albedo=white,
        occlusion=white,
        gloss=white[:, 0],
        landmarks={name: i for i, name in enumerate(LANDMARKS)},
        regions={name: np.ones(vertices, np.uint8) for name in REGIONS},
    )
