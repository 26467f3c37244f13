"""Do torch, ONNX and TorchScript agree, streamed and whole? Asked of every export, over a long random stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from voxmesh.export.graphs import INPUTS
from voxmesh.model.step import Step
from voxmesh.stream.backend import initial_state, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.noise import Noise


@dataclass(frozen=True)
class Parity:
    """Worst differences over `frames` frames, as a share of the head's size (the template's diagonal)."""

    frames: int
    differing_labels: int
    onnx: float
    torchscript: float
    whole: float


TOLERANCE = 1e-4


def check_parity(step: Step, bundle: Bundle, frames: int = 600, seed: int = 0) -> Parity:
    """Raises VoxmeshError when labels differ or vertices are further apart than TOLERANCE of the head's size."""
    rng = np.random.default_rng(seed)
    width = step.config.features.hops_per_frame * step.config.features.mels
    features = rng.normal(0.0, 3.0, (frames, width)).astype(np.float32)
    template = bundle.topologies[-1].template
    size = float(np.linalg.norm(np.ptp(template, axis=0)))

    backends = [open_backend(bundle, name) for name in ("onnx", "torchscript")]
    states = [initial_state(bundle) for _ in backends]
    torch_states = list(step.initial().values())
    with torch.inference_mode():
        identity = step.face.shape(torch.from_numpy(template)).numpy()
    identities = [backend.identity(template) for backend in backends]
    noise = Noise(seed, bundle.temperature, bundle.classes)
    dims = step.config.style_dims
    styles = rng.normal(0.0, 1.0, (frames, dims)).astype(np.float32)
    worst = [0.0, 0.0]
    differing = 0
    all_labels, all_vertices = [], []
    for t in range(frames):
        constant = {"features": features[t : t + 1], "noise": noise.frame(t)[None], "template": template[None]}
        styled = {"style": styles[t : t + 1]} if dims else {}
        with torch.inference_mode():
            arrays = {**constant, "identity": identity[None], **styled}
            given = (torch.from_numpy(arrays[name]) for name in (*INPUTS, *styled))
            vertices, labels, *torch_states = step(*given, *torch_states)
        all_labels.append(labels[0].numpy())
        all_vertices.append(vertices[0].numpy())
        for i, backend in enumerate(backends):
            inputs = {**constant, "identity": identities[i][None], **styled}
            got, got_labels, states[i] = backend.step(inputs, states[i])
            differing += int((got_labels != labels.numpy()).sum())
            worst[i] = max(worst[i], float(np.abs(got - vertices.numpy()).max()) / size)
    whole_labels, whole = _whole(step, features, np.stack(all_labels), styles, template, seed, bundle)
    differing += int((whole_labels != np.stack(all_labels)).sum())
    whole_worst = float(np.abs(whole - np.stack(all_vertices)).max()) / size
    parity = Parity(frames, differing, worst[0], worst[1], whole_worst)
    if differing or max(*worst, whole_worst) > TOLERANCE:
        raise VoxmeshError(f"the exported graphs disagree with torch, nothing was written: {parity}")
    return parity


def _whole(
    step: Step,
    features: np.ndarray,
    labels: np.ndarray,
    styles: np.ndarray,
    template: np.ndarray,
    seed: int,
    bundle: Bundle,
) -> tuple[np.ndarray, np.ndarray]:
    """The training-time path over the whole sequence at once, given the streamed labels as the past."""
    with torch.inference_mode():
        known = torch.from_numpy(labels)[None]
        free = known[..., step.config.heard_heads :]
        style = torch.from_numpy(styles)[None]
        logits = step.live(torch.from_numpy(features)[None], free, free, style)[0].numpy()
        noise = Noise(seed, bundle.temperature, bundle.classes)
        sampled = (logits + np.stack([noise.frame(t) for t in range(len(labels))])).argmax(-1)
        one_hot = torch.nn.functional.one_hot(known, step.config.classes).float()
        coefficients, _ = step.decoder(one_hot, step.decoder.initial(1), style)
        neutral = torch.from_numpy(template)
        vertices = step.face(coefficients[0], neutral, step.face.shape(neutral)).numpy()
    return sampled, vertices
