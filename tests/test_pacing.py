"""A paced file: every sample once, when it is due, with no drift."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.pacing import PacedFile


class Wall:
    """A clock that moves only when slept on, and by `slow` a look."""

    def __init__(self, slow_ns: int = 0) -> None:
        self.now, self.slow_ns, self.slept = 1_000_000_007, slow_ns, 0

    def now_ns(self) -> int:
        self.now += self.slow_ns
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)
        self.slept += 1


def paced(tmp_path: Path, rate: int, count: int, wall: Wall, loop: bool = False) -> tuple[PacedFile, np.ndarray]:
    samples = np.random.default_rng(0).uniform(-1, 1, count).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    return PacedFile(AudioFile(tmp_path / "a.wav"), loop=loop, now_ns=wall.now_ns, sleep=wall.sleep), samples


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100])
def test_chunks_are_due_when_they_have_been_spoken(tmp_path: Path, rate: int) -> None:
    """Chunk k is released at its last sample's time to the nanosecond, after minutes too, and no sample is missing."""
    wall = Wall()
    source, samples = paced(tmp_path, rate, 3 * rate + 5, wall)
    began, heard = wall.now, []
    for chunk in source.chunks():
        end = chunk.start + len(chunk.samples)
        assert abs(wall.now - (began + end * 10**9 // rate)) <= 1
        assert chunk.captured_ns == began + chunk.start * 10**9 // rate
        assert chunk.start == sum(map(len, heard)) and len(chunk.samples) <= rate // 100 + 1
        heard.append(chunk.samples)
    np.testing.assert_array_equal(np.concatenate(heard)[:, 0], samples)


def test_a_late_reader_catches_up(tmp_path: Path) -> None:
    """When every look at the clock takes 25 ms nothing is skipped and nothing is slept for."""
    wall = Wall(slow_ns=25_000_000)
    source, samples = paced(tmp_path, 16000, 8000, wall)
    assert sum(len(chunk.samples) for chunk in source.chunks()) == len(samples)
    assert wall.slept == 0


def test_a_loop_has_no_seam(tmp_path: Path) -> None:
    """The file again and again, chunk sizes as before, sample indices going on."""
    source, samples = paced(tmp_path, 16000, 1003, Wall(), loop=True)
    heard = []
    for chunk in source.chunks():
        assert len(chunk.samples) == 160
        heard.append(chunk.samples[:, 0])
        if len(heard) == 50:
            break
    np.testing.assert_array_equal(np.concatenate(heard), np.tile(samples, 8)[:8000])
