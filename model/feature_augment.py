"""Other vocal tracts, microphones and floors of noise, made on the features of a batch while training.

What `talker.augment` does to the sound is computed once a clip; this is drawn anew at every step, for next to nothing.
Synthesisers differ less from one another than people do, so the ranges are wide: what a network can no longer tell
voices apart by, it cannot lean on. (Vocal-tract length: Jaitly and Hinton 2013; masks: SpecAugment, Park et al. 2019.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

WARP = (0.84, 1.19)
"""Vocal-tract warps reach this far at either end; frequencies are multiplied by it."""
_CURVES = 5


def augment_features(features: Tensor, hops: int, mel_hz: Tensor, generator: torch.Generator) -> Tensor:
    """(B, T, hops * mels) normalised natural-log mels -> the same shape, heard otherwise; times do not move.

    mel_hz: (mels,) centre frequencies, hertz. Every clip of the batch draws its own warp, equaliser, dynamics, floor
    of noise and masks.
    """
    x = features.unflatten(2, (hops, -1))
    batch, mels = len(x), x.shape[-1]
    device = x.device

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(batch, *shape, generator=generator, device=device)

    def share(p: float) -> Tensor:
        """(B, 1, 1, 1): 1 for about `p` of the clips, else 0."""
        return (draw(0.0, 1.0, 1, 1, 1) < p).float()

    factor = torch.exp(draw(math.log(WARP[0]), math.log(WARP[1])) * (draw(0.0, 1.0) < 0.8))
    x = torch.einsum("bthm,bnm->bthn", x, warp_matrix(factor, mel_hz))
    # Range and level: how loud the quiet sounds are beside the loud ones.
    x = x * draw(0.8, 1.15, 1, 1, 1) + draw(-0.8, 0.8, 1, 1, 1)
    # A smooth equaliser: the running mean takes out most of a microphone's colour, but only after a while.
    place = torch.linspace(0.0, math.pi, mels, device=device)
    waves = torch.cos(torch.arange(1, _CURVES + 1, device=device)[:, None] * place)
    heights = draw(-1.0, 1.0, _CURVES) / torch.arange(1, _CURVES + 1, device=device).sqrt()
    x = x + share(0.7) * (heights @ waves)[:, None, None]
    # Steady noise fills up what is quieter than it, band by band.
    floor = draw(-6.0, 0.0, 1, 1, 1) + (0.8 * draw(-1.0, 1.0, _CURVES) @ waves)[:, None, None]
    x = torch.where(share(0.4) > 0, torch.logaddexp(x, floor), x)
    return _mask(x, draw, share).flatten(2)


def warp_matrix(factor: Tensor, mel_hz: Tensor) -> Tensor:
    """(B,) factors -> (B, mels, mels): row n reads, between two neighbours, what was at mel_hz[n] * factor."""
    top = len(mel_hz) - 1
    wanted = (mel_hz * factor[:, None]).clamp(mel_hz[0], mel_hz[-1])
    right = torch.searchsorted(mel_hz, wanted).clamp(1, top)
    left = right - 1
    blend = ((wanted - mel_hz[left]) / (mel_hz[right] - mel_hz[left]))[..., None]
    rows = functional.one_hot(left, top + 1) * (1.0 - blend) + functional.one_hot(right, top + 1) * blend
    return rows.to(mel_hz.dtype)


def _mask(x: Tensor, draw, share) -> Tensor:
    """Blank out up to two bands of a fifth of the mels, and short stretches of a twentieth of a second."""
    mels, frames = x.shape[-1], x.shape[1]
    bins = torch.arange(mels, device=x.device)
    for _ in range(2):
        low, wide = draw(0.0, mels, 1, 1, 1), draw(0.0, mels / 5, 1, 1, 1)
        x = x * (1.0 - share(0.5) * ((bins >= low) & (bins < low + wide)))
    steps = torch.arange(frames, device=x.device)[:, None, None]
    for _ in range(frames // 96):
        first, long = draw(0.0, frames, 1, 1, 1), draw(0.0, 3.0, 1, 1, 1)
        x = x * (1.0 - share(0.5) * ((steps >= first) & (steps < first + long)))
    return x
