"""Losses on vertices, at the price of coefficients.

Vertices are linear in the coefficients, v = template + c B, so a weighted squared error over all vertices is a small
quadratic form: sum_v m_v |dv|^2 = |dc R|^2 with R R^T = B diag(m) B^T. The same number for K^2 work
instead of 3 V K.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from voxmesh.model.face_basis import FaceBasis
from voxmesh.stream.topology import Topology

MILLIMETRES = 1000.0


class FaceMetric:
    """Mean squared vertex errors (mm^2) of coefficient differences, by region, and landmark positions (mm)."""

    def __init__(self, factors: dict[str, Tensor], landmarks: Tensor, names: list[str]) -> None:
        self.factors, self.landmarks, self.names = factors, landmarks, names

    def region(self, name: str, difference: Tensor) -> Tensor:
        """(..., K) coefficient difference -> (...) mean squared error over the region's vertices, mm^2."""
        return (difference @ self.factors[name]).square().sum(-1)

    def rms(self, name: str, difference: Tensor) -> float:
        """(..., K) -> root mean square error of the region's vertices, mm, as a number to show."""
        return float(self.region(name, difference.detach()).mean().sqrt())

    def landmark_error(self, region: str, difference: Tensor) -> Tensor:
        """(..., K) -> (...) mean squared error over the landmarks of "mouth" or "upper", mm^2."""
        columns = [3 * i + axis for i, name in enumerate(self.names) if _side(name) == region for axis in range(3)]
        return (difference @ self.landmarks[:, columns]).square().sum(-1) * (3.0 / len(columns))

    def lip_gap(self, coefficients: Tensor) -> Tensor:
        """(..., K) -> (..., 3): how far the inner lips moved apart, mm (upper minus lower)."""
        moved = (coefficients @ self.landmarks).unflatten(-1, (len(self.names), 3))
        upper, lower = self.names.index("lip_upper_inner"), self.names.index("lip_lower_inner")
        return moved[..., upper, :] - moved[..., lower, :]

    def to(self, device: torch.device | str) -> FaceMetric:
        factors = {name: factor.to(device) for name, factor in self.factors.items()}
        return FaceMetric(factors, self.landmarks.to(device), self.names)


def _side(landmark: str) -> str:
    """Which half of the face speaks through a landmark: lids and brows are the upper face's, the nose is nobody's."""
    if landmark.startswith(("lid", "brow")):
        return "upper"
    return "mouth" if landmark.startswith(("lip", "mouth", "chin")) else ""


def face_metric(face: FaceBasis, topology: Topology) -> FaceMetric:
    """The metric of the neutral identity, with the regions of its topology and `all`."""
    order = face.order.numpy()
    basis = face.basis.numpy().astype(np.float64) * MILLIMETRES
    k = len(basis)
    spread = np.concatenate([basis.reshape(k, -1, 3), np.zeros((k, 1, 3))], axis=1)[:, order]
    masks = {"all": np.ones(len(order)), **{name: mask.astype(float) for name, mask in topology.regions.items()}}
    factors = {}
    for name, mask in masks.items():
        weighted = spread * np.sqrt(mask / mask.sum())[None, :, None]
        gram = np.einsum("kvx,lvx->kl", weighted, weighted)
        values, vectors = np.linalg.eigh(gram)
        factors[name] = torch.from_numpy((vectors * np.sqrt(np.maximum(values, 0.0))).astype(np.float32))
    names = list(topology.landmarks)
    rows = spread[:, [topology.landmarks[name] for name in names]].reshape(k, -1)
    return FaceMetric(factors, torch.from_numpy(rows.astype(np.float32)), names)
