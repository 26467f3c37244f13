"""flite through its command: text to speech with the time of every phone (voices made from recorded people)."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from voxmesh.stream.errors import VoxmeshError

_APT = "apt-get install -y flite"


def speak(
    text: str, voice: str, *, duration_stretch: float = 1.0, pitch_hz: float | None = None
) -> tuple[np.ndarray, int, list[tuple[str, float, float]]]:
    """Say `text` with a flite voice ("slt", "rms", "awb") and tell when each phone sounds.

    Returns samples (N,) float32 in -1..1, their rate in hertz (16000), and phones (name, start_s, end_s), pauses as
    "pau". Raises VoxmeshError when flite or the voice is missing.
    """
    with tempfile.TemporaryDirectory(prefix="voxmesh-flite-") as folder:
        wave = Path(folder) / "speech.wav"
        command = ["flite", "-psdur", "-t", text, "-o", str(wave), "-voice", voice]
        command += ["--setf", f"duration_stretch={duration_stretch:.3f}"]
        if pitch_hz is not None:
            command += ["--setf", f"int_f0_target_mean={pitch_hz:.1f}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except FileNotFoundError:
            raise VoxmeshError(f"flite is not installed; install it: {_APT}") from None
        if done.returncode != 0 or not wave.exists():
            raise VoxmeshError(f"flite failed with voice {voice!r}: {done.stderr.strip()[:200]}; reinstall it: {_APT}")
        samples, rate = soundfile.read(wave, dtype="float32")
    phones, start = [], 0.0
    for mark in done.stdout.split():
        name, _, end = mark.rpartition(":")
        phones.append((name, start, float(end)))
        start = float(end)
    return samples, int(rate), phones
