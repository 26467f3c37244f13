"""Sizes of the published scheme: the defaults are those of its released model."""

from __future__ import annotations

from dataclasses import dataclass, field

from voxmesh.stream.windows import SoundConfig

SLOPE = 0.2
"""Of every LeakyReLU."""


@dataclass(frozen=True)
class MeshTalkConfig:
    """Sizes of the networks. `heads` x `classes` is the categorical latent of one frame.

    audio_channels: width of the audio encoder and its code. audio_kernel, audio_dilations: its convolutions, which
    must not use up the window (`SoundConfig.hops`). code: width of the expression code, the fusion and both LSTMs.
    expression_widths, decoder_widths: from 3 * vertices inwards; the last decoder width is the template's code.
    head_channels: of each head in the context model. context_kernel, context_dilations: its convolutions over the past.
    """

    sound: SoundConfig = field(default_factory=SoundConfig)
    vertices: int = 6172
    heads: int = 16
    classes: int = 128
    audio_channels: int = 128
    audio_kernel: int = 5
    audio_dilations: tuple[int, ...] = (2, 4, 6, 2, 4, 6)
    code: int = 128
    expression_widths: tuple[int, ...] = (256, 128)
    decoder_widths: tuple[int, ...] = (512, 256, 128)
    head_channels: int = 64
    context_kernel: int = 2
    context_dilations: tuple[int, ...] = (1, 2, 4, 8)
