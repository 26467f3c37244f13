"""One linear map for the mesh, both ways: what a vertex means to a channel is what the channel does to the vertex."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OFFSET_SCALE = 0.1
"""Output = template + 0.1 * decoded offset, as published; the way in divides by it, so that codes are of order one."""


class MeshMap(nn.Module):
    """encode((..., 3 M) metres) -> (..., channels); decode, by the transpose, back.

    matrix: (3 M, channels), sparse by an L1 term of its training: regions of the face get channels of their own.
    size_m: () what a length is divided by, the deviation of all coordinates of the faces. order: (V,), the row of each
    vertex among the M that move, or M for one that does not.
    """

    size_m: Tensor
    mean: Tensor
    order: Tensor

    def __init__(self, vertices: int, moving: int, channels: int) -> None:
        super().__init__()
        self.moving = moving
        self.matrix = nn.Parameter(torch.randn(3 * moving, channels) * 0.01)
        self.register_buffer("size_m", torch.ones(()))
        self.register_buffer("mean", torch.zeros(3 * moving))
        self.register_buffer("order", torch.zeros(vertices, dtype=torch.int64))

    def encode(self, offsets: Tensor, shapes: Tensor | None = None) -> Tensor:
        """(..., 3 M) metres, or (..., K) weights of `shapes` (K, 3 M) metres -> (..., channels)."""
        matrix = self.matrix if shapes is None else shapes @ self.matrix
        return offsets @ matrix / (OFFSET_SCALE * self.size_m)

    def encode_template(self, templates: Tensor) -> Tensor:
        """(B, V, 3) metres -> (B, channels): how it differs from the mean face (3 M,) of training."""
        return self.encode(self.rows(templates) - self.mean)

    def decode(self, codes: Tensor, rows: Tensor | None = None) -> Tensor:
        """(..., channels) -> (..., 3 M) metres; or of those `rows` (n,) of the matrix only."""
        matrix = self.matrix if rows is None else self.matrix[rows]
        return codes @ (matrix.t() * (OFFSET_SCALE * self.size_m))

    def rows(self, vertices: Tensor) -> Tensor:
        """(..., V, 3) -> (..., 3 M): the vertices that move."""
        where = torch.nonzero(self.order < self.moving)[:, 0]
        return vertices[..., where, :].flatten(-2)

    def whole(self, moved: Tensor) -> Tensor:
        """(..., 3 M) -> (..., V, 3): zeros where nothing moves."""
        moved = moved.unflatten(-1, (-1, 3))
        return torch.cat([moved, torch.zeros_like(moved[..., :1, :])], -2)[..., self.order, :]
