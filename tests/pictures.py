"""Pictures to compare with: a face drawn by Pillow alone, and in what two pictures of one face agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from voxmesh.stream.topology import Topology
from voxmesh.viewer.camera import Camera
from voxmesh.viewer.offscreen import BACKGROUND
from voxmesh.viewer.shading import Shader


def drawn_by_hand(topology: Topology, vertices: np.ndarray, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint8, triangle after triangle, far ones first. size: width and height."""
    colors = (Shader(topology).colors(vertices, camera.eye) * 255).round()
    extrinsic = camera.extrinsic()
    seen = vertices @ extrinsic[:3, :3].T + extrinsic[:3, 3]
    pixels = seen[:, :2] / seen[:, 2:] * camera.focal_px(size[1]) + np.array(size) / 2
    image = Image.new("RGB", size, tuple(round(255 * value) for value in BACKGROUND))
    draw = ImageDraw.Draw(image)
    for face in topology.faces[np.argsort(-seen[topology.faces, 2].mean(1))]:
        color = colors[face].mean(0).round().astype(int)
        draw.polygon([tuple(point) for point in pixels[face]], fill=tuple(color.tolist()))
    return np.asarray(image)


def green_mouth(topology: Topology) -> Topology:
    """The same face, the region of its mouth painted green, down to the chin: a neck's triangles are too large."""
    albedo = topology.albedo.copy()
    above = topology.template[:, 1] > topology.template[topology.landmarks["chin"], 1]
    albedo[(topology.regions["mouth"] == 1) & above] = (0, 255, 0)
    return replace(topology, albedo=albedo)


def silhouette(picture: np.ndarray) -> np.ndarray:
    return np.abs(picture.astype(int) - np.array(BACKGROUND) * 255).max(2) > 24


def green(picture: np.ndarray) -> np.ndarray:
    return picture[..., 1].astype(int) > picture[..., [0, 2]].max(2).astype(int) + 40


def assert_same_face(found: np.ndarray, wanted: np.ndarray) -> None:
    """Outlines cover each other, and mouths painted green lie in the same place and are as large."""
    here, there = silhouette(found), silhouette(wanted)
    assert (here & there).sum() / (here | there).sum() > 0.97
    mine, other = green(found), green(wanted)
    assert other.sum() > 500
    assert np.linalg.norm(np.argwhere(mine).mean(0) - np.argwhere(other).mean(0)) < 1.5
    assert abs(mine.sum() / other.sum() - 1) < 0.1
