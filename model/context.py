"""The autoregressive context model: p(label of head h at frame t | audio, earlier frames, earlier heads).

MeshTalk masks strictly in every layer, which hides most same-frame heads from one another; here only the order matters:
head h sees labels of earlier frames and heads 0 .. h-1 of its own frame. Only the heads that do not follow the audio
are here, 0 being the first of them: the others need no past, and with one to lean on a mouth once open stays open
through a pause. The history term does not depend on the present frame, so it is computed once for all heads; only a row
per head stays in the loop.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.config import ModelConfig
from voxmesh.model.layers import CausalStack


class ContextModel(nn.Module):
    """Whole sequences for training (`forward`), one frame of many streams at a time live (`step`)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        heads, classes, width = config.free_heads, config.classes, config.context_channels
        self.heads, self.classes, self.width = heads, classes, width
        self.past_book = nn.Parameter(torch.randn(heads * classes, width) * 0.1)
        self.past_stack = CausalStack(width, 2, config.context_dilations)
        self.from_past = nn.Linear(width, heads * width)
        self.from_audio = nn.Linear(config.audio_channels, heads * width)
        # None at first, as in `Modulation`.
        self.from_style = nn.Parameter(torch.zeros(heads * width, config.style_dims)) if config.style_dims else None
        self.head_book = nn.Parameter(torch.randn(heads * classes, width) * 0.1)
        self.leave = nn.Parameter(torch.randn(heads, classes, width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(heads, classes))

    def forward(self, labels: Tensor, history: Tensor, audio: Tensor, style: Tensor | None = None) -> Tensor:
        """Logits of every head given the true labels before it.

        labels: (B, T, H) int64. history: (B, T, H) int64, labels as the past shall show them (training corrupts them).
        audio: (B, A, T). style: (B, T or 1, S), of networks that know styles. Returns (B, T, H, C).
        """
        rows = torch.arange(self.heads, device=labels.device) * self.classes
        past = functional.embedding(history + rows, self.past_book).sum(2)
        past = functional.pad(past, (0, 0, 1, -1)).transpose(1, 2)
        past = self.past_stack(past, self.past_stack.initial(len(past)))[0].transpose(1, 2)
        base = self.from_past(past) + self.from_audio(audio.transpose(1, 2))
        if self.from_style is not None:
            base = base + functional.linear(style, self.from_style)
        base = base.unflatten(-1, (self.heads, -1))
        own = functional.embedding(labels + rows, self.head_book)
        earlier = functional.pad(own.cumsum(2)[:, :, :-1], (0, 0, 1, 0))
        return torch.einsum("bthd,hcd->bthc", functional.silu(base + earlier), self.leave) + self.bias

    def step(
        self, noise: Tensor, audio: Tensor, line: Tensor, said: Tensor, style: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One frame of B streams.

        noise: (B, H, C), added to the logits. audio: (B, A). line: the stack's delay line. said: (B, D), the embedded
        labels of the frame before; zeros before the first. style: (B, S), of networks that know styles.
        Returns (B, H) labels, and line and said for the next frame.
        """
        past, line = self.past_stack.step(said, line)
        given, maps = [past, audio], [self.from_past.weight, self.from_audio.weight]
        if self.from_style is not None:
            given, maps = [*given, style], [*maps, self.from_style]
        bias = self.from_past.bias + self.from_audio.bias
        base = functional.linear(torch.cat(given, 1), torch.cat(maps, 1), bias)
        noises = (noise + self.bias).reshape(-1, self.heads * self.classes).split(self.classes, 1)
        earlier, labels = None, []
        for row, book, leave, noise in zip(
            base.split(self.width, 1), self.head_book.split(self.classes), self.leave, noises, strict=True
        ):
            hidden = functional.silu(row if earlier is None else row + earlier)
            label = torch.addmm(noise, hidden, leave.t()).argmax(1)
            earlier = book[label] if earlier is None else earlier + book[label]
            labels.append(label)
        chosen = torch.stack(labels, 1)
        rows = torch.arange(self.heads, device=chosen.device) * self.classes
        return chosen, line, self.past_book[chosen + rows].sum(1)
