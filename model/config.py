"""What a model is: its sizes, as frozen data that is stored as JSON beside the weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from voxmesh.stream.features import FeatureConfig


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the networks. `heads` x `classes` is the categorical latent of one frame.

    audio_channels, audio_dilations: the audio encoder (kernel 3, at the frame rate).
    expression_channels: the expression encoder. heads_channels: hidden width of what makes either's codes into heads.
    decoder_channels: from latents to basis coefficients. context_channels, context_dilations: the autoregressive model.
    basis: vectors of the face basis. identity_dims: numbers that describe a neutral template.
    style_dims: numbers of a style (`style.py`); 0 for networks that know none.
    """

    features: FeatureConfig = field(default_factory=FeatureConfig)
    heads: int = 12
    classes: int = 64
    audio_channels: int = 192
    audio_dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    audio_dropout: float = 0.1
    expression_channels: int = 96
    expression_dilations: tuple[int, ...] = (1, 2, 4)
    heads_channels: int = 256
    decoder_channels: int = 128
    decoder_dilations: tuple[int, ...] = (1, 2, 4)
    context_channels: int = 96
    context_dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    basis: int = 48
    identity_dims: int = 8
    style_dims: int = 0

    @property
    def heard_heads(self) -> int:
        """How many heads, the first ones, follow the audio."""
        return self.heads // 2

    @property
    def free_heads(self) -> int:
        """How many heads, the others, do not."""
        return self.heads - self.heard_heads


def to_json(config: ModelConfig) -> dict:
    """Plain JSON data; `from_json` reads it back."""
    return dataclasses.asdict(config)


def from_json(data: dict) -> ModelConfig:
    """The config in `data`. Raises TypeError for a field this version does not know."""
    data = dict(data)
    features = FeatureConfig(**data.pop("features", {}))
    tuples: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return ModelConfig(features=features, **tuples)
