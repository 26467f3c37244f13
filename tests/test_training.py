"""From text to a bundle: every stage really runs, on little data, and a stopped stage goes on as if never stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import small_config
from safetensors.torch import load_file

from voxmesh.model.checkpoint import Run
from voxmesh.model.evaluate import load_step
from voxmesh.model.prepare import load_prepared, prepare
from voxmesh.model.talker.dataset import write_dataset
from voxmesh.model.train_audio import draw_batch, train_audio
from voxmesh.model.train_codes import load_codes, train_codes
from voxmesh.model.train_context import heard_in_time, heard_late, load_live, train_context
from voxmesh.model.train_decoder import train_decoder
from voxmesh.model.trainer import Draw, Training
from voxmesh.stream.errors import VoxmeshError

CONFIG = small_config()
STAGES = {"audio": train_audio, "codes": train_codes, "context": train_context, "decoder": train_decoder}
BRIEF = Training(steps=4, batch=2, frames=32, checkpoint_steps=2, warmup_steps=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose four stages were trained for four steps each on three clips."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    write_dataset(folder / "data", 3, 1, "train")
    run = Run(folder / "run")
    prepare(run, folder / "data", CONFIG, variants=2, workers=1)
    for train in STAGES.values():
        train(run, BRIEF)
    return run


@pytest.mark.parametrize("stage", STAGES)
def test_a_stopped_stage_resumes_to_the_same_weights(trained: Run, stage: str, tmp_path: Path) -> None:
    """Killed between checkpoints and started again, a stage ends with the weights of an uninterrupted one."""
    folder = tmp_path / "run"
    shutil.copytree(trained.folder, folder)
    for part in (f"{stage}.safetensors", f"{stage}.json", f"{stage}.optimizer.safetensors"):
        (folder / part).unlink()

    class Killed(Exception):
        pass

    def save_and_die(self: Run, *arguments: object) -> None:
        Run.save(self, *arguments)  # type: ignore[arg-type]
        raise Killed

    interrupted = type("Interrupted", (Run,), {"save": save_and_die})(folder)
    with pytest.raises(Killed):
        STAGES[stage](interrupted, BRIEF)
    assert json.loads((folder / f"{stage}.json").read_text())["step"] == 2
    STAGES[stage](Run(folder), BRIEF)
    again, once = load_file(folder / f"{stage}.safetensors"), load_file(trained.folder / f"{stage}.safetensors")
    for name, tensor in once.items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-4, atol=1e-5)


def test_training_lowers_the_loss(trained: Run, tmp_path: Path) -> None:
    """A few dozen steps on three clips take the audio stage's mouth error clearly below where it began."""
    folder = tmp_path / "run"
    shutil.copytree(trained.folder, folder)
    for part in folder.glob("audio.*"):
        part.unlink()
    errors = []
    for steps in (1, 60):
        train_audio(Run(folder), Training(steps=steps, batch=4, frames=64, warmup_steps=5, learning_rate=5e-3))
        errors.append(json.loads((folder / "audio.json").read_text())["scalars"]["mouth_rms_mm"])
    assert errors[1] < 0.8 * errors[0], errors


def test_a_trained_run_exports_to_a_bundle_that_speaks(trained: Run, tmp_path: Path) -> None:
    """The bundle of a run passes its parity check, has the avatar's identities, and animates sound."""
    from voxmesh.export.bundle import write_bundle
    from voxmesh.model.avatar.build import build_avatar
    from voxmesh.model.evaluate import load_step
    from voxmesh.stream.bundle import load
    from voxmesh.stream.engine import Engine
    from voxmesh.stream.types import AudioChunk

    avatars = [build_avatar(0), build_avatar(13)]
    topologies = [avatar.topology for avatar in avatars]
    parity = write_bundle(
        load_step(trained), topologies, avatars[0].deltas, np.ones(8, np.float32), tmp_path / "b", parity_frames=60
    )
    assert parity.differing_labels == 0
    engine = Engine(load(tmp_path / "b"), identity=1)
    frames = engine.push(AudioChunk(np.zeros(16000, np.float32), 0)) + engine.flush()
    assert len(frames) == 60
    assert np.isfinite(frames[-1].vertices).all()


def test_a_bundle_whose_graphs_disagree_is_not_written(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When ONNX and torch part ways, the export says so and leaves the old bundle as it was."""
    from voxmesh.export import bundle as exporting
    from voxmesh.model.avatar.build import build_avatar
    from voxmesh.model.evaluate import load_step

    step, avatar = load_step(trained), build_avatar(0)
    folder = tmp_path / "b"
    arguments = ([avatar.topology], avatar.deltas, np.ones(8, np.float32), folder)
    exporting.write_bundle(step, *arguments, parity_frames=20)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_graphs = exporting.write_graphs

    def write_then_change(changed: torch.nn.Module, where: Path) -> None:
        write_graphs(changed, where)  # type: ignore[arg-type]
        with torch.no_grad():
            step.decoder.leave.bias += 0.1

    monkeypatch.setattr(exporting, "write_graphs", write_then_change)
    with pytest.raises(VoxmeshError, match="disagree"):
        exporting.write_bundle(step, *arguments, parity_frames=20)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_stage_without_the_one_before_says_what_to_run(tmp_path: Path, trained: Run) -> None:
    """Training out of order ends in one line that names the missing stage's command."""
    with pytest.raises(VoxmeshError, match="voxmesh train prepare"):
        train_audio(Run(tmp_path / "nothing"), BRIEF)
    shutil.copytree(trained.folder, tmp_path / "run")
    (tmp_path / "run" / "audio.safetensors").unlink()
    (tmp_path / "run" / "codes.json").unlink()
    with pytest.raises(VoxmeshError, match="voxmesh train audio"):
        train_codes(Run(tmp_path / "run"), BRIEF)


def test_the_decoder_hears_the_labels_that_come_live(trained: Run) -> None:
    """What stage three trains on is what the streaming step says, in the heads that follow the audio."""
    step, live = load_step(trained), load_live(trained)
    features = torch.randn(1, 40, CONFIG.features.hops_per_frame * CONFIG.features.mels)
    template = torch.zeros(len(step.face.order), 3)
    noise = torch.zeros(CONFIG.heads, CONFIG.classes)
    constant = (noise[None], template[None], step.face.shape(template)[None])
    states, said = list(step.initial().values()), []
    with torch.inference_mode():
        for row in features[0]:
            _, labels, *states = step(row[None], *constant, *states)
            said.append(labels[0])
        heard = live.hear(live.encode(features)).argmax(-1)[0]
    assert torch.equal(torch.stack(said)[:, : CONFIG.heard_heads], heard)


def test_live_heads_that_hear_are_stage_ones(trained: Run) -> None:
    """Training the context model leaves the audio's side as stage one made it; for less look-ahead it learns."""
    codes, live = load_codes(trained), load_live(trained)
    for part, own in ((live.audio, codes.mouth.audio), (live.hear, codes.hear)):
        for got, wanted in zip(part.parameters(), own.parameters(), strict=True):
            assert torch.equal(got, wanted)
    train_context(trained, BRIEF, lookahead_ms=0)
    assert not torch.equal(load_live(trained, 0).hear.leave.weight, codes.hear.leave.weight)


def test_late_hearing_is_taught_the_frames_it_shows(trained: Run) -> None:
    """The probabilities to learn from, hearing late, are stage one's own at the frames that then are shown."""
    codes, p = load_codes(trained), load_prepared(trained)
    draw = Draw(0, 0.0, np.random.default_rng(3), torch.Generator().manual_seed(3))
    batch = draw_batch(heard_late(p, 5), draw, BRIEF, augmented=False)
    taught = heard_in_time(codes, batch.features, 5)
    # Row r of the store, heard late, shows frame r + 5: the frame whose own features are row r + 5.
    rows = batch.rows[:, 5:]
    np.testing.assert_array_equal(batch.curves[:, :-5], np.float32(p.store.curves[rows]))
    own = torch.softmax(codes.hear(codes.mouth.encode(batch.features)), -1)[:, 5:]
    torch.testing.assert_close(taught, own.detach())


def test_less_lookahead_is_trained_beside_and_exports_as_declared(trained: Run) -> None:
    """The late stages leave the run's own untouched, and the step's config says what is then heard ahead."""
    before = (trained.folder / "context.safetensors").read_bytes()
    for train in (train_context, train_decoder):
        train(trained, BRIEF, lookahead_ms=0)
    assert (trained.folder / "context.safetensors").read_bytes() == before
    assert load_step(trained, 0).config.features.lookahead_samples == 0
    assert load_step(trained).config.features.lookahead_samples == CONFIG.features.lookahead_samples


def test_a_run_in_moods_exports_a_bundle_with_styles(trained: Run, tmp_path: Path) -> None:
    """On the same sounds in moods, features are taken as they are; every stage is told the styles; so is the bundle."""
    from voxmesh.export.bundle import write_bundle
    from voxmesh.model.avatar.build import build_avatar

    run = Run(tmp_path / "run")
    run.folder.mkdir()
    for kept in ("face", "rig"):  # fitting takes long
        shutil.copy(trained.folder / f"{kept}.safetensors", run.folder)
    data = trained.folder.parent / "data"
    prepare(run, data, CONFIG, variants=2, workers=1, moods=True, heard=trained)
    own, other = load_prepared(run), load_prepared(trained)
    np.testing.assert_array_equal(own.store.features, other.store.features)
    assert own.store.styles.any() and not other.store.styles.any() and run.config().style_dims == 5
    # What the labels are told is the face without its mood.
    np.testing.assert_array_equal(own.store.calm, other.store.curves)
    assert np.abs(own.store.calm - own.store.curves).max() > 0.05
    for train in STAGES.values():
        train(run, BRIEF)
    step, avatar = load_step(run), build_avatar(0)
    assert step.decoder.styled.shift.abs().max() > 0 and step.live.context.from_style.abs().max() > 0
    write_bundle(step, [avatar.topology], avatar.deltas, np.ones(8, np.float32), tmp_path / "b", parity_frames=40)
    style = json.loads((tmp_path / "b" / "bundle.json").read_text())["style"]
    assert style["dims"] == 5 and {"neutral", "cheerful", "sad", "angry", "surprised"} < set(style["names"])
    with pytest.raises(VoxmeshError, match="not of"):
        prepare(Run(tmp_path / "more"), data, CONFIG, variants=3, workers=1, heard=trained)
