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
    """Whole sequences for training (`forward`), one frame and one head at a time for streaming (`history`, `head`)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        heads, classes, width = config.free_heads, config.classes, config.context_channels
        self.heads, self.classes = heads, classes
        self.past_book = nn.Parameter(torch.randn(heads * classes, width) * 0.1)
        self.past_stack = CausalStack(width, 2, config.context_dilations)
        self.from_past = nn.Linear(width, heads * width)
        self.from_audio = nn.Linear(config.audio_channels, heads * width)
        self.head_book = nn.Parameter(torch.randn(heads * classes, width) * 0.1)
        self.leave = nn.Parameter(torch.randn(heads, classes, width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(heads, classes))

    def initial(self, batch: int) -> list[Tensor]:
        """The pasts of the stack, and last the embedded labels of the frame before: before the first there are none."""
        return [*self.past_stack.initial(batch), self.past_book.new_zeros(batch, self.past_book.shape[1])]

    def forward(self, labels: Tensor, history: Tensor, audio: Tensor) -> Tensor:
        """Logits of every head given the true labels before it.

        labels: (B, T, H) int64. history: (B, T, H) int64, labels as the past shall show them (training corrupts them).
        audio: (B, A, T). Returns (B, T, H, C).
        """
        rows = torch.arange(self.heads, device=labels.device) * self.classes
        past = functional.embedding(history + rows, self.past_book).sum(2)
        past = functional.pad(past, (0, 0, 1, -1)).transpose(1, 2)
        past = self.past_stack(past, self.past_stack.initial(len(past)))[0].transpose(1, 2)
        base = self._base(past, audio.transpose(1, 2))
        own = functional.embedding(labels + rows, self.head_book)
        earlier = functional.pad(own.cumsum(2)[:, :, :-1], (0, 0, 1, 0))
        return torch.einsum("bthd,hcd->bthc", functional.silu(base + earlier), self.leave) + self.bias

    def remember(self, label: Tensor, head: int) -> Tensor:
        """(B,) int64 label of one head -> (B, D), what the next frame's past shall hold of it."""
        return self.past_book[head * self.classes + label]

    def history(self, audio: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """What all heads of this frame share: (B, A, 1) audio -> ((B, H, D), pasts of the stack)."""
        past, after = self.past_stack(pasts[-1].unsqueeze(2), pasts[:-1])
        return self._base(past.squeeze(2), audio.squeeze(2)), after

    def _base(self, past: Tensor, audio: Tensor) -> Tensor:
        """(..., D) past and (..., A) audio -> (..., H, D), a row for each head."""
        return (self.from_past(past) + self.from_audio(audio)).unflatten(-1, (self.heads, -1))

    def head(self, base: Tensor, earlier: Tensor, head: int) -> Tensor:
        """(B, C) logits of one head from its row of the history and the sum of earlier heads' embeddings (B, D)."""
        hidden = functional.silu(base[:, head] + earlier)
        return functional.linear(hidden, self.leave[head], self.bias[head])
