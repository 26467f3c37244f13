"""The benchmarks of latency: its parts are there and add up; subscribers of all kinds get every frame."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sound_offset import offsets
from virtual_sound import RATE, Played, Spoken
from voxmesh.stream.errors import VoxmeshError

ROOT = Path(__file__).parent.parent


def test_the_parts_of_latency_add_up_to_the_total(tiny_bundle: Path, speech: Path) -> None:
    """Frames really travel from one process to another; no part exceeds the total, and the median parts fill it."""
    command = [sys.executable, "benchmarks/latency.py", "--bundle", str(tiny_bundle), "--wav", str(speech)]
    run = subprocess.run([*command, "--seconds", "2"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    ms = said["ms"]
    assert said["frames"] >= 110 and ms["look-ahead"]["p50"] == 100.0
    parts = ("look-ahead", "block", "resample", "features", "network", "serialise", "socket")
    assert all(0.0 <= ms[name]["p50"] <= ms["total"]["p50"] for name in parts)
    assert sum(ms[name]["p50"] for name in parts) <= 1.2 * ms["total"]["p50"]
    shares = sum(ms[f"network: {name}"]["p50"] for name in ("encoder", "context", "decoder", "vertices"))
    assert abs(shares - ms["network"]["p50"]) < 0.01 + 0.05 * ms["network"]["p50"]


def test_every_subscriber_gets_every_frame() -> None:
    """Whatever it is written in; one that comes late has a face, one that slept the newest."""
    words = ("--seconds", "10", "--vertices", "300", "--subscribers", "4")
    command = [sys.executable, "benchmarks/subscribers.py", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert "Python" in said["subscribers"] and said["joining_ms"] > 0
    assert all(one["gaps"] == 0 for one in said["subscribers"].values())
    # What had piled up in five seconds is three hundred frames: the newest is not one of the first.
    assert said["stall_ms"] < 2500


def test_a_file_that_cannot_be_read_ends_in_one_line(tmp_path: Path) -> None:
    """The speaking process's error is the tool's."""
    command = [sys.executable, "benchmarks/latency.py", "--wav", str(tmp_path / "no.wav"), "--seconds", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0 and "no.wav" in run.stderr


def test_when_samples_entered_the_virtual_microphone_is_found_by_what_they_are() -> None:
    """To the sample, past the place where the sound goes round; sound that was never written is refused."""
    rng, began = np.random.default_rng(0), 5_000_000_000
    sound = rng.integers(-9000, 9000, 3 * RATE, np.int16)
    spoken = Spoken(sound, began)
    for start in (0, 7, 2 * RATE + 1, 7 * RATE):
        heard = np.take(sound, np.arange(start, start + RATE), mode="wrap").astype(np.float32) / 32768
        entered = began + start * 1_000_000_000 // RATE
        assert spoken.entered(heard, by_ns=entered + 1_002_000_000) == entered
    heard[RATE // 2 :] = heard[RATE // 2 - 1 : -1]  # a sample too many
    with pytest.raises(VoxmeshError, match="lost on the way"):
        spoken.entered(heard, by_ns=9 * began)


def test_how_far_a_face_is_from_its_sound_is_found() -> None:
    """Drawn 12 ms after its sound is heard a frame is 12 ms late, drawn 20 before 20 early; silence tells nothing."""
    rng = np.random.default_rng(1)
    said = np.repeat(rng.integers(-9000, 9000, RATE), 3).astype(np.int16)
    played = Played(np.concatenate([np.zeros(RATE, np.int16), said]), began=1_000)
    instants = [(ms + 1000 + late) * 1_000_000 + 1_000 for ms, late in ((500, 12), (900, -20), (-500, 0))]
    drawn = [(instant, ms * 16, 16000) for instant, ms in zip(instants, (500, 900, 0), strict=True)]
    np.testing.assert_allclose(offsets(drawn, said, played), [12, -20], atol=0.1)
