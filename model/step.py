"""What runs live; and the streaming step, which gets exported: a frame of features and noise in, vertices out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.config import ModelConfig
from voxmesh.model.context import ContextModel
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.latent import Heads

Inputs = tuple[Tensor, ...]


class Live(nn.Module):
    """What runs live before the decoder: the audio encoder, the heads that follow it, and the model of the others.

    forward: (B, T, F) features, (B, T, free heads) labels, and as the past shall show them -> (B, T, H, C) logits.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.audio = AudioEncoder(config)
        self.hear = Heads(config, config.audio_channels, config.heard_heads)
        self.context = ContextModel(config)

    def forward(self, features: Tensor, labels: Tensor, history: Tensor) -> Tensor:
        codes = self.encode(features)
        return torch.cat([self.hear(codes), self.context(labels, history, codes)], 2)

    def encode(self, features: Tensor) -> Tensor:
        """(B, T, F) -> (B, A, T), nothing heard before."""
        return self.audio(features, self.audio.initial(len(features)))[0]


class Step(nn.Module):
    """forward(features, noise, temperature, template, identity, *states) -> (vertices, labels, *states).

    features: (hops * mels,) of this frame. noise: (H, C) Gumbel noise. temperature: (H,), 0 takes the most probable.
    template: (V, 3) metres. identity: (basis, basis), from `IdentityStep`. vertices: (V, 3). labels: (H,) int64.
    """

    def __init__(self, config: ModelConfig, live: Live, decoder: Decoder, face: FaceBasis):
        super().__init__()
        self.config = config
        self.live, self.decoder, self.face = live, decoder, face

    def initial(self) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        parts: dict[str, AudioEncoder | ContextModel | Decoder]
        parts = {"audio": self.live.audio, "context": self.live.context, "decoder": self.decoder}
        return {f"{name}_past_{i}": x for name, part in parts.items() for i, x in enumerate(part.initial(1))}

    def forward(
        self, features: Tensor, noise: Tensor, temperature: Tensor, template: Tensor, identity: Tensor, *states: Tensor
    ) -> Inputs:
        context, classes, heard_heads = self.live.context, self.config.classes, self.config.heard_heads
        audio_count = len(self.live.audio.stack.blocks)
        context_count = len(context.past_stack.blocks) + 1
        pasts = list(states)
        audio_pasts, pasts = pasts[:audio_count], pasts[audio_count:]
        context_pasts, decoder_pasts = pasts[:context_count], pasts[context_count:]
        noise = temperature[:, None] * noise

        code, audio_pasts = self.live.audio(features[None, None], audio_pasts)
        heard = (self.live.hear(code)[0, 0] + noise[:heard_heads]).argmax(1)
        base, context_pasts = context.history(code, context_pasts)
        labels = [heard]
        earlier = torch.zeros_like(base[:, 0])
        past = torch.zeros_like(earlier)
        for head in range(context.heads):
            label = (context.head(base, earlier, head) + noise[heard_heads + head]).argmax(1)
            earlier = earlier + context.head_book[head * classes + label]
            past = past + context.remember(label, head)
            labels.append(label)
        chosen = torch.cat(labels)
        coefficients, decoder_pasts = self.decoder.decode(self.decoder.embed(chosen)[None, None], decoder_pasts)
        vertices = self.face(coefficients[0], template, identity)[0]
        return vertices, chosen, *audio_pasts, *context_pasts, past, *decoder_pasts


class IdentityStep(nn.Module):
    """forward(template (V, 3)) -> identity (basis, basis): once a stream, not once a frame."""

    def __init__(self, face: FaceBasis) -> None:
        super().__init__()
        self.shape = face.shape

    def forward(self, template: Tensor) -> Tensor:
        return self.shape(template)
