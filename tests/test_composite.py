"""The composite family: its parts, whole sequences and streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import small_config, voice

from voxmesh.model.composite.config import CompositeConfig, from_dict, to_dict
from voxmesh.model.composite.network import Composite
from voxmesh.model.composite.speak import speak, style_of
from voxmesh.model.composite.step import CompositeStep
from voxmesh.stream.errors import VoxmeshError

VERTICES, MOVING = 60, 40


def small(**sizes) -> Composite:
    """A composite model of random weights, small enough for a test; the last twenty vertices do not move."""
    torch.manual_seed(0)
    tiny = CompositeConfig(VERTICES, MOVING, audio=small_config(), channels=16, style_channels=24, dilations=(1, 2))
    model = Composite(replace(tiny, **sizes))
    model.mesh.describe(torch.from_numpy(face(1))[None], torch.arange(VERTICES) < MOVING)
    return model.eval()


def face(seed: int = 0) -> np.ndarray:
    """(V, 3) float32 metres."""
    return np.random.default_rng(seed).normal(0, 0.05, (VERTICES, 3)).astype(np.float32)


def moving(frames: int, size_m: float = 0.005) -> np.ndarray:
    """(T, V, 3) float32 metres of motion."""
    waves = np.sin(np.arange(frames)[:, None, None] * 0.3 + np.arange(VERTICES)[:, None])
    return (size_m * waves * np.ones(3)).astype(np.float32)


def test_a_stream_says_what_the_whole_sequence_does():
    """Streamed a frame at a time, whatever styles it is given on the way, the step makes the vertices of `forward`."""
    model = small()
    step, template = CompositeStep(model), torch.from_numpy(face())
    features = torch.randn(1, 30, 128)
    styles = torch.randn(1, 30, 2 * model.config.channels)
    with torch.inference_mode():
        whole = template + model.mesh.whole(model.mesh.decode(model(features, styles, template[None])))[0]
        identity, states, made = step.identity_graph()(template)[None], list(step.initial().values()), []
        for t in range(30):
            vertices, labels, *states = step(
                features[:, t], torch.zeros(1, 0, 1), template[None], identity, styles[:, t], *states
            )
            made.append(vertices[0])
    assert labels.shape == (1, 0)
    torch.testing.assert_close(torch.stack(made), whole, atol=1e-6, rtol=0)


def test_the_config_comes_back_from_json():
    """A run that is opened again has the sizes that it was begun with."""
    config = CompositeConfig(10, 5, audio=small_config(), dilations=(1, 2), causal=False)
    assert from_dict(to_dict(config)) == config


def test_only_the_published_form_sees_later_frames():
    """With causal blocks nothing before frame 20 depends on what is heard from frame 20 on; without, it does."""
    for causal in (True, False):
        model = small(causal=causal)
        features = torch.randn(1, 40, 128, requires_grad=True)
        style, template = model.style(torch.zeros(1, 9, 3 * MOVING)), torch.from_numpy(face())[None]
        model(features, style, template)[:, :20].sum().backward()
        assert bool((features.grad[:, 20:] == 0).all()) is causal


def test_a_style_tells_how_far_a_face_moves_and_not_when():
    """The same motion begun elsewhere in its cycle is nearly the same style; twice the motion is another."""
    model = small()
    style, later, wider = (style_of(model, clip) for clip in (moving(210)[:189], moving(210)[21:], moving(189, 0.01)))
    assert np.linalg.norm(style - later) < 0.2 * np.linalg.norm(style - wider)


def test_without_style_the_driver_changes_nothing():
    """The ablation speaks the same whoever drives it, on any template, and moves no vertex that never moves."""
    model = small(styled=False)
    sound, template = voice(0.5, 16000), face()
    first, second = (speak(model, sound, template, style_of(model, moving(30, size))) for size in (0.001, 0.01))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (30, VERTICES, 3)
    np.testing.assert_array_equal(first[:, MOVING:], np.broadcast_to(template[MOVING:], (30, VERTICES - MOVING, 3)))


def test_where_a_face_stands_is_no_part_of_who_it_is():
    """A template that is moved through space has the same code: bundles and captures have other origins."""
    mesh = small().mesh
    here = torch.from_numpy(face())[None]
    torch.testing.assert_close(mesh.encode_template(here + 0.3), mesh.encode_template(here), atol=1e-5, rtol=1e-5)


def test_hubert_hears_at_the_frame_rate(tmp_path: Path):
    """A HuBERT from a local folder gives a code for every frame of the clock, and cannot be asked to stream."""
    transformers = pytest.importorskip("transformers", reason="HuBERT needs the extra `hubert`, which CI goes without")
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    convolutions = dict(conv_dim=(8,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)
    torch.manual_seed(0)
    transformers.HubertModel(transformers.HubertConfig(**sizes, **convolutions)).save_pretrained(tmp_path / "tiny")
    model = small(front="hubert", hubert_folder=str(tmp_path / "tiny"))
    made = speak(model, voice(1.0, 16000), face(), style_of(model, moving(30)))
    assert made.shape == (60, VERTICES, 3)
    assert np.isfinite(made).all()
    with pytest.raises(VoxmeshError, match="HuBERT"):
        CompositeStep(model)


def test_no_hubert_is_told_with_the_way_to_one(tmp_path: Path):
    """Without weights the error says what fetches some, and nothing is ever fetched by itself."""
    with pytest.raises(VoxmeshError, match="hf download"):
        small(front="hubert", hubert_folder=str(tmp_path))
