"""A second of sound to one code."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.meshtalk.config import SLOPE, MeshTalkConfig
from voxmesh.stream.errors import VoxmeshError


class AudioEncoder(nn.Module):
    """forward(log-mel windows (B, mels, hops)) -> codes (B, audio_channels).

    No convolution is padded: each shortens the window. A frame's window is not the last one's moved by whole hops
    (533 1/3 samples at 30 fps), so nothing of it can be kept for the next.
    Raises VoxmeshError when the convolutions leave nothing of the window.
    """

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        width, kernel = config.audio_channels, config.audio_kernel
        left = config.sound.hops - (kernel - 1) * (1 + sum(config.audio_dilations))
        if left < 1:
            raise VoxmeshError(
                f"kernels of {kernel} at dilations {config.audio_dilations} use up a window of {config.sound.hops}"
                f" hops: {1 - left} too few, lengthen it or take smaller dilations"
            )
        self.convert_dimensions = nn.Conv1d(config.sound.mels, width, kernel)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, kernel, dilation=d) for d in config.audio_dilations)
        self.code = nn.Linear(width, width)

    def forward(self, log_mel: Tensor) -> Tensor:
        x = functional.leaky_relu(self.convert_dimensions(log_mel), SLOPE)
        for conv in self.convs:
            y = conv(x)
            crop = (x.shape[2] - y.shape[2]) // 2
            x = functional.leaky_relu((y + x[:, :, crop : crop + y.shape[2]]) / 2, SLOPE)
        return self.code(x.mean(2))
