"""What hears: our causal encoder, which streams, or HuBERT, which is what was published and sees the whole file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.composite.config import CompositeConfig
from voxmesh.stream.errors import VoxmeshError

HUBERT_RATE = 16000
"""Samples a second that HuBERT was trained on (Hsu et al. 2021)."""


class CausalFront(nn.Module):
    """forward(log-mel features (B, T, hops * mels)) -> (B, channels, T)."""

    hears = "features"

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.encoder = AudioEncoder(config.audio)
        self.channels = config.audio.audio_channels

    def forward(self, features: Tensor) -> Tensor:
        return self.encoder(features, self.encoder.initial(len(features)))[0]


class HubertFront(nn.Module):
    """forward(samples (B, N) at 16 kHz) -> (B, channels, T), T = the clock's frames of N samples.

    Its 50 frames a second are interpolated linearly to the clock's, as FaceFormer (Fan et al. 2022) does and its heirs.
    """

    hears = "samples"

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.hubert = load_hubert(config.hubert_folder)
        self.clock = config.features.clock
        self.channels = self.hubert.config.hidden_size
        if self.clock.sample_rate != HUBERT_RATE:
            raise VoxmeshError(f"HuBERT hears {HUBERT_RATE} samples a second, the run has {self.clock.sample_rate}")

    def forward(self, samples: Tensor) -> Tensor:
        frames = self.clock.frames(samples.shape[1])
        level = samples - samples.mean(1, keepdim=True)
        level = level * torch.rsqrt(level.square().mean(1, keepdim=True) + 1e-7)
        # Its convolutions want a field of 400 samples: less is as if followed by silence.
        hidden = self.hubert(functional.pad(level, (0, max(0, 400 - samples.shape[1])))).last_hidden_state
        times_s = torch.arange(frames, device=samples.device) * float(Fraction(self.clock.fps_den, self.clock.fps_num))
        at = (times_s * (HUBERT_RATE / self._step())).clamp(max=hidden.shape[1] - 1.0)
        low = at.floor().long()
        high = (low + 1).clamp(max=hidden.shape[1] - 1)
        share = (at - low)[:, None]
        return (hidden[:, low] * (1.0 - share) + hidden[:, high] * share).transpose(1, 2)

    def _step(self) -> int:
        """Samples between two of HuBERT's frames: 320 where its convolutions are the published ones."""
        product = 1
        for stride in self.hubert.config.conv_stride:
            product *= stride
        return product


def load_hubert(folder: str) -> nn.Module:
    """The HuBERT of a local folder, of any size (`HubertModel.save_pretrained` wrote it). Never fetches anything.

    Raises VoxmeshError that says how to get one when there is none.
    """
    if not (Path(folder) / "config.json").is_file():
        raise VoxmeshError(
            f"no HuBERT in {folder!r} (config.json is not there): where there is a network, "
            "`hf download facebook/hubert-base-ls960 --local-dir hubert-base` fetches one; give that folder"
        )
    try:
        from transformers import HubertModel
    except ImportError as error:
        raise VoxmeshError("HuBERT needs the package transformers: pip install 'voxmesh[hubert]'") from error
    try:
        return HubertModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise VoxmeshError(f"the HuBERT in {folder} cannot be read ({reason}): fetch it again") from error
