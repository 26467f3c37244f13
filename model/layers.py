"""Causal layers whose past is an argument and a result: `y, past = layer(x, past)`.

A whole sequence is one call with an empty (zero) past; a stream is many calls. `forward` takes any number of steps and
is what trains. `step` is the same layer for exactly one step of many streams: a convolution is then a linear map of a
few rows, and a stack keeps all its pasts in one delay line. A test holds both to the same numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
"""Added to the variance by norms."""


class CausalConv(nn.Module):
    """Dilated convolution that sees the present and `past_steps` = (kernel - 1) * dilation steps before it.

    forward(x (B, C, T), past (B, C, past_steps)) -> (y (B, D, T), past (B, C, past_steps)).
    """

    def __init__(self, channels: int, out_channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.channels = channels
        self.kernel_rows = (out_channels, channels * kernel)
        self.past_steps = (kernel - 1) * dilation
        self.conv = nn.Conv1d(channels, out_channels, kernel, dilation=dilation)

    def initial(self, batch: int) -> Tensor:
        """The past before anything was heard: zeros."""
        return self.conv.weight.new_zeros(batch, self.channels, self.past_steps)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat([past, x], dim=2)
        return self.conv(x), x[:, :, x.shape[2] - self.past_steps :]

    def step(self, rows: Tensor) -> Tensor:
        """(B, kernel * C), the steps that the kernel sees, oldest first -> (B, D)."""
        return functional.linear(rows, self.conv.weight.transpose(1, 2).reshape(self.kernel_rows), self.conv.bias)


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
        return x + self.mix(self.dropout(functional.silu(y))), past

    def step(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """x: (B, C). seen: (B, (kernel - 1) * C), past rows, oldest first -> (y (B, C), the row to remember (B, C))."""
        row = self.norm.step(x)
        y = functional.silu(self.conv.step(torch.cat([seen, row], 1)))
        return x + functional.linear(y, self.mix.weight[:, :, 0], self.mix.bias), row


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of (B, C, T), each step by itself: a norm over time would not be causal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shape = (channels,)
        self.gain = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        return centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + EPSILON) * self.gain + self.bias

    def step(self, x: Tensor) -> Tensor:
        """(B, C) -> (B, C)."""
        return functional.layer_norm(x, self.shape, self.gain[:, 0], self.bias[:, 0], EPSILON)


class CausalStack(nn.Module):
    """A run of `CausalBlock`s with the given dilations.

    forward(x (B, C, T), pasts: one a block) -> (y (B, C, T), pasts).
    """

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(CausalBlock(channels, kernel, d, dropout) for d in dilations)
        self.channels = channels
        pasts = [(kernel - 1) * d for d in dilations]
        starts = [sum(pasts[:i]) for i in range(len(pasts))]
        self.line_rows = sum(pasts)
        # The oldest row is a part's first: one dilation further is what the kernel's next tap sees.
        self._seen = [start + tap * d for start, d in zip(starts, dilations, strict=True) for tap in range(kernel - 1)]
        # A step drops each part's oldest row and appends one of the rows that it hangs behind the line.
        kept = [[*range(starts[i] + 1, starts[i] + past), self.line_rows + i] for i, past in enumerate(pasts)]
        self._kept = [row for part in kept for row in part]

    def initial(self, batch: int) -> list[Tensor]:
        return [block.initial(batch) for block in self.blocks]

    def forward(self, x: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        after = []
        for block, past in zip(self.blocks, pasts, strict=True):
            x, past = block(x, past)
            after.append(past)
        return x, after

    def line(self, batch: int) -> Tensor:
        """(B, line_rows * C): the delay line of `step` before anything was heard, the blocks' pasts in a row."""
        return self.blocks[0].initial(batch).new_zeros(batch, self.line_rows * self.channels)

    def step(self, x: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
        """One step of B streams: (B, C) and (B, line_rows * C) -> the same shapes."""
        rows = []
        width = len(self._seen) // len(self.blocks) * self.channels
        for block, seen in zip(self.blocks, self._take(line, self.line_rows, self._seen).split(width, 1), strict=True):
            x, row = block.step(x, seen)
            rows.append(row)
        longer = torch.cat([line, *rows], 1)
        return x, self._take(longer, self.line_rows + len(rows), self._kept)

    def _take(self, line: Tensor, length: int, rows: list[int]) -> Tensor:
        """(B, length * C) -> (B, len(rows) * C): those rows of C."""
        taken = line.reshape(-1, length, self.channels).index_select(1, torch.tensor(rows, device=line.device))
        return taken.reshape(-1, len(rows) * self.channels)
