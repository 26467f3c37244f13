"""Audio and expression to the categorical latent's logits: what training needs, and nothing live."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.meshtalk.audio_encoder import AudioEncoder
from voxmesh.model.meshtalk.config import SLOPE, MeshTalkConfig


class ExpressionEncoder(nn.Module):
    """forward(normalised vertices (B, T, V, 3)) -> codes (B, T, code); it remembers earlier frames."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        widths = (3 * config.vertices, *config.expression_widths)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.lstm = nn.LSTM(widths[-1], config.code, batch_first=True)
        self.code = nn.Linear(config.code, config.code)

    def forward(self, vertices: Tensor) -> Tensor:
        x = vertices.flatten(2)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
        return self.code(self.lstm(x)[0])


class FusionModel(nn.Module):
    """forward(audio codes (..., audio_channels), expression codes (..., code)) -> logits (..., H, C)."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.shape = (config.heads, config.classes)
        widths = (config.audio_channels + config.code, config.code, config.code, config.heads * config.classes)
        self.mlp = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, audio: Tensor, expression: Tensor) -> Tensor:
        x = torch.cat([audio, expression], -1)
        for layer in self.mlp[:-1]:
            x = functional.leaky_relu(layer(x), SLOPE)
        return self.mlp[-1](x).unflatten(-1, self.shape)


class Encoder(nn.Module):
    """forward(log-mel windows (B, T, mels, hops), normalised vertices (B, T, V, 3)) -> logits (B, T, H, C)."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.audio_encoder = AudioEncoder(config)
        self.expression_encoder = ExpressionEncoder(config)
        self.fusion_model = FusionModel(config)

    def forward(self, log_mel: Tensor, vertices: Tensor) -> Tensor:
        audio = self.audio_encoder(log_mel.flatten(0, 1)).unflatten(0, log_mel.shape[:2])
        return self.fusion_model(audio, self.expression_encoder(vertices))
