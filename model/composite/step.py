"""The streaming step of the composite family, which gets exported: a frame of features and a style in, vertices out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from voxmesh.model.composite.mesh_map import OFFSET_SCALE, MeshMap
from voxmesh.model.composite.network import Composite
from voxmesh.model.face_basis import add_motion
from voxmesh.model.step import Inputs, OneFrame
from voxmesh.stream.errors import VoxmeshError


class CompositeStep(nn.Module):
    """One frame of B streams: forward(features, noise, template, identity, style, *states) -> (vertices, labels,
    *states), as `voxmesh.model.step.Step`. There is no latent: noise is (B, 0, 1) and labels (B, 0).

    identity: (B, 1, channels), from `TemplateCode`. style: (B, 2 * channels), from the style encoder.
    Raises VoxmeshError for a model that cannot stream.
    """

    def __init__(self, model: Composite) -> None:
        super().__init__()
        if not model.config.streams:
            raise VoxmeshError(
                "a model that hears with HuBERT, or sees later frames, cannot run live: nothing to export"
            )
        self.config = model.config
        self.model = model
        self.hear, self.fuse = OneFrame(model.front.encoder), OneFrame(model.stack)
        self.register_buffer("basis", model.mesh.matrix.detach().t().contiguous())

    def initial(self, batch: int = 1) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        return {"audio_past": self.model.front.encoder.stack.line(batch), "fused_past": self.model.stack.line(batch)}

    def examples(self, sessions: int) -> dict[str, Tensor]:
        """Zeros of the right shapes, by input name and in the order of `forward`'s arguments."""
        c = self.config
        return {
            "features": torch.zeros(sessions, c.features.hops_per_frame * c.features.mels),
            "noise": torch.zeros(sessions, c.heads, c.classes),
            "template": torch.zeros(sessions, c.vertices, 3),
            "identity": torch.zeros(sessions, 1, c.channels),
            "style": torch.zeros(sessions, c.style_dims),
            **self.initial(sessions),
        }

    def identity_graph(self) -> nn.Module:
        """What makes `identity` of a template (V, 3)."""
        return TemplateCode(self.model.mesh).eval()

    def style_graph(self) -> nn.Module | None:
        """What makes a style of a clip's offsets (T, V, 3); nothing in a model that goes without style."""
        return None if self.model.styles is None else ClipStyle(self.model).eval()

    def whole(
        self, features: Tensor, noise: Tensor, template: Tensor, styles: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The training-time path: (T, F), _, (V, 3), (T, S), (T, 0) -> the labels, and vertices (T, V, 3)."""
        codes = self.model(features[None], styles[None], template[None])[0]
        return labels, template + self.model.mesh.whole(self.model.mesh.decode(codes))

    def forward(
        self, features: Tensor, noise: Tensor, template: Tensor, identity: Tensor, style: Tensor, *states: Tensor
    ) -> Inputs:
        audio_past, fused_past = states
        code, audio_past = self.hear(features, audio_past)
        audio = linear(code, self.model.enter.weight[:, :, 0], self.model.enter.bias)
        scale, shift = style.chunk(2, 1)
        codes, fused_past = self.fuse(audio * scale + shift + identity[:, 0], fused_past)
        mesh = self.model.mesh
        vertices = add_motion(template, codes * (OFFSET_SCALE * mesh.size_m), self.basis, mesh.order)
        return vertices, noise[:, :, 0].long(), audio_past, fused_past


class TemplateCode(nn.Module):
    """forward(template (V, 3)) -> (1, channels): once a stream, not once a frame."""

    def __init__(self, mesh: MeshMap) -> None:
        super().__init__()
        self.mesh = mesh

    def forward(self, template: Tensor) -> Tensor:
        return self.mesh.encode_template(template[None])


class ClipStyle(nn.Module):
    """forward(offsets (T, V, 3) metres from the template) -> (2 * channels,): a driving sequence's style."""

    def __init__(self, model: Composite) -> None:
        super().__init__()
        self.model = model

    def forward(self, offsets: Tensor) -> Tensor:
        return self.model.style(self.model.mesh.rows(offsets)[None])[0, 0]
