"""The streaming step: one frame of features and noise in, vertices and labels out. This is what gets exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.config import ModelConfig
from voxmesh.model.context import ContextModel
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis

Inputs = tuple[Tensor, ...]


class Step(nn.Module):
    """forward(features, noise, temperature, template, identity, *states) -> (vertices, labels, *states).

    features: (hops * mels,) of this frame. noise: (H, C) Gumbel noise. temperature: (H,), 0 takes the most probable.
    template: (V, 3) metres. identity: (basis, basis), from `IdentityStep`. vertices: (V, 3). labels: (H,) int64.
    """

    def __init__(
        self, config: ModelConfig, audio: AudioEncoder, context: ContextModel, decoder: Decoder, face: FaceBasis
    ):
        super().__init__()
        self.config = config
        self.audio, self.context, self.decoder, self.face = audio, context, decoder, face

    def initial(self) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        parts: dict[str, AudioEncoder | ContextModel | Decoder]
        parts = {"audio": self.audio, "context": self.context, "decoder": self.decoder}
        return {f"{name}_past_{i}": x for name, part in parts.items() for i, x in enumerate(part.initial(1))}

    def forward(
        self, features: Tensor, noise: Tensor, temperature: Tensor, template: Tensor, identity: Tensor, *states: Tensor
    ) -> Inputs:
        audio_count = len(self.audio.stack.blocks)
        context_count = len(self.context.past_stack.blocks) + 1
        pasts = list(states)
        audio_pasts, pasts = pasts[:audio_count], pasts[audio_count:]
        context_pasts, decoder_pasts = pasts[:context_count], pasts[context_count:]

        code, audio_pasts = self.audio(features[None, None], audio_pasts)
        base, context_pasts = self.context.history(code, context_pasts)
        labels = []
        earlier = torch.zeros_like(base[:, 0])
        embedded = torch.zeros_like(self.decoder.book[:1])
        past = torch.zeros_like(earlier)
        for head in range(self.config.heads):
            row = head * self.config.classes
            logits = self.context.head(base, earlier, head)
            label = (logits + temperature[head] * noise[head]).argmax(1)
            earlier = earlier + self.context.head_book[row + label]
            past = past + self.context.remember(label, head)
            embedded = embedded + self.decoder.embed(label, head)
            labels.append(label)
        coefficients, decoder_pasts = self.decoder.decode(embedded[:, None], decoder_pasts)
        vertices = self.face(coefficients[0], template, identity)[0]
        return vertices, torch.cat(labels), *audio_pasts, *context_pasts, past, *decoder_pasts


class IdentityStep(nn.Module):
    """forward(template (V, 3)) -> identity (basis, basis): once a stream, not once a frame."""

    def __init__(self, face: FaceBasis) -> None:
        super().__init__()
        self.shape = face.shape

    def forward(self, template: Tensor) -> Tensor:
        return self.shape(template)
