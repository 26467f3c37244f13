"""What runs live; and the streaming step, which gets exported: a frame of features and noise in, vertices out.

It steps a batch of streams, so that one call serves many sessions: reading the weights is what a frame costs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.config import ModelConfig
from voxmesh.model.context import ContextModel
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.latent import Heads

Inputs = tuple[Tensor, ...]
STATES = 4
"""How many states a step has."""


class Live(nn.Module):
    """What runs live before the decoder: the audio encoder, the heads that follow it, and the model of the others.

    forward: (B, T, F) features, (B, T, free heads) labels, and as the past shall show them, and (B, T or 1, S) styles
    for networks that know some -> (B, T, H, C) logits.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.audio = AudioEncoder(config)
        self.hear = Heads(config, config.audio_channels, config.heard_heads)
        self.context = ContextModel(config)

    def forward(self, features: Tensor, labels: Tensor, history: Tensor, style: Tensor | None = None) -> Tensor:
        codes = self.encode(features)
        return torch.cat([self.hear(codes), self.context(labels, history, codes, style)], 2)

    def encode(self, features: Tensor) -> Tensor:
        """(B, T, F) -> (B, A, T), nothing heard before."""
        return self.audio(features, self.audio.initial(len(features)))[0]


class Step(nn.Module):
    """One frame of B streams: forward(features, noise, template, identity, *states) -> (vertices, labels, *states).

    features: (B, hops * mels) of this frame. noise: (B, H, C), added to the logits; none takes the most probable.
    template: (B, V, 3) metres. identity: (B, basis, basis), from `IdentityStep`. vertices: (B, V, 3).
    labels: (B, H) int64. states: as `initial`. Networks that know styles take (B, S) before the states.
    """

    def __init__(self, config: ModelConfig, live: Live, decoder: Decoder, face: FaceBasis):
        super().__init__()
        self.config = config
        self.live, self.decoder, self.face = live, decoder, face
        self.encode, self.hear, self.guess = OneFrame(live.audio), OneFrame(live.hear), OneFrame(live.context)
        self.decode = OneFrame(decoder)

    def initial(self, batch: int = 1) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        audio, context = self.live.audio.stack, self.live.context
        return {
            "audio_past": audio.line(batch),
            "context_past": context.past_stack.line(batch),
            "context_said": context.past_book.new_zeros(batch, context.width),
            "decoder_past": self.decoder.stack.line(batch),
        }

    def examples(self, sessions: int) -> dict[str, Tensor]:
        """Zeros of the right shapes, by input name and in the order of `forward`'s arguments."""
        c = self.config
        return {
            "features": torch.zeros(sessions, c.features.hops_per_frame * c.features.mels),
            "noise": torch.zeros(sessions, c.heads, c.classes),
            "template": torch.zeros(sessions, len(self.face.order), 3),
            "identity": torch.eye(c.basis).repeat(sessions, 1, 1),
            **({"style": torch.zeros(sessions, c.style_dims)} if c.style_dims else {}),
            **self.initial(sessions),
        }

    def identity_graph(self) -> nn.Module:
        """What makes `identity` of a template (V, 3)."""
        return IdentityStep(self.face).eval()

    def style_graph(self) -> None:
        """What makes a style of a clip: nothing does."""

    def whole(
        self, features: Tensor, noise: Tensor, template: Tensor, styles: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The training-time path over a whole sequence, given the streamed labels as the past.

        features (T, F), noise (T, H, C), template (V, 3), styles (T, S), labels (T, H) -> labels (T, H), vertices.
        """
        free, style = labels[None, :, self.config.heard_heads :], styles[None]
        logits = self.live(features[None], free, free, style)[0]
        one_hot = functional.one_hot(labels, self.config.classes).float()[None]
        coefficients, _ = self.decoder(one_hot, self.decoder.initial(1), style)
        return (logits + noise).argmax(-1), self.face(coefficients[0], template, self.face.shape(template))

    def forward(self, features: Tensor, noise: Tensor, template: Tensor, identity: Tensor, *others: Tensor) -> Inputs:
        styles, states = others[: len(others) - STATES], others[len(others) - STATES :]
        audio_past, context_past, said, decoder_past = states
        heard_heads = self.config.heard_heads
        code, audio_past = self.encode(features, audio_past)
        heard = self.hear(code, noise[:, :heard_heads])
        free, context_past, said = self.guess(noise[:, heard_heads:], code, context_past, said, *styles)
        labels = torch.cat([heard, free], 1)
        coefficients, decoder_past = self.decode(labels, decoder_past, *styles)
        vertices = self.face.step(coefficients, template, identity)
        return vertices, labels, audio_past, context_past, said, decoder_past


class OneFrame(nn.Module):
    """The `step` of a module, called as a module of its own: the exported graph's nodes are named by it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *arguments: Tensor) -> Inputs:
        return self.module.step(*arguments)


class IdentityStep(nn.Module):
    """forward(template (V, 3)) -> identity (basis, basis): once a stream, not once a frame."""

    def __init__(self, face: FaceBasis) -> None:
        super().__init__()
        self.shape = face.shape

    def forward(self, template: Tensor) -> Tensor:
        return self.shape(template)
