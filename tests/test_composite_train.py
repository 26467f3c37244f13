"""The composite family from a data set to a bundle that speaks in the manner of a clip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from dataset_layouts import VOCASET, write_vocaset_mm

from voxmesh.model.composite.source import StoreSource
from voxmesh.model.datasets.mesh_store import open_mesh_store
from voxmesh.stream import cli
from voxmesh.stream.bundle import load
from voxmesh.stream.driving import extract_style, read_driving, read_template
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk

HELD_OUT = VOCASET[1]


def run(*words: object) -> None:
    """A command that must succeed, in this process."""
    assert cli.run([str(word) for word in words]) == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: VOCASET's layout in `data`, its store, a run of both stages, its bundle, and speech.wav."""
    folder = tmp_path_factory.mktemp("composite")
    write_vocaset_mm(folder / "data")
    soundfile.write(folder / "speech.wav", voice(0.5, 16000), 16000)
    run("data", "prepare", folder / "data", "-o", folder / "store")
    budget = ("--steps", 8, "--tune-steps", 4, "--batch", 2, "--frames", 32, "--threads", 1, "--device", "cpu")
    run("train", "composite", folder / "run", "--data", folder / "store", *budget)
    run("export", folder / "run", "-o", folder / "bundle", "--parity-frames", 12, "--no-torchscript")
    return folder


def test_a_capture_is_learned_and_speaks_as_it_is_driven(made: Path):
    """VOCASET's layout, both stages, a bundle: a held-out face speaks as its own clips do."""
    stages = [json.loads((made / "run" / f"{name}.json").read_text()) for name in ("composite-frozen", "composite")]
    assert [stage["step"] for stage in stages] == [8, 4]
    out = []
    for name in ("sentence21", "sentence22"):
        template, output = made / "data" / "templates" / f"{HELD_OUT}.ply", made / f"{name}.npz"
        driving = f"{made / 'store'}:{HELD_OUT}/{name}"
        run("animate", made / "speech.wav", "--bundle", made / "bundle", "--driving", driving, "--template", template,
            "-o", output, "--quiet")  # fmt: skip
        with np.load(output) as data:
            out.append(data["vertices"])
            assert data["vertices"].shape == (30, 5023, 3)
            assert np.abs(data["vertices"] - data["template"]).max() > 0
    # An animation is a driving clip itself.
    bundle = load(made / "bundle")
    style = extract_style(bundle, read_driving(str(made / "sentence21.npz"), bundle))
    assert style.shape == (bundle.style.dims,)
    assert set(bundle.style.names) == {"neutral", VOCASET[0]}


def test_it_is_evaluated_in_both_protocols(made: Path):
    """`voxmesh evaluate` gives a bundle the style of the target (`self`) and of the subject's other clip (`style`)."""
    output = made / "evaluation"
    run("evaluate", made / "bundle", made / "store", "-o", output, "--split", "valid", "--clips", 1, "--films", 0)
    found = json.loads((output / "evaluation.json").read_text("utf-8"))["protocols"]
    for protocol in ("self", "style"):
        assert found[protocol]["clips"] == 1
        assert 0 < found[protocol]["upper_dtw_mean_mm"] < 50


def test_a_crop_is_heard_as_features_or_as_sound(made: Path):
    """HuBERT is given the very samples that a crop's frames depict; a driver is a clip of the same subject."""
    store = open_mesh_store(made / "store").only("train")
    frames = min(clip.frames for clip in store.clips)
    batch = StoreSource(store).crops(np.random.default_rng(0), 3, frames, "samples")
    count = store.features.clock.sample(frames)
    heard = {store.audio(i)[:count].tobytes() for i in range(len(store.clips))}
    assert {row.numpy().tobytes() for row in batch.sound} <= heard
    assert batch.driving.shape == batch.offsets.shape == (3, frames, 3 * 5023)


def test_the_same_chunking_or_another_gives_the_same_frames(made: Path):
    """The composite bundle keeps the engine's promise: any chunking of the sound is the same stream."""
    bundle, sound = load(made / "bundle"), voice(0.5, 16000)
    whole, pieces = Engine(bundle), Engine(bundle)
    first = whole.push(AudioChunk(sound, 0)) + whole.flush()
    second = [f for at in range(0, len(sound), 700) for f in pieces.push(AudioChunk(sound[at : at + 700], at))]
    second += pieces.flush()
    assert len(first) == len(second) == 30
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        assert a.labels.shape == (0,)


def test_a_template_is_taken_in_the_unit_that_fits(made: Path, tmp_path: Path):
    """A face in millimetres is brought to metres; one of another mesh is refused with both counts."""
    bundle = load(made / "bundle")
    own = bundle.topologies[0].template
    np.save(tmp_path / "millimetres.npy", own * 1000)
    np.testing.assert_allclose(read_template(tmp_path / "millimetres.npy", bundle), own, atol=1e-6)
    np.save(tmp_path / "other.npy", own[:100])
    with pytest.raises(VoxmeshError, match=r"100 vertices.*5023"):
        read_template(tmp_path / "other.npy", bundle)


def test_what_cannot_drive_is_told(made: Path, tiny, tmp_path: Path):
    """A clip that is not there, too short, or for a bundle with no style encoder: each says what to do."""
    bundle = load(made / "bundle")
    frames = dict(template=bundle.topologies[0].template, fps_num=60, fps_den=1)
    np.savez(tmp_path / "short.npz", vertices=np.repeat(frames["template"][None], 9, 0), **frames)
    with pytest.raises(VoxmeshError, match="too short"):
        extract_style(bundle, read_driving(str(tmp_path / "short.npz"), bundle))
    with pytest.raises(VoxmeshError, match=f"{VOCASET[0]}/sentence21"):
        read_driving(f"{made / 'store'}:{VOCASET[0]}/sentence99", bundle)
    with pytest.raises(VoxmeshError, match="STORE:SUBJECT/SEQ"):
        read_driving("nothing", bundle)
    with pytest.raises(VoxmeshError, match="no style encoder"):
        extract_style(tiny, read_driving(f"{made / 'store'}:{HELD_OUT}/sentence21", bundle))
