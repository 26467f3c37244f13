"""The composite model over whole sequences: how it trains, and how it is evaluated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voxmesh.model.composite.config import CompositeConfig
from voxmesh.model.composite.front import CausalFront, HubertFront
from voxmesh.model.composite.mesh_map import MeshMap
from voxmesh.model.composite.style_encoder import ResidualBlock, StyleEncoder
from voxmesh.model.layers import CausalStack


class Composite(nn.Module):
    """Audio features, a style and a template to codes of the mesh; `mesh` makes vertices of those.

    fused = audio * scale + shift + template, all of `channels`; then eight residual blocks.
    """

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.config = config
        self.front = CausalFront(config) if config.front == "causal" else HubertFront(config)
        self.enter = nn.Conv1d(self.front.channels, config.channels, 1)
        self.mesh = MeshMap(config.vertices, config.moving, config.channels)
        self.styles = StyleEncoder(config) if config.styled else None
        c = config.channels
        if config.causal:
            self.stack = CausalStack(c, config.kernel, config.dilations)
        else:
            self.stack = nn.Sequential(*(ResidualBlock(c, c, config.kernel, d) for d in config.dilations))

    def forward(self, sound: Tensor, style: Tensor, templates: Tensor) -> Tensor:
        """sound: what the front end hears. style: (B, T or 1, 2 * channels). templates: (B, V, 3) metres.

        Returns (B, T, channels), to be decoded by `mesh`.
        """
        audio = self.enter(self.front(sound))
        scale, shift = style.transpose(1, 2).chunk(2, 1)
        fused = audio * scale + shift + self.mesh.encode_template(templates).unsqueeze(2)
        if self.config.causal:
            return self.stack(fused, self.stack.initial(len(fused)))[0].transpose(1, 2)
        return self.stack(fused).transpose(1, 2)

    def style(self, offsets: Tensor, shapes: Tensor | None = None) -> Tensor:
        """(B, T, 3 M) metres from the template, or (B, T, K) weights of `shapes` (K, 3 M) -> (B, 1, 2 * channels).

        Scale 1 and shift 0 where the model goes without.
        """
        if self.styles is None:
            none = offsets.new_zeros(len(offsets), 1, self.config.channels)
            return torch.cat([none + 1.0, none], 2)
        return self.styles(self.mesh.encode(offsets, shapes).transpose(1, 2)).unsqueeze(1)
