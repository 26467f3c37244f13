"""Template and labels to vertices, the LSTM's state an argument and a result."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.meshtalk.config import SLOPE, MeshTalkConfig

LSTM_LAYERS = 2


class Decoder(nn.Module):
    """forward(template (B, V, 3), one_hot (B, T, H, C), state) -> (vertices (B, T, V, 3), state).

    State: the LSTM's h and c, (LSTM_LAYERS, B, code) each. mean: (V, 3). stddev: (1,). Both in the mesh's own unit.
    """

    mean: Tensor
    stddev: Tensor

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.classes = config.classes
        inward = (3 * config.vertices, *config.decoder_widths)
        outward = (config.code, *inward[-2::-1])
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(inward))
        self.fusion = nn.Linear(inward[-1] + config.heads * config.classes, config.code)
        self.temporal = nn.LSTM(config.code, config.code, LSTM_LAYERS, batch_first=True)
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(outward))
        self.vertex_bias = nn.Parameter(torch.zeros(3 * config.vertices))
        self.register_buffer("mean", torch.zeros(config.vertices, 3))
        self.register_buffer("stddev", torch.ones(1))
        self.part_sizes = (config.code, *config.decoder_widths[-2::-1])

    def initial(self, batch: int) -> list[Tensor]:
        zeros = self.vertex_bias.new_zeros(LSTM_LAYERS, batch, self.temporal.hidden_size)
        return [zeros, zeros.clone()]

    def forward(self, template: Tensor, one_hot: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        identity, skip = self.identity(template)[:, None], self.normalise(template)[:, None]
        spoken = functional.linear(one_hot.flatten(2), self.fusion.weight[:, -one_hot[0, 0].numel() :])
        return self.decode(spoken, identity, skip, state)

    def identity(self, template: Tensor) -> Tensor:
        """What a template is to every frame, once a stream: (B, V, 3) -> (B, sum of part_sizes).

        First its share of the fusion, then the skips, in the order in which the decoder adds them.
        """
        x, skips = self.normalise(template), []
        for layer in self.encoder:
            x = functional.leaky_relu(layer(x), SLOPE)
            skips.append(x)
        code = skips.pop()
        fused = functional.linear(code, self.fusion.weight[:, : code.shape[1]], self.fusion.bias)
        return torch.cat([fused, *skips[::-1]], 1)

    def normalise(self, template: Tensor) -> Tensor:
        """(B, V, 3) -> (B, 3 * V)."""
        return ((template - self.mean) / self.stddev).flatten(1)

    def embed(self, labels: Tensor) -> Tensor:
        """(B, H) int64 -> their share of the fusion (B, code): the gather that a one-hot product amounts to."""
        heads = labels.shape[1]
        rows = labels + torch.arange(heads, device=labels.device) * self.classes
        return functional.embedding(rows, self.fusion.weight[:, -heads * self.classes :].T).sum(1)

    def decode(
        self, spoken: Tensor, identity: Tensor, skip: Tensor, state: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """spoken (B, T, code), identity (B, 1, ...), normalised template (B, 1, 3 * V) -> (vertices, state)."""
        fused, *skips = identity.split(self.part_sizes, -1)
        x, after = self.temporal(functional.leaky_relu(spoken + fused, SLOPE), tuple(state))
        for layer, inner in zip(self.decoder[:-1], skips, strict=True):
            x = functional.leaky_relu(layer(x), SLOPE) + inner
        x = self.decoder[-1](x) + skip + self.vertex_bias
        return x.unflatten(2, (-1, 3)) * self.stddev + self.mean, list(after)
