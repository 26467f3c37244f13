"""From captured faces to a face that speaks and is measured: each layout the whole way, and what may go wrong on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import small_config
from dataset_layouts import WRITERS
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from voxmesh.export.speaking import perplexity
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import to_json
from voxmesh.model.datasets.captured_run import captured_topologies, load_motion_basis
from voxmesh.model.datasets.mesh_store import open_mesh_store
from voxmesh.model.evaluate import load_step
from voxmesh.model.from_bundle import step_of
from voxmesh.model.prepare import load_prepared
from voxmesh.model.train_codes import load_codes
from voxmesh.model.train_context import load_live
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.cli import run
from voxmesh.stream.topology import LANDMARKS

LAYOUTS = {"multiface": "valid", "vocaset": "valid", "biwi": "test", "meshtalk": "valid"}
"""The layouts, and in which split the fixture has somebody who is not trained on."""
STAGES = ("audio", "codes", "context", "decoder")


def write_plan(path: Path, **steps: int) -> Path:
    """A JSON plan of tiny networks."""
    sizes = to_json(small_config(basis=8, heads_channels=32))
    del sizes["features"]
    stage = {"batch": 3, "frames": 24, "checkpoint_steps": 40, "warmup_steps": 5, "learning_rate": 5e-3}
    stage["precision"] = "float32"  # the same numbers wherever the tests run
    stages = {name: {**stage, "steps": steps.get(name, 4)} for name in STAGES}
    path.write_text(json.dumps({"model": sizes, "variants": 2, **stages}))
    return path


def losses(folder: Path, stage: str) -> list[float]:
    """The stage's loss curve, as TensorBoard reads it."""
    events = EventAccumulator(str(folder / "tensorboard" / stage)).Reload()
    return [scalar.value for scalar in events.Scalars(f"{stage}/loss")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_captured_faces_become_one_that_speaks(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], speech: Path
) -> None:
    """Fixture, check, prepare, stages whose loss falls, export, animate, evaluate: as a user types it."""
    torch.set_num_threads(1)
    data = WRITERS[layout](tmp_path / "data")
    store, folder, bundle = tmp_path / "store", tmp_path / "run", tmp_path / "bundle"
    plan = write_plan(tmp_path / "plan.json", audio=30, codes=80, context=50, decoder=10)

    def voxmesh(*words: object) -> str:
        capsys.readouterr()
        assert run([str(word) for word in words]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    assert run(["data", "check", str(data)]) in (0, 1)  # some fixtures have bad frames on purpose
    voxmesh("data", "prepare", data, "-o", store, "--skip-bad")
    voxmesh("train", "all", folder, "--data", store, "--config", plan, "--threads", 1)
    for stage in ("codes", "context"):
        curve = losses(folder, stage)
        assert curve[-1] < curve[0], (stage, curve)
    voxmesh("export", folder, "-o", bundle, "--parity-frames", 20, "--no-torchscript")
    voxmesh("animate", speech, "--bundle", bundle, "-o", tmp_path / "a.npz", "--quiet")
    with np.load(tmp_path / "a.npz") as animation:
        assert animation["vertices"].shape == (90, open_mesh_store(store).vertex_count, 3)
        assert np.ptp(animation["vertices"], axis=0).max() > 1e-4
    out = voxmesh(
        "evaluate", bundle, store, "--split", LAYOUTS[layout], "--clips", 1, "-o", tmp_path / "e", "--films", 0
    )
    rows = json.loads(out.splitlines()[-1])["protocols"]
    assert rows["live"]["lip_mm"] < rows["neutral"]["lip_mm"]
    assert json.loads((tmp_path / "e" / "evaluation.json").read_text())["protocols"] == rows
    assert "| lip error, mm |" in (tmp_path / "e" / "evaluation.md").read_text()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of our own layout: anna and ben, three clips each, ben's held out to validate on."""
    folder = tmp_path_factory.mktemp("captured")
    data = WRITERS["plain"](folder / "data")
    about = json.loads((data / "dataset.json").read_text())
    (data / "dataset.json").write_text(json.dumps({**about, "valid": ["ben"]}))
    assert run(["data", "prepare", str(data), "-o", str(folder / "store")]) == 0
    return folder / "store"


@pytest.fixture(scope="module")
def whole(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on that store, nobody having disturbed it, of two draws a step."""
    folder = tmp_path_factory.mktemp("whole")
    told = json.loads(write_plan(folder / "plan.json").read_text())
    for stage in STAGES:
        told[stage] |= {"steps": 6, "checkpoint_steps": 2, "accumulate": 2}
    (folder / "plan.json").write_text(json.dumps(told))
    assert run(train_all(folder / "run", store, folder / "plan.json")) == 0
    return folder / "run"


def train_all(folder: Path, store: Path, plan: Path) -> list[str]:
    return ["train", "all", str(folder), "--data", str(store), "--config", str(plan), "--threads", "1"]


def weights(folder: Path) -> dict[str, np.ndarray]:
    """Every stage's, and what held-out clips said of them."""
    tensors = {f"{s}.{name}": x for s in STAGES for name, x in load_file(folder / f"{s}.safetensors").items()}
    return tensors | {
        f"{s}.valid": np.array(json.loads((folder / f"{s}.json").read_text())["valid"]["loss"]) for s in STAGES
    }


def assert_same(folder: Path, other: Path) -> None:
    got, wanted = weights(folder), weights(other)
    assert got.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_allclose(got[name], tensor, rtol=1e-5, atol=1e-6, err_msg=name)


def test_two_processes_train_what_one_does(store: Path, whole: Path, tmp_path: Path) -> None:
    """torchrun with two gloo processes: weights and held-out losses of one process that draws twice a step."""
    plan = whole.parent / "plan.json"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "voxmesh.stream.cli", *train_all(tmp_path / "run", store, plan)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "run", whole)


DIES = """
import os, signal, sys
from voxmesh.stream.cli import run
moves, move = int(sys.argv[1]), os.replace
def move_or_die(part, path):
    global moves
    moves -= 1
    if moves < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    move(part, path)
os.replace = move_or_die
run(sys.argv[2:])
"""
"""Runs voxmesh until it has put so many files in place, then kills itself (-9) before the next."""


def test_killed_in_training_it_goes_on_to_the_same_weights(store: Path, whole: Path, tmp_path: Path) -> None:
    """kill -9 in the middle of a checkpoint, then again: every stage ends as if nothing had happened."""
    arguments = train_all(tmp_path / "run", store, whole.parent / "plan.json")
    process = subprocess.run([sys.executable, "-c", DIES, "35", *arguments], capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert (tmp_path / "run" / "audio.json").exists() and not (tmp_path / "run" / "decoder.json").exists()
    assert run(arguments) == 0
    assert_same(tmp_path / "run", whole)


def test_a_stage_stops_when_held_out_clips_find_no_better(store: Path, whole: Path, tmp_path: Path) -> None:
    """With a rate that can only do harm, patience ends the stage early, its best weights are kept, and it stays so."""
    import shutil

    shutil.copytree(whole, tmp_path / "run")
    for part in (tmp_path / "run").glob("audio.*"):
        part.unlink()
    options = ["--steps", "400", "--batch", "2", "--frames", "24", "--learning-rate", "3", "--checkpoint-steps", "2"]
    for _ in range(2):
        assert run(["train", "audio", str(tmp_path / "run"), *options, "--patience", "3", "--threads", "1"]) == 0
        about = json.loads((tmp_path / "run" / "audio.json").read_text())
        assert about["stopped"] and about["step"] < 400
        assert about["step"] == about["best"]["step"] + 6 and about["best"]["loss"] <= about["valid"]["loss"]
    best, last = (load_file(tmp_path / "run" / f"audio{kind}.safetensors") for kind in (".best", ""))
    assert any(not np.array_equal(best[name], last[name]) for name in best)


def test_a_run_knows_the_faces_it_was_trained_on(store: Path, whole: Path) -> None:
    """Templates by subject, masks as regions, landmarks where a face has them, coefficients of its motion."""
    faces, found = captured_topologies(Run(whole)), open_mesh_store(store)
    assert faces is not None and list(faces) == ["anna", "ben"]
    anna = faces["anna"]
    np.testing.assert_array_equal(anna.template, found.templates["anna"])
    np.testing.assert_array_equal(anna.regions["mouth"], found.masks["mouth"] > 0.5)
    points = {name: anna.template[anna.landmarks[name]] for name in LANDMARKS}
    assert points["mouth_left"][0] > points["nose_tip"][0] > points["mouth_right"][0]
    assert points["brow_left"][1] > points["nose_tip"][1] > points["lip_upper_inner"][1] > points["chin"][1]
    basis = load_motion_basis(Run(whole))
    offsets = found.only("valid").offsets(0)
    again = basis.face.offsets(torch.from_numpy(basis.coefficients(offsets))).numpy()
    assert np.abs(again - offsets).max() < 1e-4
    assert load_prepared(Run(whole)).valid is not None


def test_a_bundle_keeps_its_subjects_and_no_blendshapes(
    store: Path, whole: Path, tmp_path: Path, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An identity a subject; what needs blendshapes says that there are none, and films need none."""
    assert run(["export", str(whole), "-o", str(tmp_path / "b"), "--parity-frames", "10", "--no-torchscript"]) == 0
    bundle = load(tmp_path / "b")
    assert bundle.about["training"]["subjects"] == ["anna", "ben"] and bundle.blendshape_names == ()
    assert run(["animate", str(speech), "--bundle", str(tmp_path / "b"), "-o", str(tmp_path / "a.glb")]) == 2
    assert "no blendshapes" in capsys.readouterr().err


def test_a_run_is_measured_with_the_truths_style_and_anothers(
    store: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a run also `self` and `style`, perplexity, AUCs where phones are, and a film of truth and prediction."""
    (tmp_path / "phones" / "ben").mkdir(parents=True)
    phones = [["P", 0.0, 0.2], ["AA1", 0.2, 0.5], ["F", 0.5, 0.6], ["IY", 0.6, 0.9]]
    (tmp_path / "phones" / "ben" / "take0.phones.json").write_text(json.dumps(phones))
    arguments = ["evaluate", whole, store, "--split", "valid", "--clips", "2", "-o", tmp_path / "e"]
    assert run([str(word) for word in (*arguments, "--phones", tmp_path / "phones")]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])["protocols"]
    assert list(rows) == ["live", "self", "style", "neutral", "truth"]
    assert rows["live"]["perplexity"] > 1 and 0 <= rows["truth"]["auc_open"] <= 1
    assert rows["self"]["clips"] == rows["style"]["clips"] == 2 and "lip_mm" not in rows["truth"]
    assert (tmp_path / "e" / "ben-take0.mp4").stat().st_size > 1000


def test_a_context_model_that_knows_nothing_is_as_perplexed_as_it_has_classes(store: Path, whole: Path) -> None:
    """Even logits: the perplexity is the number of classes."""
    run_folder, live = Run(whole), load_live(Run(whole))
    with torch.no_grad():
        live.context.leave.zero_()
        live.context.bias.zero_()
    part = open_mesh_store(store).only("valid")
    found = perplexity(load_codes(run_folder), live, load_motion_basis(run_folder), part)
    assert found == pytest.approx(run_folder.config().classes, rel=1e-5)


def test_a_new_mesh_starts_from_a_bundles_ears(store: Path, tiny: Bundle, tmp_path: Path) -> None:
    """From a bundle of another mesh, a run keeps its audio encoder and learns to show the new face with it."""
    old, folder = step_of(tiny), tmp_path / "run"
    sizes = to_json(replace(old.config, basis=8))
    del sizes["features"]
    told = json.loads(write_plan(tmp_path / "plan.json", codes=30).read_text())
    (tmp_path / "plan.json").write_text(json.dumps({**told, "model": sizes, "variants": 1}))
    arguments = train_all(folder, store, tmp_path / "plan.json")
    assert run([*arguments, "--from-bundle", str(tiny.folder)]) == 0
    step, curve = load_step(Run(folder)), losses(folder, "codes")
    for name, tensor in old.live.audio.state_dict().items():
        assert torch.equal(step.live.audio.state_dict()[name], tensor), name
    assert len(step.face.order) == 600 and curve[-1] < curve[0]


def test_a_plan_that_will_not_do_is_told(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another stage, another setting, a value of another kind: one line that names the file and what may be there."""
    for text, wanted in (
        ('{"ears": {}}', "ears"),
        ('{"codes": {"stepz": 3}}', "'stepz'"),
        ('{"codes": {"steps": "many"}}', "'many'"),
        ("{", "no plan"),
    ):
        (tmp_path / "p.json").write_text(text)
        assert run(train_all(tmp_path / "run", store, tmp_path / "p.json")) == 2
        told = capsys.readouterr().err
        assert wanted in told and "p.json" in told


def test_a_run_stays_with_its_faces(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prepared again from a store of other faces, a run says so; evaluated on one, it tells both vertex counts."""
    assert run(["data", "prepare", str(WRITERS["meshtalk"](tmp_path / "data")), "-o", str(tmp_path / "store")]) == 0
    assert run(["train", "prepare", str(whole), "--data", str(tmp_path / "store")]) == 2
    assert "other faces" in capsys.readouterr().err
    assert run(["evaluate", str(whole), str(tmp_path / "store"), "--split", "valid"]) == 2
    assert "600" in (told := capsys.readouterr().err) and "6172" in told
