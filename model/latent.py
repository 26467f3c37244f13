"""From audio and expression to one categorical latent a frame (after MeshTalk, Richard et al., ICCV 2021).

MeshTalk fuses both before every head, and then a second model must guess from the audio what the first made of both.
Here the first `heard_heads` are given the audio alone and the others the expression alone: live, the former are what
they were in training. What motion goes where is the cross-modality loss's doing as before: without it the expression's
heads take the mouth with them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack

FREE_TEMPERATURE = 1.12
"""At which the heads that do not follow the audio are sampled, live."""


class ExpressionEncoder(nn.Module):
    """forward(coefficients (B, T, basis)) -> (B, expression_channels, T): what the face does, seen causally."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.enter = nn.Conv1d(config.basis, config.expression_channels, 1)
        self.stack = CausalStack(config.expression_channels, 3, config.expression_dilations)

    def forward(self, coefficients: Tensor) -> Tensor:
        x = self.enter(coefficients.transpose(1, 2))
        return self.stack(x, self.stack.initial(len(x)))[0]


class Heads(nn.Module):
    """Codes to the logits of some of the latent's heads: forward((B, channels, T)) -> (B, T, heads, C)."""

    def __init__(self, config: ModelConfig, channels: int, heads: int) -> None:
        super().__init__()
        self.shape = (heads, config.classes)
        self.enter = nn.Conv1d(channels, config.heads_channels, 1)
        self.leave = nn.Conv1d(config.heads_channels, heads * config.classes, 1)

    def forward(self, codes: Tensor) -> Tensor:
        logits = self.leave(functional.silu(self.enter(codes)))
        return logits.transpose(1, 2).unflatten(2, self.shape)

    def step(self, codes: Tensor, noise: Tensor) -> Tensor:
        """One frame of B streams: (B, channels), and (B, heads, C) added to the logits -> (B, heads) int64 labels."""
        heads, classes = self.shape
        hidden = functional.silu(functional.linear(codes, self.enter.weight[:, :, 0], self.enter.bias))
        logits = torch.addmm(
            noise.reshape(-1, heads * classes) + self.leave.bias, hidden, self.leave.weight[:, :, 0].t()
        )
        return logits.reshape(-1, heads, classes).argmax(2)


def gumbel_like(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Standard Gumbel noise in the shape of `logits`, float32."""
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp_(1e-9, 1.0 - 1e-7)
    return -torch.log(-torch.log(uniform))


def sample_latent(logits: Tensor, noise: Tensor) -> Tensor:
    """(B, T, H, C) logits and noise -> one-hot of the same shape: straight-through Gumbel-softmax (Jang et al. 2017).

    Standard Gumbel noise samples, zeros take the most probable class.
    """
    soft = functional.softmax(logits + noise, dim=-1)
    hard = functional.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()
