"""Log-mel features to one code a frame, causally."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import linear

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack

SCALE = 0.3
"""Features have a standard deviation of about 3.5 (natural-log power)."""


class AudioEncoder(nn.Module):
    """forward(features (B, T, hops * mels), pasts) -> (codes (B, audio_channels, T), pasts).

    All look-ahead is in the features (`FeatureConfig.lookahead_samples`); the network itself sees no later step.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.enter = nn.Conv1d(config.features.hops_per_frame * config.features.mels, config.audio_channels, 1)
        self.stack = CausalStack(config.audio_channels, 3, config.audio_dilations, config.audio_dropout)

    def initial(self, batch: int) -> list[Tensor]:
        return self.stack.initial(batch)

    def forward(self, features: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return self.stack(self.enter(features.transpose(1, 2) * SCALE), pasts)

    def step(self, features: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
        """One frame of B streams: (B, hops * mels) and the stack's delay line -> (codes (B, A), line)."""
        return self.stack.step(linear(features * SCALE, self.enter.weight[:, :, 0], self.enter.bias), line)
