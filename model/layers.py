"""Causal layers whose past is an argument and a result: `y, past = layer(x, past)`.

A whole sequence is one call with an empty (zero) past; a stream is many calls of one step each. Both are this code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CausalConv(nn.Module):
    """Dilated convolution that sees the present and `past_steps` = (kernel - 1) * dilation steps before it.

    forward(x (B, C, T), past (B, C, past_steps)) -> (y (B, D, T), past (B, C, past_steps)).
    """

    def __init__(self, channels: int, out_channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.channels = channels
        self.past_steps = (kernel - 1) * dilation
        self.conv = nn.Conv1d(channels, out_channels, kernel, dilation=dilation)

    def initial(self, batch: int) -> Tensor:
        """The past before anything was heard: zeros."""
        return self.conv.weight.new_zeros(batch, self.channels, self.past_steps)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat([past, x], dim=2)
        return self.conv(x), x[:, :, x.shape[2] - self.past_steps :]


class CausalBlock(nn.Module):
    """Residual block: causal convolution, gate, 1x1 convolution. Shapes as `CausalConv` with D = C."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv = CausalConv(channels, channels, kernel, dilation)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def initial(self, batch: int) -> Tensor:
        return self.conv.initial(batch)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        y, past = self.conv(self.norm(x), past)
        return x + self.mix(self.dropout(nn.functional.silu(y))), past


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of (B, C, T), each step by itself: a norm over time would not be causal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        return centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + 1e-5) * self.gain + self.bias


class CausalStack(nn.Module):
    """A run of `CausalBlock`s with the given dilations.

    forward(x (B, C, T), pasts: one a block) -> (y (B, C, T), pasts).
    """

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(CausalBlock(channels, kernel, d, dropout) for d in dilations)

    def initial(self, batch: int) -> list[Tensor]:
        return [block.initial(batch) for block in self.blocks]

    def forward(self, x: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        after = []
        for block, past in zip(self.blocks, pasts, strict=True):
            x, past = block(x, past)
            after.append(past)
        return x, after
