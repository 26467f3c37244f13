"""From audio and expression to one categorical latent a frame (after MeshTalk, Richard et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack


class ExpressionEncoder(nn.Module):
    """forward(coefficients (B, T, basis)) -> (B, expression_channels, T): what the face does, seen causally."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.enter = nn.Conv1d(config.basis, config.expression_channels, 1)
        self.stack = CausalStack(config.expression_channels, 3, config.expression_dilations)

    def forward(self, coefficients: Tensor) -> Tensor:
        x = self.enter(coefficients.transpose(1, 2))
        return self.stack(x, self.stack.initial(len(x)))[0]


class Fusion(nn.Module):
    """Audio and expression codes to the logits of H heads x C classes.

    forward(audio (B, A, T), expression (B, E, T)) -> (B, T, H, C).

    Each head weighs its two sources by a learned gate g: logits = g * audio_h + (1 - g) * expression_h. Half the gates
    start near 1, half near 0: from an even start they settle where every head listens a little to both, and a smile
    then moves what speech should. The cross-modality loss keeps them apart.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.classes = config.heads, config.classes
        width = config.heads * config.classes
        self.audio = nn.Sequential(nn.Conv1d(config.audio_channels, 256, 1), nn.SiLU(), nn.Conv1d(256, width, 1))
        self.expression = nn.Sequential(
            nn.Conv1d(config.expression_channels, 256, 1), nn.SiLU(), nn.Conv1d(256, width, 1)
        )
        self.gate = nn.Parameter(torch.where(torch.arange(config.heads) < config.heads // 2, 1.0, -1.0))

    def forward(self, audio: Tensor, expression: Tensor) -> Tensor:
        return self.mix(self.audio(audio), self.expression(expression))

    @property
    def hearing(self) -> Tensor:
        """(H,) bool: the heads that follow the audio rather than the expression."""
        return self.gate.detach() > 0

    def mix(self, heard: Tensor, seen: Tensor) -> Tensor:
        """The logits of what `audio` and `expression` each made of their codes, (B, H * C, T) -> (B, T, H, C)."""
        gate = torch.sigmoid(6.0 * self.gate)[:, None, None]
        shape = (len(heard), self.heads, self.classes, -1)
        mixed = gate * heard.view(shape) + (1.0 - gate) * seen.view(shape)
        return mixed.permute(0, 3, 1, 2)


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
