"""`voxmesh view --sound`: what is played is what was said, through a loudspeaker that exists only here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from conftest import command, voice
from viewer_helpers import Speaker, ball


def test_what_is_said_is_played(tmp_path: Path, tiny_bundle: Path, virtual: dict[str, str]) -> None:
    """live --send-audio to view --sound to a virtual loudspeaker, recorded there: it is loud there."""
    said = voice(3.0, 16000)
    soundfile.write(tmp_path / "say.wav", said, 16000, subtype="FLOAT")
    options = ("--wav", "say.wav", "--send-audio", "int16", "--wait", 30, "--bundle", tiny_bundle)
    live = subprocess.Popen(
        command("live", "--listen", "tcp://127.0.0.1:*", "--stale", 600_000, *options),
        **{"env": virtual, "cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
    )
    recorder = subprocess.Popen(
        ["parec", "--device=vspk.monitor", "--format=float32le", "--rate=16000", "--channels=1", "heard.raw"],
        env=virtual,
        cwd=tmp_path,
    )
    try:
        endpoint = "tcp://" + live.stdout.readline().split("tcp://")[1].split(",")[0]
        view = subprocess.run(
            command("view", endpoint, "--sound", "--no-window", "--seconds", 5.5),
            **{"env": virtual, "capture_output": True, "text": True, "timeout": 60},
        )
        live.communicate(timeout=120)
    finally:
        for process in (live, recorder):
            process.terminate()
            process.wait()
    assert view.returncode == 0, view.stderr
    assert " fps " in view.stdout and "missed 0" in view.stdout
    heard = np.fromfile(tmp_path / "heard.raw", "<f4")
    # Where it has gaps depends on how busy the machine is; that none are our own is test_in_step.py's to show.
    assert np.abs(heard).max() > 0.5 * np.abs(said).max()


def test_no_loudspeaker_is_an_error_of_one_line(tmp_path: Path) -> None:
    """Where there is no sound device: what to do."""
    bare = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": f"unix:{tmp_path}/none"}
    words = command("view", "tcp://127.0.0.1:9", "--sound", "--no-window", "--seconds", 1)
    view = subprocess.run(words, env={**os.environ, **bare}, capture_output=True, text=True, timeout=60)
    assert view.returncode == 2 and "loudspeaker" in view.stderr and "--sound" in view.stderr
    assert "Traceback" not in view.stderr


def test_a_publisher_without_sound_is_named(virtual: dict[str, str]) -> None:
    """Frames that come for 3 s without any sound: the option that its publisher lacks."""
    with Speaker(ball()) as speaker:
        words = command("view", speaker.endpoint, "--sound", "--no-window", "--seconds", 20)
        view = subprocess.run(words, env=virtual, capture_output=True, text=True, timeout=60)
    assert view.returncode == 2 and "--send-audio" in view.stderr
