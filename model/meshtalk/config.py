"""Sizes of the published scheme: the defaults are those of its released model."""

from __future__ import annotations

from dataclasses import dataclass, field

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.features import FeatureConfig

SLOPE = 0.2
"""Of every LeakyReLU."""


@dataclass(frozen=True)
class SoundConfig:
    """How samples become the log-mel window of a frame, which is centred on what the frame depicts.

    mean_level: the mean absolute value that audio is scaled to. quietest_level: audio quieter than this is not raised
    further (the scheme itself divides by zero on silence).
    """

    sample_rate: int = 16000
    fps_num: int = 30
    fps_den: int = 1
    window_samples: int = 16000
    fft_samples: int = 2048
    hann_samples: int = 800
    hop_samples: int = 160
    mels: int = 80
    floor_power: float = 1e-10
    mean_level: float = 0.01
    quietest_level: float = 1e-5

    @property
    def clock(self) -> FrameClock:
        return FrameClock(self.sample_rate, self.fps_num, self.fps_den)

    @property
    def lookahead_samples(self) -> int:
        """Half a window: 500 ms."""
        return self.window_samples // 2

    @property
    def hops(self) -> int:
        """Columns of a window's spectrogram: one at each end too."""
        return self.window_samples // self.hop_samples + 1

    @property
    def mel_scale(self) -> FeatureConfig:
        """What `stream.features.mel_matrix` wants to know: triangles from 0 Hz to half the rate, not normalised."""
        return FeatureConfig(
            sample_rate=self.sample_rate,
            fft_samples=self.fft_samples,
            mels=self.mels,
            low_hz=0.0,
            high_hz=self.sample_rate / 2,
        )


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
