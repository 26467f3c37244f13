"""Sound from a file, for the sound track of a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.video import AAC_RATES, load_av


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """Any sound that FFmpeg reads, as one channel.

    Returns (N,) float32 in -1..1 and its sample rate in Hz: the file's own where AAC knows it, else 48000.
    Raises VoxmeshError if there is no such file or no sound in it.
    """
    av = load_av()
    try:
        with av.open(str(path)) as file:
            stream = next(iter(file.streams.audio), None)
            if stream is None:
                raise VoxmeshError(f"{path} has no sound in it; give a sound file")
            rate = stream.rate if stream.rate in AAC_RATES else 48000
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            blocks = [block.to_ndarray()[0] for frame in file.decode(stream) for block in resampler.resample(frame)]
            blocks += [block.to_ndarray()[0] for block in resampler.resample(None)]
    except OSError as error:
        raise VoxmeshError(f"cannot read sound from {path} ({error}); give a sound file that exists") from error
    except av.FFmpegError as error:
        raise VoxmeshError(f"{path} is not sound that FFmpeg reads ({error}); give a wav or flac file") from error
    if not blocks:
        raise VoxmeshError(f"{path} has no sound in it; give a sound file")
    return np.concatenate(blocks), rate
