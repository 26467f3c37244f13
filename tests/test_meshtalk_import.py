"""MeshTalk's released weights as a bundle: the checkpoint's naming, streamed by the engine as it is evaluated whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_layouts import face, write_obj
from test_meshtalk import CONFIG

from voxmesh.model.meshtalk.checkpoint import read_checkpoint
from voxmesh.model.meshtalk.step import MeshTalk
from voxmesh.stream.backend import initial_state, open_backend
from voxmesh.stream.bundle import load
from voxmesh.stream.cli import run
from voxmesh.stream.engine import Engine
from voxmesh.stream.noise import Noise
from voxmesh.stream.types import AudioChunk
from voxmesh.stream.windows import Windows, log_mel_of_window

POINTS, QUADS = face(CONFIG.vertices)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint in the released naming, and its template, mean and deviation in millimetres."""
    torch.manual_seed(0)
    model = MeshTalk(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    folder = tmp_path_factory.mktemp("meshtalk")
    encoder = {
        **model.encoder.state_dict(),
        "audio_encoder.melspec.spectrogram.window": torch.hann_window(800),
        "audio_encoder.melspec.mel_scale.fb": torch.zeros(1025, CONFIG.sound.mels),
    }
    torch.save(encoder, folder / "encoder.pkl")
    torch.save(model.context.state_dict(), folder / "context_model.pkl")
    torch.save(model.decoder.state_dict(), folder / "vertex_unet.pkl")
    write_obj(folder / "template.obj", POINTS * 1000, QUADS)
    np.save(folder / "mean.npy", POINTS * 1000 + 1)
    np.save(folder / "std.npy", np.array([40.0]))
    return folder


def words(folder: Path, output: Path) -> list[str]:
    return [
        *("import", "meshtalk", str(folder), "--template", str(folder / "template.obj"), "-o", str(output)),
        *("--mean", str(folder / "mean.npy"), "--std", str(folder / "std.npy"), "--parity-frames", "60"),
    ]


@pytest.fixture(scope="module")
def imported(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported") / "bundle"
    assert run(words(weights, folder)) == 0
    return folder


def test_the_engine_streams_the_whole_sequence(weights: Path, imported: Path) -> None:
    """Sound pushed in any chunks gives the labels and vertices of the whole-sequence evaluation of the checkpoint."""
    sound = np.random.default_rng(0).normal(0, 0.05, 24_007).astype(np.float32)
    engines = [Engine(load(imported), seed=3) for _ in range(2)]
    frames, other = (
        [f for i in range(0, len(sound), size) for f in engine.push(AudioChunk(sound[i : i + size], i))]
        + engine.flush()
        for engine, size in zip(engines, (997, 24_007), strict=True)
    )
    assert len(frames) == CONFIG.sound.clock.frames(len(sound))
    for one, two in zip(frames, other, strict=True):
        np.testing.assert_array_equal(one.vertices, two.vertices)
    model = read_checkpoint(weights, np.load(weights / "mean.npy"), np.load(weights / "std.npy"))
    stage = Windows(CONFIG.sound)
    windows = np.concatenate([stage.push(sound), stage.flush()])
    log_mel = torch.from_numpy(np.stack([log_mel_of_window(window, CONFIG.sound) for window in windows]))
    labels = torch.from_numpy(np.stack([frame.labels for frame in frames]))
    template = torch.from_numpy(engines[0].topology.template)
    with torch.inference_mode():
        logits, vertices = model(log_mel, labels, template * 1000)
    noise = Noise(3, np.ones(CONFIG.heads, np.float32), CONFIG.classes)
    said = logits.numpy() + np.stack([noise.frame(frame.index) for frame in frames])
    np.testing.assert_array_equal(said.argmax(2), labels.numpy())
    streamed = np.stack([frame.vertices for frame in frames])
    assert np.abs(streamed * 1000 - vertices.numpy()).max() < 1e-5 * 40.0
    assert np.ptp(streamed, axis=0).max() > 1e-4


def test_one_graph_serves_several_sessions(imported: Path) -> None:
    """Two sessions in one call are each what they are alone."""
    bundle = load(imported)
    backend, rng = open_backend(bundle), np.random.default_rng(1)
    template = bundle.topologies[0].template
    inputs = {
        "features": rng.normal(-6, 3, (2, CONFIG.sound.mels * CONFIG.sound.hops)).astype(np.float32),
        "noise": rng.gumbel(size=(2, CONFIG.heads, CONFIG.classes)).astype(np.float32),
        "template": np.stack([template] * 2),
        "identity": np.stack([backend.identity(template)] * 2),
    }
    state, alone = initial_state(bundle, 2), [initial_state(bundle) for _ in range(2)]
    for _ in range(3):
        vertices, labels, state = backend.step(inputs, state)
        for i in range(2):
            own, said, alone[i] = backend.step({name: x[i : i + 1] for name, x in inputs.items()}, alone[i])
            np.testing.assert_array_equal(said[0], labels[i])
            np.testing.assert_allclose(own[0], vertices[i], atol=1e-6)


def test_the_terms_are_printed_and_kept(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who imports is told that the weights are non-commercial, and so is whoever opens the bundle."""
    assert run(words(weights, tmp_path / "b")) == 0
    out = capsys.readouterr().out
    assert "non-commercial" in out and "millimetres" in out and "labels equal" in out
    bundle = load(tmp_path / "b")
    assert "non-commercial" in bundle.about["training"]["licence"]
    assert bundle.features.lookahead_ms == 500 and bundle.features.clock.fps == 30


class Harm:
    """What a malicious checkpoint asks for when it is opened."""

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(Path(os.environ["HARM"])),)


def test_weights_that_will_not_do_are_refused(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that would run code, one missing, one of other names, another template: named, and nothing runs."""
    import shutil

    monkeypatch.setenv("HARM", str(tmp_path / "harm"))
    folder = shutil.copytree(weights, tmp_path / "weights")

    def told() -> str:
        assert run(words(folder, tmp_path / "b")) == 2
        return capsys.readouterr().err

    context = torch.load(folder / "context_model.pkl", weights_only=True)
    torch.save({"embedding.mask": Harm()}, folder / "context_model.pkl")
    assert "context_model.pkl is refused" in told()
    (folder / "context_model.pkl").unlink()
    assert "context_model.pkl is not there" in told()
    torch.save({name: x for name, x in context.items() if name != "logits.mask"}, folder / "context_model.pkl")
    assert "lacks logits.mask" in told()
    torch.save(context, folder / "context_model.pkl")
    write_obj(folder / "template.obj", POINTS[:-1] * 1000, QUADS[:4])
    assert "19 vertices" in told()
    assert not (tmp_path / "harm").exists() and not (tmp_path / "b").exists()
