"""How a style reaches the networks: a scale and a shift of what a layer is given, linear in the style.

Nothing at the start of training, so networks without styles can be taught some; and nothing for zeros ever, so the
neutral style costs them nothing. (A feature-wise linear modulation: Perez et al., AAAI 2018.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class Modulation(nn.Module):
    """forward(x (..., C), style (..., S)) -> x * (1 + A style) + B style."""

    def __init__(self, style_dims: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, style_dims))
        self.shift = nn.Parameter(torch.zeros(channels, style_dims))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return x * (1.0 + linear(style, self.scale)) + linear(style, self.shift)
