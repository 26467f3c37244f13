"""One linear map for the mesh, both ways: what a vertex means to a channel is what the channel does to the vertex."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OFFSET_SCALE = 0.1
"""Output = template + 0.1 * decoded offset, as published; the way in of an offset divides by it."""


class MeshMap(nn.Module):
    """encode((..., 3 M) metres) -> (..., channels); decode, by the transpose, back.

    matrix: (3 M, channels), sparse by an L1 term of its training: regions of the face get channels of their own.
    size_m: () what a length is divided by, the deviation of all coordinates of the faces. mean: (3 M,) the mean face.
    moves: (M,) the vertices that move. order: (V,), the row of each vertex among them, or M for one that does not move.
    """

    size_m: Tensor
    mean: Tensor
    moves: Tensor
    order: Tensor

    def __init__(self, vertices: int, moving: int, channels: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(3 * moving, channels) * 0.01)
        self.register_buffer("size_m", torch.ones(()))
        self.register_buffer("mean", torch.zeros(3 * moving))
        self.register_buffer("moves", torch.arange(moving))
        self.register_buffer("order", torch.arange(vertices).clamp(max=moving))

    def describe(self, templates: Tensor, moving: Tensor) -> None:
        """Fill the buffers. templates: (N, V, 3) metres, the faces of training. moving: (V,) bool, M of them."""
        self.moves.copy_(torch.nonzero(moving)[:, 0])
        self.order.copy_(torch.where(moving, moving.cumsum(0) - 1, len(self.moves)))
        self.size_m.fill_(float((templates - templates.mean((0, 1))).std(correction=0)))
        self.mean.copy_(self.centred(templates).mean(0))

    def encode(self, offsets: Tensor, shapes: Tensor | None = None) -> Tensor:
        """(..., 3 M) metres, or (..., K) weights of `shapes` (K, 3 M) metres -> (..., channels)."""
        matrix = self.matrix if shapes is None else shapes @ self.matrix
        return offsets @ matrix / (OFFSET_SCALE * self.size_m)

    def encode_template(self, templates: Tensor) -> Tensor:
        """(B, V, 3) metres -> (B, channels): how a face differs from the mean one, wherever in space it is.

        Not divided as offsets are: faces differ by more than they move, and one that training never saw would shout
        down what is said.
        """
        return (self.centred(templates) - self.mean) @ self.matrix / self.size_m

    def decode(self, codes: Tensor, rows: Tensor | None = None) -> Tensor:
        """(..., channels) -> (..., 3 M) metres; or of those `rows` (n,) of the matrix only."""
        matrix = self.matrix if rows is None else self.matrix[rows]
        return codes @ (matrix.t() * (OFFSET_SCALE * self.size_m))

    def rows(self, vertices: Tensor) -> Tensor:
        """(..., V, 3) -> (..., 3 M): the vertices that move."""
        return vertices.index_select(-2, self.moves).flatten(-2)

    def centred(self, vertices: Tensor) -> Tensor:
        """(..., V, 3) -> (..., 3 M): the vertices that move, around their centre."""
        rows = self.rows(vertices).unflatten(-1, (-1, 3))
        return (rows - rows.mean(-2, keepdim=True)).flatten(-2)

    def whole(self, moved: Tensor) -> Tensor:
        """(..., 3 M) -> (..., V, 3): zeros where nothing moves."""
        moved = moved.unflatten(-1, (-1, 3))
        return torch.cat([moved, torch.zeros_like(moved[..., :1, :])], -2)[..., self.order, :]
