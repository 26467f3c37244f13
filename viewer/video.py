"""An mp4 from pictures and sound: H.264 and AAC through PyAV, with the first picture on the first sample."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.errors import VoxmeshError

_BT709 = 1
"""FFmpeg's number for the colours of HD video."""
_AUDIO_BLOCK = 1024
"""Samples in one AAC frame."""
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
"""Sample rates that AAC knows, Hz."""


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: Fraction,
    audio: np.ndarray | None = None,
    sample_rate: int = 16000,
    crf: int = 18,
) -> int:
    """Writes an mp4 that starts playing before it is all there (its index comes first).

    frames: (H, W, 3) uint8 sRGB pictures, all of one size, H and W even. fps: exact frames a second.
    audio: (N,) float32 in -1..1, or None for a silent film; sample 0 sounds as the first picture appears, and sound
    beyond the last picture is cut. crf: H.264 quality, smaller is better and larger.
    Returns the number of pictures written. Raises VoxmeshError if PyAV is missing, there is no picture, the size is
    odd, or the file cannot be written.
    """
    av = load_av()
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise VoxmeshError(f"there is no picture to write to {path}; give at least one frame")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise VoxmeshError(f"H.264 wants even sizes, not {width} x {height}; choose an even --size")
    if audio is not None and sample_rate not in AAC_RATES:
        raise VoxmeshError(f"AAC has no {sample_rate} Hz; resample the sound to 16000, 44100 or 48000 Hz")
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        video = output.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.time_base = 1 / fps
        # Say which YUV this is: players guess by the size otherwise, and skin turns orange or green.
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = _BT709
        sound = None if audio is None else _Sound(av, output, audio, sample_rate)
        try:
            output.start_encoding()
        except OSError as error:
            raise VoxmeshError(f"cannot write {path} ({error}); give a path in a folder that exists") from error
        count = 0
        for count, picture in enumerate(chain([first], source), start=1):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = count - 1, 1 / fps
            output.mux(video.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
            # Sound goes in beside the pictures it belongs to, so that a player need not look far for it.
            if sound is not None:
                sound.write_until(count / fps)
        output.mux(video.encode(None))
        if sound is not None:
            sound.close(count / fps)
    return count


class _Sound:
    """The sound track of one file, written in step with the pictures."""

    def __init__(self, av: Any, output: Any, audio: np.ndarray, sample_rate: int) -> None:
        self._av, self._output, self._rate = av, output, sample_rate
        self._samples = np.clip(np.asarray(audio, np.float32).reshape(1, -1), -1, 1)
        self._stream = output.add_stream("aac", rate=sample_rate, layout="mono")
        self._stream.bit_rate = 128_000 if sample_rate > 24_000 else 64_000
        self._position = 0

    def write_until(self, time_s: Fraction, last: bool = False) -> None:
        """Encodes what has come due, in whole blocks unless it is the last."""
        end = min(int(time_s * self._rate), self._samples.shape[1])
        while self._position < end:
            stop = self._position + _AUDIO_BLOCK
            if stop > end and not last:
                return
            block = np.ascontiguousarray(self._samples[:, self._position : min(stop, end)])
            frame = self._av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._position, Fraction(1, self._rate)
            self._output.mux(self._stream.encode(frame))
            self._position += block.shape[1]

    def close(self, time_s: Fraction) -> None:
        self.write_until(time_s, last=True)
        self._output.mux(self._stream.encode(None))


def load_av() -> Any:
    """PyAV, imported now. Raises VoxmeshError that says how to install it."""
    try:
        import av
    except ImportError as error:
        raise VoxmeshError(f"an mp4 needs PyAV ({error}); run: pip install 'voxmesh[viewer]'") from error
    return av
