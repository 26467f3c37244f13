"""From categorical latents to coefficients of the face basis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack


class Decoder(nn.Module):
    """Latents to the coefficients of the neutral identity; `FaceBasis` turns those and a template into vertices.

    The causal stack lets several frames' codes speak for one pose: one of C classes a head is coarse, their run is not.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.classes = config.heads, config.classes
        self.book = nn.Parameter(torch.randn(config.heads * config.classes, config.decoder_channels) * 0.3)
        self.stack = CausalStack(config.decoder_channels, 3, config.decoder_dilations)
        self.leave = nn.Conv1d(config.decoder_channels, config.basis, 1)

    def initial(self, batch: int) -> list[Tensor]:
        return self.stack.initial(batch)

    def forward(self, latent: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """latent: (B, T, H, C) one-hot, kept differentiable for training -> (coefficients (B, T, basis), pasts)."""
        return self.decode(latent.flatten(2) @ self.book, pasts)

    def embed(self, labels: Tensor) -> Tensor:
        """(H,) int64 labels of a frame -> (decoder_channels,): the gather that a one-hot product amounts to."""
        return self.book[labels + torch.arange(self.heads, device=labels.device) * self.classes].sum(0)

    def decode(self, embedded: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """(B, T, decoder_channels) sums of embeddings -> (coefficients (B, T, basis), pasts)."""
        x, pasts = self.stack(embedded.transpose(1, 2), pasts)
        return self.leave(x).transpose(1, 2), pasts
