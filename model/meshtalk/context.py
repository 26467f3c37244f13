"""The published context model: p(label of head h at frame t | audio, earlier frames, heads before h).

Every layer masks *strictly*: a head's row is made of earlier heads' rows only. So a label is heard one head on in the
first layer, two in the second, and with six layers head h sees this frame's heads up to h - 6, the first six none.
Streamed, that lets six heads be sampled at a time, in exactly the order of the definition (`ContextModel.step`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.meshtalk.config import SLOPE, MeshTalkConfig


class HeadLayer(nn.Module):
    """Rows of all heads, from earlier heads of this frame, all heads of earlier frames and, perhaps, the audio code.

    forward(x (B, T, H * C), audio (B, T, A) or None) -> (B, T, H * D). The past ends at the frame before.
    """

    mask: Tensor

    def __init__(
        self, heads: int, channels: int, out_channels: int, kernel: int = 1, dilation: int = 1, audio_channels: int = 0
    ) -> None:
        super().__init__()
        self.channels, self.out_channels, self.dilation = channels, out_channels, dilation
        self.past_frames = (kernel - 1) * dilation + 1
        self.masked_linear = nn.Linear(heads * channels, heads * out_channels)
        self.unmasked_linear = nn.Linear(audio_channels, heads * out_channels) if audio_channels else None
        self.historic = nn.Conv1d(heads * channels, heads * out_channels, kernel, dilation=dilation)
        earlier = torch.ones(heads, heads).tril(-1)
        self.register_buffer("mask", earlier.repeat_interleave(out_channels, 0).repeat_interleave(channels, 1))

    def initial(self, batch: int) -> Tensor:
        """The rows it was given in the frames before the first, oldest first (B, past_frames, H * C): zeros."""
        return self.mask.new_zeros(batch, self.past_frames, self.mask.shape[1])

    def forward(self, x: Tensor, audio: Tensor | None) -> Tensor:
        past = functional.pad(x, (0, 0, self.past_frames, 0))[:, :-1]
        y = self.historic(past.transpose(1, 2)).transpose(1, 2)
        y = y + functional.linear(x, self.masked_linear.weight * self.mask, self.masked_linear.bias)
        return y if audio is None or self.unmasked_linear is None else y + self.unmasked_linear(audio)

    def before(self, past: Tensor, audio: Tensor) -> Tensor:
        """All that is known before this frame's labels: past (B, past_frames, H * C), audio (B, A) -> (B, H * D)."""
        taps = past[:, :: self.dilation].flatten(1)
        weight = self.historic.weight.transpose(1, 2).flatten(1)
        y = functional.linear(taps, weight, self.historic.bias) + self.masked_linear.bias
        return y if self.unmasked_linear is None else y + self.unmasked_linear(audio)

    def rows(self, x: Tensor, first: int, end: int) -> Tensor:
        """What this frame's rows x give to rows `first` .. `end` - 1: (B, (end - 1) * C or more) -> (B, n * D)."""
        rows = slice(first * self.out_channels, end * self.out_channels)
        columns = slice(0, (end - 1) * self.channels)
        weight = self.masked_linear.weight[rows, columns] * self.mask[rows, columns]
        return functional.linear(x[:, columns], weight)


class ContextModel(nn.Module):
    """Whole sequences of known labels (`forward`), or one frame with a state of fixed size (`step`)."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.heads, self.classes = config.heads, config.classes
        width = config.head_channels
        self.embedding = HeadLayer(config.heads, config.classes, width)
        self.context_layers = nn.ModuleList(
            HeadLayer(config.heads, width, width, config.context_kernel, dilation, config.audio_channels)
            for dilation in config.context_dilations
        )
        self.logits = HeadLayer(config.heads, width, config.classes)

    @property
    def layers(self) -> list[HeadLayer]:
        """Those after the embedding, in order."""
        return [*self.context_layers, self.logits]

    def forward(self, one_hot: Tensor, audio: Tensor) -> Tensor:
        """one_hot (B, T, H, C), audio (B, T, A) -> logits (B, T, H, C) of every head given what it may see."""
        x = functional.leaky_relu(self.embedding(one_hot.flatten(2), None), SLOPE)
        for layer in self.context_layers:
            x = functional.leaky_relu(layer(x, audio), SLOPE)
        return self.logits(x, None).unflatten(2, (self.heads, self.classes))

    def initial(self, batch: int) -> list[Tensor]:
        """The pasts of the layers, and last what the embedding is given by the labels of the frame before: zeros."""
        width = self.embedding.mask.shape[0]
        return [*(layer.initial(batch) for layer in self.layers), self.embedding.mask.new_zeros(batch, width)]

    def step(self, audio: Tensor, noise: Tensor, pasts: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """One frame: audio (B, A), noise (B, H, C) -> (labels (B, H) int64, logits (B, H, C), pasts).

        A label is the most probable class of logits + noise. Rows of a layer are made as soon as the rows that they
        see are there, so the loop goes round once for each `len(layers) + 1` heads.
        """
        embedded = pasts[-1] + self.embedding.historic.bias + self.embedding.masked_linear.bias
        before = [layer.before(past, audio) for layer, past in zip(self.layers, pasts, strict=False)]
        made = [audio[:, :0] for _ in range(len(self.layers) + 1)]
        chosen: list[Tensor] = []
        remembered = torch.zeros_like(embedded)
        known = 0
        while True:
            made = self._extend(made, embedded, before, known)
            if known == self.heads:
                break
            logits = made[-1].unflatten(1, (-1, self.classes))[:, known:]
            end = known + logits.shape[1]
            label = (logits + noise[:, known:end]).argmax(2)
            rows = label + torch.arange(known, end, device=label.device) * self.classes
            embedded = embedded + _columns(self.embedding.masked_linear.weight * self.embedding.mask, rows)
            remembered = remembered + _columns(self.embedding.historic.weight.squeeze(2), rows)
            chosen.append(label)
            known = end
        after = [torch.cat([past[:, 1:], x[:, None]], 1) for past, x in zip(pasts, made[:-1], strict=False)]
        return torch.cat(chosen, 1), made[-1].unflatten(1, (self.heads, self.classes)), [*after, remembered]

    def _extend(self, made: list[Tensor], embedded: Tensor, before: list[Tensor], known: int) -> list[Tensor]:
        """Every layer's rows, the embedding's first, as far as the labels of `known` heads go: a row more a layer.

        made: the rows so far. embedded (B, H * D): the embedding before its nonlinearity, right up to row `known`.
        """
        end = min(known + 1, self.heads)
        fresh = embedded[:, made[0].shape[1] : end * self.layers[0].channels]
        x = torch.cat([made[0], functional.leaky_relu(fresh, SLOPE)], 1)
        extended = [x]
        for layer, so_far, base in zip(self.layers, made[1:], before, strict=True):
            first, end = so_far.shape[1] // layer.out_channels, min(end + 1, self.heads)
            if first < end:
                y = base[:, first * layer.out_channels : end * layer.out_channels] + layer.rows(x, first, end)
                y = y if layer is self.logits else functional.leaky_relu(y, SLOPE)
                so_far = torch.cat([so_far, y], 1)
            x = so_far
            extended.append(x)
        return extended


def _columns(weight: Tensor, columns: Tensor) -> Tensor:
    """The sum of a weight's columns (out, in) at (B, n) places: its product with one-hot labels."""
    return functional.embedding(columns, weight.T).sum(1)
