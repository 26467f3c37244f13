"""The published scheme: streamed and whole are the same numbers; heads, sound and names are as described."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from voxmesh.export.meshtalk import write_step
from voxmesh.model.meshtalk.config import MeshTalkConfig
from voxmesh.model.meshtalk.context import ContextModel
from voxmesh.model.meshtalk.step import IdentityStep, MeshTalk, Step
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import mel_matrix
from voxmesh.stream.windows import SoundConfig, Windows, log_mel_of_window, whole_windows

CONFIG = MeshTalkConfig(
    sound=SoundConfig(mels=8),
    vertices=20,
    heads=9,
    classes=8,
    audio_channels=16,
    code=16,
    expression_widths=(24, 16),
    decoder_widths=(32, 24, 16),
    head_channels=6,
)
FRAMES = 300


@pytest.fixture(scope="module")
def model() -> MeshTalk:
    """Random weights, larger than torch's own: else neither the past nor earlier heads move a logit."""
    torch.manual_seed(0)
    model = MeshTalk(CONFIG).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
        model.decoder.mean.normal_(0, 0.1)
        model.decoder.stddev.fill_(0.05)
    return model


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    """FRAMES frames of features and noise, and what is constant."""
    generator = torch.Generator().manual_seed(1)
    sound = CONFIG.sound
    return {
        "features": torch.randn(FRAMES, sound.mels, sound.hops, generator=generator) * 2,
        "noise": torch.randn(FRAMES, CONFIG.heads, CONFIG.classes, generator=generator),
        "temperature": torch.linspace(0, 1, CONFIG.heads),
        "template": torch.randn(CONFIG.vertices, 3, generator=generator) * 0.1,
    }


@torch.inference_mode()
def stream(model: MeshTalk, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(FRAMES, V, 3) vertices and (FRAMES, H) labels, frame by frame in torch."""
    step, states = Step(model), list(Step(model).initial().values())
    identity = IdentityStep(model)(inputs["template"])
    vertices, labels = [], []
    for features, noise in zip(inputs["features"], inputs["noise"], strict=True):
        pose, label, *states = step(features, noise, inputs["temperature"], inputs["template"], identity, *states)
        vertices.append(pose)
        labels.append(label)
    return torch.stack(vertices), torch.stack(labels)


def test_streamed_is_whole(model: MeshTalk, inputs: dict[str, torch.Tensor]) -> None:
    """The fixed-state step gives the labels and, within 1e-5, the vertices of the whole sequence, over 300 frames."""
    vertices, labels = stream(model, inputs)
    with torch.inference_mode():
        logits, whole = model(inputs["features"], labels, inputs["template"])
    assert torch.equal((logits + inputs["temperature"][:, None] * inputs["noise"]).argmax(2), labels)
    assert float((vertices - whole).abs().max()) < 1e-5 * float(model.decoder.stddev)
    assert len(labels.unique()) == CONFIG.classes


def test_streamed_logits_are_the_whole_ones(model: MeshTalk, inputs: dict[str, torch.Tensor]) -> None:
    """Logits, which a label hides, agree within 1e-5 too, and depend on the past."""
    context, audio = model.context, torch.randn(FRAMES, 16, generator=torch.Generator().manual_seed(2))
    pasts, labels, streamed = context.initial(1), [], []
    with torch.inference_mode():
        for code, noise in zip(audio, inputs["noise"], strict=True):
            label, logits, pasts = context.step(code[None], noise[None], pasts)
            labels.append(label)
            streamed.append(logits)
        one_hot = torch.nn.functional.one_hot(torch.stack(labels, 1), CONFIG.classes).float()
        whole = context(one_hot, audio[None])[0]
        forgetful, _, _ = context.step(audio[-1:], inputs["noise"][-1:], context.initial(1))
        torch.testing.assert_close(torch.cat(streamed), whole, rtol=1e-5, atol=1e-5)
        assert not torch.equal(forgetful, labels[-1])


def test_the_graph_streams_what_torch_does(model: MeshTalk, inputs: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """One ONNX graph, states by name, gives torch's labels and vertices over 300 frames."""
    write_step(Step(model), tmp_path / "step.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "step.onnx"), providers=["CPUExecutionProvider"])
    vertices, labels = stream(model, inputs)
    with torch.inference_mode():
        constant = {name: inputs[name].numpy() for name in ("temperature", "template")}
        constant["identity"] = IdentityStep(model)(inputs["template"]).numpy()
    state = {name: x.numpy() for name, x in Step(model).initial().items()}
    names = [node.name for node in session.get_outputs()]
    for t in range(FRAMES):
        fed = {"features": inputs["features"][t].numpy(), "noise": inputs["noise"][t].numpy(), **constant, **state}
        results = dict(zip(names, session.run(None, fed), strict=True))
        assert np.array_equal(results["labels"], labels[t].numpy())
        assert np.abs(results["vertices"] - vertices[t].numpy()).max() < 1e-5
        state = {name: results[f"next_{name}"] for name in state}


def test_a_head_sees_the_heads_six_before_it(model: MeshTalk) -> None:
    """Strict masks in six layers: heads h to h - 5 of its own frame are hidden from head h, h - 6 is not."""
    context, frame, head = model.context, 5, 8
    one_hot = torch.rand(1, 10, CONFIG.heads, CONFIG.classes, requires_grad=True)
    context(one_hot, torch.randn(1, 10, 16))[0, frame, head].sum().backward()
    assert one_hot.grad is not None
    seen = one_hot.grad[0].abs().sum(2) > 0
    assert seen[frame].tolist() == [h <= head - 6 for h in range(CONFIG.heads)]
    assert seen[frame - 1].all() and not seen[frame + 1 :].any()


def test_no_step_changes_its_state(model: MeshTalk, inputs: dict[str, torch.Tensor]) -> None:
    """A snapshot replays to the same frame."""
    context: ContextModel = model.context
    audio, noise = torch.randn(1, 16), inputs["noise"][:1]
    _, _, pasts = context.step(audio, noise, context.initial(1))
    kept = [past.clone() for past in pasts]
    assert torch.equal(context.step(audio, noise, pasts)[1], context.step(audio, noise, kept)[1])


def test_training_sees_both_modalities(model: MeshTalk) -> None:
    """The encoder's logits move with the sound and with the expression of the same frame or before."""
    log_mel = torch.randn(1, 4, CONFIG.sound.mels, CONFIG.sound.hops, requires_grad=True)
    vertices = torch.randn(1, 4, CONFIG.vertices, 3, requires_grad=True)
    logits = model.encoder(log_mel, vertices)
    assert logits.shape == (1, 4, CONFIG.heads, CONFIG.classes)
    logits[0, 2].sum().backward()
    assert log_mel.grad is not None and vertices.grad is not None
    assert (log_mel.grad[0].abs().sum((1, 2)) > 0).tolist() == [False, False, True, False]
    assert (vertices.grad[0].abs().sum((1, 2)) > 0).tolist() == [True, True, True, False]


def test_windows_do_not_depend_on_the_chunking() -> None:
    """Any chunking gives the windows of one push, to the bit; as many as the clock has frames."""
    config = SoundConfig()
    samples = np.random.default_rng(0).normal(0, 0.1, 40_001).astype(np.float32)
    once = Windows(config)
    whole = np.concatenate([once.push(samples), once.flush()])
    assert len(whole) == config.clock.frames(len(samples))
    for size in (160, 533, 17_000):
        stage = Windows(config)
        parts = [stage.push(samples[i : i + size]) for i in range(0, len(samples), size)]
        assert np.array_equal(np.concatenate([*parts, stage.flush()]), whole)


def test_live_loudness_ends_at_the_files() -> None:
    """Once all was heard, the running mean is the file's: the last windows are equal; and the first ones are causal."""
    config = SoundConfig()
    rng = np.random.default_rng(0)
    samples = (rng.normal(0, 0.1, 40_000) * np.linspace(0.1, 1, 40_000)).astype(np.float32)
    stage = Windows(config)
    live, whole = np.concatenate([stage.push(samples), stage.flush()]), whole_windows(samples, config)
    assert live.shape == whole.shape
    np.testing.assert_allclose(live[-1], whole[-1], rtol=1e-5)
    np.testing.assert_allclose(live[0] / np.abs(live[0]).max(), whole[0] / np.abs(whole[0]).max(), atol=1e-6)
    other = np.concatenate([samples[:20_000], rng.normal(0, 3, 20_000).astype(np.float32)])
    first = (20_000 - config.lookahead_samples) * config.fps_num // config.sample_rate
    assert np.array_equal(Windows(config).push(other)[:first], live[:first])


def test_silence_stays_silence() -> None:
    """Nothing is divided by zero."""
    config = SoundConfig()
    silence = np.zeros(20_000, np.float32)
    assert not Windows(config).push(silence).any() and not whole_windows(silence, config).any()


def test_a_tone_is_where_its_mel_is() -> None:
    """A sine's window has its peak in the mel bin around its frequency; silence is the logarithm of the floor."""
    config = SoundConfig()
    t = np.arange(config.window_samples) / config.sample_rate
    tone = log_mel_of_window(np.sin(2 * np.pi * 1000 * t).astype(np.float32), config)
    assert tone.shape == (80, 101)
    centre = 2595 * np.log10(1 + 1000 / 700) / (2595 * np.log10(1 + 8000 / 700)) * 81 - 1
    assert np.abs(tone.argmax(0) - centre).max() <= 1
    silence = log_mel_of_window(np.zeros(config.window_samples, np.float32), config)
    np.testing.assert_allclose(silence, np.log(1e-10), rtol=1e-6)


def test_the_spectrum_is_torchs() -> None:
    """Centred, reflected at the ends, a periodic Hann window of 800 in 2048: what the scheme's own transform gives."""
    config = SoundConfig()
    window = np.random.default_rng(0).normal(0, 0.1, config.window_samples).astype(np.float32)
    spectrum = torch.stft(
        torch.from_numpy(window), 2048, 160, 800, torch.hann_window(800), center=True, return_complex=True
    )
    power = torch.from_numpy(mel_matrix(config.mel_scale)).T @ spectrum.abs().square()
    wanted = torch.log(power.clamp_min(1e-10)).numpy()
    np.testing.assert_allclose(log_mel_of_window(window, config), wanted, rtol=1e-3, atol=1e-3)


def test_names_are_the_released_ones() -> None:
    """The state dicts have the names, and the sizes where they are known, of MeshTalk's released checkpoints."""
    model = MeshTalk(MeshTalkConfig(vertices=10))
    encoder, context, decoder = (
        {name: tuple(x.shape) for name, x in part.state_dict().items()}
        for part in (model.encoder, model.context, model.decoder)
    )
    for name in ("convert_dimensions.weight", "convs.5.weight", "code.bias"):
        assert f"audio_encoder.{name}" in encoder
    assert {"expression_encoder.layers.1.weight", "expression_encoder.lstm.weight_ih_l0"} < set(encoder)
    assert encoder["expression_encoder.code.weight"] == (128, 128)
    assert encoder["fusion_model.mlp.2.weight"] == (16 * 128, 128)
    assert not [name for name in encoder if "mel" in name]
    parts = ("masked_linear.weight", "masked_linear.bias", "historic.weight", "historic.bias", "mask")
    for layer in ("embedding", "logits", *(f"context_layers.{i}" for i in range(4))):
        assert {f"{layer}.{part}" for part in parts} < set(context)
    assert context["context_layers.3.unmasked_linear.weight"] == (16 * 64, 128)
    assert context["embedding.mask"] == (16 * 64, 16 * 128)
    assert decoder["fusion.weight"] == (128, 128 + 16 * 128) and decoder["temporal.weight_hh_l1"] == (512, 128)
    assert {"encoder.2.weight", "decoder.2.bias", "vertex_bias", "mean", "stddev"} < set(decoder)


def test_a_window_too_short_is_refused() -> None:
    """Convolutions that use up the window are a clear error, not an empty mean."""
    with pytest.raises(VoxmeshError, match="use up a window of 51 hops"):
        MeshTalk(MeshTalkConfig(vertices=4, sound=SoundConfig(window_samples=8000)))
