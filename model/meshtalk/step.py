"""The whole model; and its streaming step of fixed state, with the arguments of our own (`voxmesh.model.step`)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.meshtalk.config import MeshTalkConfig
from voxmesh.model.meshtalk.context import ContextModel
from voxmesh.model.meshtalk.decoder import Decoder
from voxmesh.model.meshtalk.encoder import Encoder


class MeshTalk(nn.Module):
    """The three networks. forward(log-mel windows (T, mels, hops), labels (T, H), template (V, 3)) evaluates a whole
    sequence of known labels: -> (logits (T, H, C), vertices (T, V, 3) in the template's unit).
    """

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.context = ContextModel(config)
        self.decoder = Decoder(config)

    def forward(self, log_mel: Tensor, labels: Tensor, template: Tensor) -> tuple[Tensor, Tensor]:
        audio = self.encoder.audio_encoder(log_mel)[None]
        one_hot = functional.one_hot(labels, self.config.classes).to(audio.dtype)[None]
        vertices, _ = self.decoder(template[None], one_hot, self.decoder.initial(1))
        return self.context(one_hot, audio)[0], vertices[0]


class Step(nn.Module):
    """forward(features, noise, temperature, template, identity, *states) -> (vertices, labels, *states).

    features: (mels, hops), the log-mel second around this frame. noise: (H, C) Gumbel noise. temperature: (H,), 0 takes
    the most probable. template: (V, 3). identity: (n,), from `IdentityStep`. vertices: (V, 3). labels: (H,) int64.
    """

    def __init__(self, model: MeshTalk) -> None:
        super().__init__()
        self.config = model.config
        self.audio, self.context, self.decoder = model.encoder.audio_encoder, model.context, model.decoder

    def initial(self) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        parts = {"context": self.context, "decoder": self.decoder}
        return {f"{name}_past_{i}": x for name, part in parts.items() for i, x in enumerate(part.initial(1))}

    def forward(
        self, features: Tensor, noise: Tensor, temperature: Tensor, template: Tensor, identity: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        count = len(self.context.layers) + 1
        audio = self.audio(features[None])
        noise = (temperature[:, None] * noise)[None]
        labels, _, pasts = self.context.step(audio, noise, list(states[:count]))
        skip = self.decoder.normalise(template[None])[:, None]
        spoken = self.decoder.embed(labels)[:, None]
        vertices, lstm = self.decoder.decode(spoken, identity[None, None], skip, list(states[count:]))
        return vertices[0, 0], labels[0], *pasts, *lstm


class SessionsStep(nn.Module):
    """`Step` as a bundle has it: B streams, in metres. forward(features, noise, template, identity, *states).

    features: (B, mels * hops). noise: (B, H, C), temperature and all. template: (B, V, 3) metres; identity: (B, 1, n).
    Returns vertices (B, V, 3) metres, labels (B, H) int64 and states, all with the sessions first.
    unit_m: what one of the mesh's own units is in metres. origin: (3,) metres, where a bundle's zero lies in its space.
    """

    origin: Tensor

    def __init__(self, model: MeshTalk, unit_m: float, origin: Tensor) -> None:
        super().__init__()
        self.config, self.unit_m = model.config, unit_m
        self.audio, self.context, self.decoder = model.encoder.audio_encoder, model.context, model.decoder
        self.register_buffer("origin", origin)

    def initial(self, batch: int = 1) -> dict[str, Tensor]:
        """The states before the first frame, by name, in the order of the inputs."""
        context = {f"context_past_{i}": past for i, past in enumerate(self.context.initial(batch))}
        lstm = {f"decoder_past_{i}": past.transpose(0, 1) for i, past in enumerate(self.decoder.initial(batch))}
        return context | lstm

    def forward(
        self, features: Tensor, noise: Tensor, template: Tensor, identity: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        count = len(self.context.layers) + 1
        audio = self.audio(features.reshape(-1, self.config.sound.mels, self.config.sound.hops))
        labels, _, pasts = self.context.step(audio, noise, list(states[:count]))
        own = (template + self.origin) / self.unit_m
        skip, spoken = self.decoder.normalise(own)[:, None], self.decoder.embed(labels)[:, None]
        lstm = [state.transpose(0, 1).contiguous() for state in states[count:]]
        vertices, lstm = self.decoder.decode(spoken, identity, skip, lstm)
        moved = vertices[:, 0] * self.unit_m - self.origin
        return moved, labels, *pasts, *(state.transpose(0, 1) for state in lstm)


class IdentityStep(nn.Module):
    """forward(template (V, 3)) -> identity (n,): once a stream, not once a frame."""

    def __init__(self, model: MeshTalk) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, template: Tensor) -> Tensor:
        return self.decoder.identity(template[None])[0]


class SessionsIdentity(nn.Module):
    """forward(template (V, 3) metres) -> identity (1, n), for `SessionsStep`, of which it takes unit and origin."""

    origin: Tensor

    def __init__(self, step: SessionsStep) -> None:
        super().__init__()
        self.decoder, self.unit_m = step.decoder, step.unit_m
        self.register_buffer("origin", step.origin)

    def forward(self, template: Tensor) -> Tensor:
        return self.decoder.identity(((template + self.origin) / self.unit_m)[None])
