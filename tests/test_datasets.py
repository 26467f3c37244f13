"""The published layouts, written by a fixture: checked, prepared, read as crops; and each way in which they break."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dataset_layouts import COUNTS, MULTIFACE, SENTENCE, VOCASET, WRITERS, face, motion, write_plain, write_wav

from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem
from voxmesh.model.datasets.examine import examine
from voxmesh.model.datasets.layouts import detect, read_dataset
from voxmesh.model.datasets.mesh_store import MeshStore, open_mesh_store
from voxmesh.model.datasets.prepare import prepare_store
from voxmesh.stream.cli import run
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel

SPLITS = {
    "multiface": {"train": 1, "valid": 1, "unused": 2},
    "vocaset": {"train": 2, "unused": 1, "valid": 1},
    "vocaset-mm": {"train": 2, "valid": 2},
    "biwi": {"train": 1, "test": 2, "unused": 1},
    "meshtalk": {"train": 2, "valid": 2},
    "plain": {"train": 5, "test": 1},
}
FPS = {"multiface": 30, "vocaset": 60, "vocaset-mm": 60, "biwi": 25, "meshtalk": 30, "plain": Fraction(30000, 1001)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each layout, written once; tests that break one break a copy."""
    top = tmp_path_factory.mktemp("layouts")
    return {name: write(top / name) for name, write in WRITERS.items()}


@pytest.fixture
def broken(written: dict[str, Path], tmp_path: Path):
    """A copy of one layout, to be damaged."""

    def copy(layout: str) -> Path:
        return Path(shutil.copytree(written[layout], tmp_path / layout))

    return copy


def problems_of(folder: Path) -> list[Problem]:
    """All that `voxmesh data check` would list."""
    dataset = read_dataset(folder)
    return [*dataset.problems, *(p for sequence in dataset.sequences for p in examine(dataset, sequence)[1])]


def bad(folder: Path) -> list[str]:
    return [str(problem) for problem in problems_of(folder) if problem.bad]


def splits(dataset: Dataset) -> dict[str, int]:
    names = [sequence.split for sequence in dataset.sequences]
    return {name: names.count(name) for name in set(names)}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_layout_is_told_read_prepared_and_cropped(
    layout: str, written: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the published files to a batch: split, rate, unit and counts are right, and the mouth moves as it did."""
    folder, store = written[layout], tmp_path / "store"
    assert detect(folder) == layout
    dataset = read_dataset(folder)
    assert splits(dataset) == SPLITS[layout]
    assert {sequence.fps for sequence in dataset.sequences} == {FPS[layout]}
    assert dataset.vertices == COUNTS[layout] and len(dataset.faces) > COUNTS[layout]
    assert run(["data", "check", str(folder)]) == 0
    screen = capsys.readouterr().out
    assert f"{COUNTS[layout]} vertices" in screen and layout in screen and len(screen.splitlines()) < 30
    assert run(["data", "prepare", str(folder), "-o", str(store)]) == 0
    opened = open_mesh_store(store)
    crops = opened.crops(np.random.default_rng(1), 3, 20)
    assert crops.features.shape == (3, 20, 128) and crops.offsets.shape == (3, 20, COUNTS[layout], 3)
    points, _ = face(COUNTS[layout])
    np.testing.assert_allclose(crops.templates, np.repeat(points[None], 3, axis=0), atol=1e-5)
    expect_motion(opened, points, float(FPS[layout]))


def expect_motion(store: MeshStore, points: np.ndarray, fps: float) -> None:
    """Every stored frame lies within 0.2 mm of where the capture was at that time, its lost frame apart."""
    for index, clip in enumerate(store.clips):
        times_s = store.features.clock.samples(clip.frames) / store.features.sample_rate
        before = np.floor(times_s * fps + 1e-6)
        truth = motion(points, int(before[-1]) + 2, fps)
        share = (times_s * fps - before)[:, None, None]
        wanted = truth[before.astype(int)] * (1 - share) + truth[before.astype(int) + 1] * share
        error = np.abs(store.vertices(index) - wanted).max(axis=(1, 2))
        assert np.quantile(error, 0.8) < 2e-4 and error.max() < 3e-3


def test_features_are_those_of_the_stored_sound(written: dict[str, Path], tmp_path: Path) -> None:
    """One implementation of log-mel: what is stored is what live would compute of the sound that is stored."""
    prepare_store(read_dataset(written["plain"]), tmp_path / "store", FeatureConfig())
    store = open_mesh_store(tmp_path / "store")
    for index, clip in enumerate(store.clips):
        rows = log_mel(store.audio(index), store.features)
        assert len(rows) == clip.frames == store.features.clock.frames(clip.samples)
        np.testing.assert_array_equal(store.rows(index).features, rows.astype(np.float16).astype(np.float32))


def test_a_lost_frame_is_bridged_and_told(written: dict[str, Path]) -> None:
    """multiface's step of 6 and VOCASET's hole become the mixture of their neighbours, where they were in time."""
    for layout, lost in (("multiface", 5), ("vocaset", 7)):
        dataset = read_dataset(written[layout])
        sequence = next(s for s in dataset.sequences if s.name in (SENTENCE, "sentence01"))
        assert lost not in sequence.ticks and sequence.ticks[-1] == sequence.frames
        assert any("bridged" in problem.text and not problem.bad for problem in examine(dataset, sequence)[1])


def test_the_head_pose_stays_apart(written: dict[str, Path], tmp_path: Path) -> None:
    """multiface's 3 x 4 transform is stored in metres beside the mesh, which does not move with it."""
    prepare_store(read_dataset(written["multiface"]), tmp_path / "store", FeatureConfig())
    store = open_mesh_store(tmp_path / "store")
    pose = store.pose(0)
    assert pose is not None and len(pose) == store.clips[0].frames
    np.testing.assert_allclose(pose[0], np.column_stack([np.eye(3), [0.01, 0.0, 1.0]]), atol=1e-6)
    np.testing.assert_allclose(pose[1:50, 1, 3], 0.5e-3 * np.arange(1, 50), atol=6e-5)


def test_another_rate_is_another_count_of_frames(written: dict[str, Path], tmp_path: Path) -> None:
    """--fps 29.97 stores the rational rate, and the capture's own frames where they fall together."""
    assert run(["data", "prepare", str(written["plain"]), "-o", str(tmp_path / "store"), "--fps", "29.97"]) == 0
    store = open_mesh_store(tmp_path / "store")
    assert (store.features.fps_num, store.features.fps_den) == (30000, 1001)
    sequence = next(s for s in read_dataset(written["plain"]).sequences if s.name == store.clips[0].name)
    captured = sequence.vertices()[: store.clips[0].frames]
    np.testing.assert_allclose(store.vertices(0), captured, atol=5e-6)


def test_silent_expressions_are_kept_on_request(written: dict[str, Path], tmp_path: Path) -> None:
    """--all also stores multiface's E0xx segments, with silence for sound, and says that they are silent."""
    prepare_store(read_dataset(written["multiface"]), tmp_path / "store", FeatureConfig(), everything=True)
    store = open_mesh_store(tmp_path / "store")
    silent = store.only("unused")
    assert [clip.silent for clip in silent.clips] == [True, True] and not silent.audio(0).any()
    assert not any(clip.silent for clip in store.only("train", "valid").clips)


def test_normalised_meshes_find_back_to_metres(broken, tmp_path: Path) -> None:
    """MM 2023's meshes divided by their deviation, less their mean, are recognised by their size, and it is said."""
    folder = broken("vocaset-mm")
    path = folder / "verts_data.pkl"
    mean, deviation = np.load(folder / "face_axis_mean.npy"), np.load(folder / "face_axis_std.npy")
    meshes = pickle.loads(path.read_bytes())
    scaled = {s: {n: (v - mean) / deviation for n, v in clips.items()} for s, clips in meshes.items()}
    path.write_bytes(pickle.dumps(scaled))
    dataset = read_dataset(folder)
    assert "normalised" in dataset.unit and not bad(folder)
    truth = meshes[VOCASET[0]]["sentence21"]
    np.testing.assert_allclose(dataset.sequences[0].vertices(), truth, atol=1e-6)


def test_a_missing_mask_is_named(broken, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a layout has masks, one that is not there is bad, by its file's name; the check exits with 1."""
    folder = broken("meshtalk")
    (folder / "eyelid_weight_mask.npy").unlink()
    assert run(["data", "check", str(folder)]) == 1
    assert "eyelid_weight_mask.npy: no such file" in capsys.readouterr().out


def damage_bin(folder: Path) -> str:
    path = folder / MULTIFACE[0] / "tracked_mesh" / SENTENCE / "023395.bin"
    path.write_bytes(path.read_bytes()[:1000])
    return "023395.bin: is truncated"


def damage_audio(folder: Path) -> str:
    points, _ = face(COUNTS["meshtalk"])
    np.save(folder / "mesh_sequences" / MULTIFACE[0] / f"{SENTENCE}.npy", motion(points, 105, 30.0) * 1000)
    write_wav(folder / "audio" / MULTIFACE[0] / f"{SENTENCE}.wav", 0.5, 16000)
    return f"{SENTENCE}.wav: is 3.00 s shorter than its mesh (0.50 s and 3.50 s)"


def damage_vertex(folder: Path) -> str:
    path = folder / "vertices" / "F2" / "e01.npy"
    vertices = np.load(path)
    vertices[4, 321, 1] = np.nan
    np.save(path, vertices)
    return "e01.npy: not finite: 1 vertices, the first is vertex 321 of row 4"


def damage_template(folder: Path) -> str:
    (folder / "templates" / f"{VOCASET[0]}.ply").unlink()
    return f"sentence21: there is no template of its subject {VOCASET[0]}"


def damage_scale(folder: Path) -> str:
    path = folder / "meshes" / "ben" / "take1.npy"
    np.save(path, np.load(path) * 10)
    return "take1.npy: is off scale: 10 times"


def damage_sound(folder: Path) -> str:
    path = folder / "audio" / "ben" / "take1.flac"
    path.unlink()
    return "take1.wav: no such file"


def damage_npy(folder: Path) -> str:
    path = folder / "mesh_sequences" / MULTIFACE[1] / f"{SENTENCE}.npy"
    path.write_bytes(path.read_bytes()[:-4000])
    return f"{SENTENCE}.npy: is no whole .npy of numbers"


DAMAGES = {
    "truncated .bin": ("multiface", damage_bin, 1),
    "audio 3 s short": ("meshtalk", damage_audio, 3),
    "NaN vertex": ("biwi", damage_vertex, 2),
    "no template": ("vocaset-mm", damage_template, 2),
    "another unit": ("plain", damage_scale, 5),
    "no sound": ("plain", damage_sound, 5),
    "truncated .npy": ("meshtalk", damage_npy, 3),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_bad_is_named_and_can_be_skipped(
    damage: str, broken, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Check says which file and what, and exits with 1; prepare stops there, and with --skip-bad goes on without."""
    layout, spoil, left = DAMAGES[damage]
    folder = broken(layout)
    message = spoil(folder)
    assert any(message in text for text in bad(folder)), bad(folder)
    assert run(["data", "check", str(folder)]) == 1
    assert message in capsys.readouterr().out
    assert run(["data", "prepare", str(folder), "-o", str(tmp_path / "store")]) == 2
    said = capsys.readouterr().err
    assert message in said and "--skip-bad" in said
    assert run(["data", "prepare", str(folder), "-o", str(tmp_path / "store"), "--skip-bad"]) == 0
    store = open_mesh_store(tmp_path / "store")
    assert len(store.clips) == left
    assert "why" in (tmp_path / "store" / "store.json").read_text()


class Evil:
    """Runs a command when it is unpickled by Python's own reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize(
    ("layout", "name"),
    [("vocaset-mm", "verts_data.pkl"), ("vocaset", "templates.pkl"), ("vocaset", "raw_audio_fixed.pkl")],
)
def test_a_malicious_pickle_is_refused_and_does_not_run(
    layout: str, name: str, broken, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and the function that it asks for are named; what it wanted to do has not happened."""
    folder, trace = broken(layout), tmp_path / "it_ran"
    (folder / name).write_bytes(pickle.dumps({VOCASET[0]: {"sentence21": Evil(trace)}}))
    assert run(["data", "check", str(folder)]) == 2
    said = capsys.readouterr().err
    assert name in said and ".system" in said and "refused" in said
    assert run(["data", "prepare", str(folder), "-o", str(tmp_path / "store"), "--skip-bad"]) == 2
    assert not trace.exists()


def test_names_in_a_pickle_lead_nowhere(broken) -> None:
    """A clip called ../../x is refused before it becomes part of a path."""
    folder = broken("vocaset-mm")
    meshes = pickle.loads((folder / "verts_data.pkl").read_bytes())
    meshes["../../x"] = meshes.pop(VOCASET[0])
    (folder / "verts_data.pkl").write_bytes(pickle.dumps(meshes))
    with pytest.raises(BadFile, match=r"verts_data\.pkl: names a clip or subject '\.\./\.\./x'"):
        read_dataset(folder)


def test_a_folder_in_no_layout_says_what_is_looked_for(tmp_path: Path) -> None:
    """The error lists the layouts and their signs."""
    with pytest.raises(VoxmeshError, match=r"no layout that is known.*verts_data\.pkl"):
        detect(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


DIES = """
import os, signal, sys
from pathlib import Path
from voxmesh.stream.cli import run
writes, write = int(sys.argv[1]), Path.write_bytes
def write_half_and_die(path, data):
    global writes
    writes -= 1
    if writes < 0:
        write(path, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(path, data)
Path.write_bytes = write_half_and_die
run(sys.argv[2:])
"""
"""Runs voxmesh until it has written so many files, then kills itself (-9) half-way through the next."""


def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """kill -9 in the middle of a write, four times, then again: every file equals an uninterrupted run's."""
    folder = write_plain(tmp_path / "data", clips=5)
    path = folder / "meshes" / "anna" / "take3.npy"
    np.save(path, np.load(path) * np.nan)
    arguments = ["data", "prepare", str(folder), "--skip-bad", "-o"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run([*arguments, str(whole)]) == 0
    for writes, clips in ((0, 0), (2, 0), (3, 2), (5, 6)):
        process = subprocess.run([sys.executable, "-c", DIES, str(writes), *arguments, str(killed)])
        assert process.returncode == -signal.SIGKILL
        assert len(list(killed.glob("clips/*.safetensors"))) == clips and not (killed / "store.json").exists()
    assert run([*arguments, str(killed)]) == 0
    assert len(contents(whole)) == 3 + 9 and contents(killed) == contents(whole)


def test_a_store_of_other_settings_is_not_mixed_in(written: dict[str, Path], tmp_path: Path) -> None:
    """Another rate into the same folder is refused, and so is a folder that holds anything else."""
    dataset = read_dataset(written["plain"])
    prepare_store(dataset, tmp_path / "store", FeatureConfig())
    with pytest.raises(VoxmeshError, match="other settings \\(features\\)"):
        prepare_store(dataset, tmp_path / "store", FeatureConfig(fps_num=30))
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "letter.txt").write_text("dear")
    with pytest.raises(VoxmeshError, match="not empty and no store"):
        prepare_store(dataset, tmp_path / "else", FeatureConfig())


def test_crops_lie_inside_one_clip_and_repeat_with_their_seed(written: dict[str, Path], tmp_path: Path) -> None:
    """The same generator gives the same crops, each equal to its rows; too long a crop is told."""
    prepare_store(read_dataset(written["plain"]), tmp_path / "store", FeatureConfig())
    store = open_mesh_store(tmp_path / "store").only("train")
    first, again = (store.crops(np.random.default_rng(7), 16, 50) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for i, (clip, start) in enumerate(zip(first.clips, first.starts, strict=True)):
        assert start + 50 <= store.clips[clip].frames and store.clips[clip].split == "train"
        np.testing.assert_array_equal(first.offsets[i], store.rows(int(clip), int(start), int(start) + 50).offsets)
    with pytest.raises(VoxmeshError, match=r"no clip .* has 500 frames"):
        store.crops(np.random.default_rng(7), 1, 500)


def test_the_picture_shows_each_subject_and_each_mask(
    written: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faces and three masks make a sheet of five; the masks are red."""
    from PIL import Image

    monkeypatch.delenv("DISPLAY", raising=False)
    path = tmp_path / "sheet.png"
    assert run(["data", "check", str(written["plain"]), "--picture", str(path)]) == 0
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape[1] == 5 * 300
    red = ((picture[:, :, 0] - picture[:, :, 1]) > 60).reshape(len(picture), 5, 300).sum(axis=(0, 2))
    assert (red[:2] == 0).all() and (red[2:] > 500).all()
