"""A driving sequence to its manner: what speech does not tell, as one vector for the whole sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.composite.config import CompositeConfig
from voxmesh.model.layers import EPSILON, ChannelNorm


class ResidualBlock(nn.Module):
    """Two convolutions of width 3 that see as far ahead as back, added to their input: (B, C, T) -> (B, D, T / stride).

    Norms stand inside the branch: what is added up keeps its size, which is how wide a smile is.
    """

    def __init__(self, channels: int, out_channels: int, kernel: int = 3, dilation: int = 1, stride: int = 1) -> None:
        super().__init__()
        reach = (kernel - 1) // 2 * dilation
        self.norm, self.second_norm = ChannelNorm(channels), ChannelNorm(out_channels)
        self.conv = nn.Conv1d(channels, out_channels, kernel, stride, reach, dilation)
        self.second = nn.Conv1d(out_channels, out_channels, kernel, 1, reach, dilation)
        plain = channels == out_channels and stride == 1
        self.skip = nn.Identity() if plain else nn.Conv1d(channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.silu(self.second_norm(self.conv(self.norm(x))))
        return self.skip(x) + self.second(y)


class StyleEncoder(nn.Module):
    """forward(codes (B, channels, T) of the offsets, by `MeshMap`) -> (B, 2 * channels): scale, then shift.

    Over time only the mean, the deviation, and the deviation of the difference between frames are kept.
    """

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        first, second = config.channels, config.style_channels
        self.stages = nn.Sequential(
            ResidualBlock(first, first),
            ResidualBlock(first, first),
            ResidualBlock(first, second, stride=2),
            ResidualBlock(second, second),
        )
        self.leave = nn.Linear(3 * second, 2 * first)
        nn.init.zeros_(self.leave.bias)
        with torch.no_grad():
            self.leave.bias[:first] = 1.0

    def forward(self, codes: Tensor) -> Tensor:
        x = self.stages(codes)
        return self.leave(torch.cat([x.mean(2), _deviation(x), _deviation(x[:, :, 1:] - x[:, :, :-1])], 1))


def _deviation(x: Tensor) -> Tensor:
    """(B, C, T) -> (B, C): the standard deviation over time, with a slope where nothing moves."""
    centred = x - x.mean(2, keepdim=True)
    return (centred.square().mean(2) + EPSILON).sqrt()
