"""Bundles of any size with random weights and a random face: what a frame costs does not depend on what was learnt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from made_up_mesh import made_up_topology
from voxmesh.export.bundle import write_bundle
from voxmesh.model.config import ModelConfig
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.step import Live, Step
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.backend import initial_state, open_backend
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.noise import Noise


def make_bundle(config: ModelConfig, vertices: int, folder: Path) -> Bundle:
    """Write and load a bundle of these sizes, exported and checked as a trained one is. All vertices move."""
    torch.manual_seed(0)
    face = FaceBasis(config, vertices, vertices)
    face.basis.normal_(0, 1e-3)
    face.order.copy_(torch.arange(vertices))
    face.shape.project.normal_(0, 1e-2)
    face.shape.mixers.normal_(0, 1e-2)
    topology = made_up_topology(vertices)
    deltas = np.zeros((len(ARKIT_NAMES), vertices, 3), np.float32)
    step = Step(config, Live(config), Decoder(config), face)
    write_bundle(
        step, [topology], deltas, np.ones(config.heads, np.float32), folder, parity_frames=10, torchscript=False
    )
    return load(folder)


def stepper(bundle: Bundle, kinds: int = 64) -> Callable[[], object]:
    """A call a frame: random features and noise, `kinds` of each in turn, the state handed on. One thread, ONNX."""
    backend = open_backend(bundle)
    rng = np.random.default_rng(0)
    width = bundle.features.hops_per_frame * bundle.features.mels
    features = rng.normal(0, 3, (kinds, width)).astype(np.float32)
    drawn = Noise(0, bundle.temperature, bundle.classes)
    noise = [drawn.frame(i) for i in range(kinds)]
    template = bundle.topology(0).template
    constant = {"template": template[None], "identity": backend.identity(template)[None]}
    if bundle.style:
        constant["style"] = bundle.style.neutral[None]
    state, frame = initial_state(bundle), 0

    def step() -> object:
        nonlocal state, frame
        inputs = {"features": features[frame % kinds][None], "noise": noise[frame % kinds][None], **constant}
        vertices, _, state = backend.step(inputs, state)
        frame += 1
        return vertices

    return step
