"""animate: a file that is complete, right and reproducible, or one line that says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.topology import LANDMARKS
from voxmesh.stream.types import AudioChunk

COLUMNS = {
    "vertices": (np.float32, (90, 200, 3)),
    "faces": (np.int32, (100, 3)),
    "audio_sample": (np.int64, (90,)),
    "landmark_vertices": (np.int32, (len(LANDMARKS),)),
    "blendshapes": (np.float32, (90, 52)),
    "labels": (np.int32, (90, 8)),
    "template": (np.float32, (200, 3)),
    "albedo": (np.uint8, (200, 3)),
    "occlusion": (np.uint8, (200, 3)),
    "gloss": (np.uint8, (200,)),
}


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


def test_the_npz_is_what_the_engine_says(tmp_path: Path, tiny: Bundle, speech: Path, cli: Callable) -> None:
    """Every column's type, shape and meaning; the vertices are the engine's own to the bit."""
    result = cli("animate", speech, "-o", "a.npz", "--bundle", tiny.folder, "--seed", 3, "--identity", 1)
    assert result.returncode == 0, result.stderr
    data = load(tmp_path / "a.npz")
    for name, (dtype, shape) in COLUMNS.items():
        assert (data[name].dtype, data[name].shape) == (dtype, shape), name
    assert (data["fps_num"], data["fps_den"], data["sample_rate"]) == (60, 1, 16000)
    assert tuple(data["blendshape_names"]) == ARKIT_NAMES
    assert dict(zip(data["landmark_names"], data["landmark_vertices"], strict=True)) == tiny.topologies[1].landmarks
    assert data["audio_sample"].tolist() == tiny.features.clock.samples(90).tolist()
    assert data["blendshapes"].min() >= 0 and data["blendshapes"].max() <= 1
    assert json.loads(str(data["settings"]))["seed"] == 3
    samples, _ = soundfile.read(speech, dtype="float32")
    engine = Engine(tiny, seed=3, identity=1)
    frames = engine.push(AudioChunk(samples, 0)) + engine.flush()
    np.testing.assert_array_equal(data["vertices"], np.stack([f.vertices for f in frames]))


def test_blendshapes_rebuild_the_vertices(tmp_path: Path, tiny: Bundle, speech: Path, cli: Callable) -> None:
    """The fit explains most of the motion that the tiny rig's own shapes can make."""
    assert cli("animate", speech, "-o", "a.npz", "--bundle", tiny.folder).returncode == 0
    data = load(tmp_path / "a.npz")
    moved = data["vertices"] - data["template"]
    rebuilt = np.einsum("ts,svc->tvc", data["blendshapes"], tiny.deltas)
    assert ((moved - rebuilt) ** 2).sum() < (moved**2).sum()


def test_the_same_seed_gives_the_same_file(tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable) -> None:
    """And another seed another one."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert cli("animate", speech, "-o", f"{name}.npz", "--bundle", tiny_bundle, "--seed", seed).returncode == 0
    a, b, c = (load(tmp_path / f"{name}.npz")["vertices"] for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


@pytest.mark.parametrize(
    ("rate", "channels", "count"), [(8000, 1, 4000), (96000, 2, 50_001), (44100, 2, 1), (16000, 1, 1)]
)
def test_any_rate_channels_and_length(
    tmp_path: Path, tiny: Bundle, cli: Callable, rate: int, channels: int, count: int
) -> None:
    """8 kHz, 96 kHz stereo, one sample: as many frames as the clock says."""
    soundfile.write(tmp_path / "in.flac", np.repeat(voice(1.0, rate)[:count, None], channels, 1), rate)
    result = cli("animate", "in.flac", "-o", "a.npz", "--bundle", tiny.folder)
    assert result.returncode == 0, result.stderr
    frames = tiny.features.clock.frames(-(-count * 16000 // rate))
    assert load(tmp_path / "a.npz")["vertices"].shape == (frames, 200, 3)


def test_not_a_number_and_truncation_are_warned_of(tmp_path: Path, tiny_bundle: Path, cli: Callable) -> None:
    """A result, and one line on stderr."""
    samples = voice(0.5, 16000)
    samples[100:150] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 16000, subtype="FLOAT")
    result = cli("animate", "nan.wav", "-o", "a.npz", "--bundle", tiny_bundle)
    assert result.returncode == 0 and "50 samples are not numbers" in result.stderr
    assert np.isfinite(load(tmp_path / "a.npz")["vertices"]).all()
    raw = (tmp_path / "nan.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(raw[: len(raw) // 2])
    result = cli("animate", "cut.wav", "-o", "b.npz", "--bundle", tiny_bundle)
    assert result.returncode == 0 and result.stderr.count("truncated") == 1
    assert len(load(tmp_path / "b.npz")["vertices"]) in (15, 16)


def damage_bundle(source: Path, target: Path, name: str) -> Path:
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes()[: 100 if path.name == name else None])
    return target


@pytest.mark.parametrize("name", ["bundle.json", "step.onnx", "avatar.npz", "identity.pt"])
def test_a_damaged_bundle_is_named(tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable, name: str) -> None:
    """Whichever file was cut short."""
    result = cli("animate", speech, "-o", "a.npz", "--bundle", damage_bundle(tiny_bundle, tmp_path / "bad", name))
    assert_one_line(result, "damaged")
    assert name in result.stderr


def assert_one_line(result, words: str) -> None:
    assert result.returncode == 2
    assert result.stderr.startswith("voxmesh: error: ") and words in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gone.wav", "-o", "a.npz"), "no such file"),
        (("empty.wav", "-o", "a.npz"), "empty"),
        (("none.wav", "-o", "a.npz"), "no samples"),
        (("text.wav", "-o", "a.npz"), "not an audio file"),
        ((".", "-o", "a.npz"), "folder"),
        (("speech.wav", "-o", "a.gif"), ".npz, .glb, .csv or .mp4"),
        (("speech.wav", "-o", "a"), ".npz, .glb, .csv or .mp4"),
        (("speech.wav", "-o", "none/a.npz"), "no folder"),
        (("speech.wav", "-o", "dir.npz"), "it is a folder"),
        (("speech.wav", "-o", "/proc/a.npz"), "cannot write /proc/a.npz"),
        (("speech.wav",), "--output"),
        (("speech.wav", "-o", "a.npz", "--bundle", "gone"), "no bundle in gone"),
        (("speech.wav", "-o", "a.npz", "--identity", "77"), "no identity 77"),
        (("speech.wav", "-o", "a.npz", "--temperature", "-1"), "temperature"),
        (("speech.wav", "-o", "a.npz", "--backend", "magic"), "onnx"),
    ],
)
def test_mistakes_get_one_line(
    tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, what was wrong, no traceback, and no output left behind."""
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("hello " * 100)
    (tmp_path / "dir.npz").mkdir()
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    before = set(tmp_path.iterdir())
    bundle = () if "--bundle" in arguments else ("--bundle", tiny_bundle)
    assert_one_line(cli("animate", *arguments, *bundle), words)
    assert set(tmp_path.iterdir()) == before


def test_an_old_output_survives_a_failure(tmp_path: Path, tiny_bundle: Path, cli: Callable) -> None:
    """The output is replaced when the new one is complete, not before."""
    (tmp_path / "a.npz").write_bytes(b"old")
    (tmp_path / "bad.wav").write_bytes(b"RIFF nonsense")
    assert cli("animate", "bad.wav", "-o", "a.npz", "--bundle", tiny_bundle).returncode == 2
    assert (tmp_path / "a.npz").read_bytes() == b"old"
