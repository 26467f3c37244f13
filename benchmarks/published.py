"""Inference as MeshTalk's published scheme does it, for timing: nothing is remembered but what was made.

For every frame the second around it is encoded again. Each layer of the context model keeps a row for every frame so
far, and the convolutions over the past are computed over all of them; then each head in turn passes every layer. Where
the description leaves a choice, it is the cheaper one: masked weights are not multiplied but left out, the template is
encoded once, the decoder's LSTM goes on from its state, and the last nine frames are not smoothed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from voxmesh.model.meshtalk.config import SLOPE
from voxmesh.model.meshtalk.step import MeshTalk


@dataclass(frozen=True)
class Past:
    """inputs: what each layer of the context model was given, (1, frames, H * C) each. lstm: the decoder's state."""

    inputs: list[Tensor]
    lstm: list[Tensor]

    @property
    def frames(self) -> int:
        return self.inputs[0].shape[1]


class Published:
    """frame(log-mel (mels, hops), noise (H, C), past) -> (vertices (V, 3), labels (H,), past), for one template."""

    def __init__(self, model: MeshTalk, template: Tensor) -> None:
        self.model = model
        self.layers = [model.context.embedding, *model.context.layers]
        self.identity = model.decoder.identity(template[None])[:, None]
        self.skip = model.decoder.normalise(template[None])[:, None]

    def start(self) -> Past:
        """The past before the first frame."""
        inputs = [layer.mask.new_zeros(1, 0, layer.mask.shape[1]) for layer in self.layers]
        return Past(inputs, self.model.decoder.initial(1))

    def frame(self, log_mel: Tensor, noise: Tensor, past: Past) -> tuple[Tensor, Tensor, Past]:
        audio = self.model.encoder.audio_encoder(log_mel[None])
        rows, labels = self._labels(self._before(audio, past), noise)
        inputs = [torch.cat([x, row[:, None]], 1) for x, row in zip(past.inputs, rows, strict=True)]
        spoken = functional.linear(rows[0], self.model.decoder.fusion.weight[:, -rows[0].shape[1] :])[:, None]
        vertices, lstm = self.model.decoder.decode(spoken, self.identity, self.skip, past.lstm)
        return vertices[0, 0], labels, Past(inputs, lstm)

    def _before(self, audio: Tensor, past: Past) -> list[Tensor]:
        """What each layer knows before this frame's labels, (1, H * D) each; the past of all frames, the last kept."""
        known = []
        for layer, x in zip(self.layers, past.inputs, strict=True):
            history = layer.historic(functional.pad(x, (0, 0, layer.past_frames, 0)).transpose(1, 2))[:, :, -1]
            sound = 0.0 if layer.unmasked_linear is None else layer.unmasked_linear(audio)
            known.append(history + sound + layer.masked_linear.bias)
        return known

    def _labels(self, known: list[Tensor], noise: Tensor) -> tuple[list[Tensor], Tensor]:
        """Head by head through every layer: the rows that each layer is given (1, H * C), and the labels (H,)."""
        heads, classes = noise.shape
        rows = [known[0].new_zeros(1, layer.mask.shape[1]) for layer in self.layers]
        labels = []
        for head in range(heads):
            for i, layer in enumerate(self.layers):
                own = slice(head * layer.out_channels, (head + 1) * layer.out_channels)
                seen = slice(0, head * layer.channels)
                y = functional.linear(rows[i][:, seen], layer.masked_linear.weight[own, seen]) + known[i][:, own]
                if i + 1 < len(self.layers):
                    rows[i + 1][:, own] = functional.leaky_relu(y, SLOPE)
            label = (y[0] + noise[head]).argmax()
            rows[0][0, head * classes + label] = 1.0
            labels.append(label)
        return rows, torch.stack(labels)
