"""Audio files, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.errors import VoxmeshError


def read(path: Path, block: int = 1000) -> tuple[np.ndarray, list[str]]:
    """All samples, and the warnings."""
    warnings: list[str] = []
    with AudioFile(path, warnings.append) as audio:
        return np.concatenate(list(audio.blocks(block))), warnings


@pytest.mark.parametrize(("name", "rate", "channels"), [("a.wav", 8000, 1), ("b.flac", 96000, 2), ("c.ogg", 44100, 2)])
def test_formats_rates_and_channels(tmp_path: Path, name: str, rate: int, channels: int) -> None:
    """What soundfile reads at once comes in blocks, (n, channels), with no warning."""
    samples = np.repeat(voice(0.3, rate)[:, None], channels, 1)
    soundfile.write(tmp_path / name, samples, rate)
    got, warnings = read(tmp_path / name)
    np.testing.assert_array_equal(got, soundfile.read(tmp_path / name, dtype="float32", always_2d=True)[0])
    assert warnings == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_truncated_file_gives_what_it_holds(tmp_path: Path, name: str) -> None:
    """Samples up to the damage, and one warning."""
    path = tmp_path / name
    soundfile.write(path, voice(2.0, 16000), 16000)
    whole, _ = read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    got, warnings = read(path, 32768)
    assert 4000 < len(got) < len(whole)
    np.testing.assert_array_equal(got, whole[: len(got)])
    assert len(warnings) == 1 and "truncated" in warnings[0]


def test_a_streamers_placeholder_length_is_no_damage(tmp_path: Path) -> None:
    """A .wav that was written to a pipe says it is 4 GB long: no warning."""
    path = tmp_path / "a.wav"
    soundfile.write(path, voice(0.5, 16000), 16000)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"data") + 4
    raw[4:8] = raw[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    got, warnings = read(path)
    assert len(got) == 8000 and warnings == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.wav", None, "no such file"),
        ("zero.wav", b"", "empty"),
        ("text.wav", b"this is not audio at all\n" * 20, "not an audio file"),
        ("a.raw", bytes(1000), "not an audio file"),
        ("head.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "not an audio file"),
    ],
)
def test_what_is_not_audio_is_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    """One line that names the file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(VoxmeshError, match=words) as caught:
        AudioFile(tmp_path / name)
    assert name in str(caught.value)


def test_folders_and_silence_without_samples(tmp_path: Path) -> None:
    """A folder is not a file; a header without samples has nothing to say."""
    with pytest.raises(VoxmeshError, match="folder"):
        AudioFile(tmp_path)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    with pytest.raises(VoxmeshError, match="no samples"):
        AudioFile(tmp_path / "none.wav")
