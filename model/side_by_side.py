"""A film of truth and prediction, side by side, with the sound: two faces as one mesh for `voxmesh render`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from voxmesh.stream.cli import run_command
from voxmesh.stream.clock import FrameClock

GAP = 1.15
"""How far apart, in widths of the face."""


def write_side_by_side(
    output: Path,
    template: np.ndarray,
    faces: np.ndarray,
    motions: list[np.ndarray],
    audio: np.ndarray,
    clock: FrameClock,
) -> None:
    """Write an mp4. template: (V, 3) metres. motions: (T, V, 3) offsets each, from left to right as one sees them.

    audio: (N,) float32 at the clock's rate. Needs voxmesh[viewer]: ImportError where it is not there.
    """
    frames = min(map(len, motions))
    width = GAP * float(np.ptp(template[:, 0]))
    places = [np.array([width * i, 0.0, 0.0], np.float32) for i in range(len(motions))]
    vertices = np.concatenate([template + m[:frames] + at for m, at in zip(motions, places, strict=True)], axis=1)
    with tempfile.TemporaryDirectory(prefix="voxmesh-") as temporary:
        clip, sound = Path(temporary) / "clip.npz", Path(temporary) / "sound.wav"
        np.savez(
            clip,
            vertices=vertices.astype(np.float32),
            template=np.concatenate([template + at for at in places]).astype(np.float32),
            faces=np.concatenate([faces + i * len(template) for i in range(len(motions))]).astype(np.int32),
            audio_sample=clock.samples(frames),
            fps_num=clock.fps_num,
            fps_den=clock.fps_den,
            sample_rate=clock.sample_rate,
        )
        soundfile.write(sound, audio, clock.sample_rate)
        size = f"{360 * len(motions)}x540"
        run_command("render", [str(clip), "--audio", str(sound), "--size", size, "-o", str(output)])
