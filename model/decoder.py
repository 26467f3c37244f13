"""From categorical latents to coefficients of the face basis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack
from voxmesh.model.style import Modulation


class Decoder(nn.Module):
    """Latents to the coefficients of the neutral identity; `FaceBasis` turns those and a template into vertices.

    The causal stack lets several frames' codes speak for one pose: one of C classes a head is coarse, their run is not.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.classes = config.heads, config.classes
        self.book = nn.Parameter(torch.randn(config.heads * config.classes, config.decoder_channels) * 0.3)
        self.styled = Modulation(config.style_dims, config.decoder_channels) if config.style_dims else None
        self.stack = CausalStack(config.decoder_channels, 3, config.decoder_dilations)
        self.leave = nn.Conv1d(config.decoder_channels, config.basis, 1)

    def initial(self, batch: int) -> list[Tensor]:
        return self.stack.initial(batch)

    def forward(self, latent: Tensor, pasts: list[Tensor], style: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """latent: (B, T, H, C) one-hot, kept differentiable for training -> (coefficients (B, T, basis), pasts).

        style: (B, T or 1, S), of networks that know styles.
        """
        x = latent.flatten(2) @ self.book
        if self.styled is not None:
            x = self.styled(x, style)
        x, pasts = self.stack(x.transpose(1, 2), pasts)
        return self.leave(x).transpose(1, 2), pasts

    def step(self, labels: Tensor, line: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One frame of B streams: (B, H) int64 labels, the stack's delay line and (B, S) styles, of networks that know
        some -> (coefficients (B, basis), line).

        Embeddings are gathered, which the product with a one-hot latent amounts to.
        """
        rows = torch.arange(self.heads, device=labels.device) * self.classes
        x = self.book[labels + rows].sum(1)
        if self.styled is not None:
            x = self.styled(x, style)
        x, line = self.stack.step(x, line)
        return linear(x, self.leave.weight[:, :, 0], self.leave.bias), line
