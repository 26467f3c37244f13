"""Do torch, ONNX and TorchScript agree, streamed and whole? Asked of every export, over a long random stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from voxmesh.export.graphs import INPUTS, Streams
from voxmesh.stream.backend import initial_state, open_backend, open_session
from voxmesh.stream.bundle import STYLE_GRAPH, Bundle
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


def check_parity(step: Streams, bundle: Bundle, frames: int = 600, seed: int = 0) -> Parity:
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
        identity = step.identity_graph()(torch.from_numpy(template)).numpy()
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
    noises = np.stack([noise.frame(t) for t in range(frames)])
    streamed = np.stack(all_labels)
    with torch.inference_mode():
        whole_labels, whole = step.whole(
            *(torch.from_numpy(given) for given in (features, noises, template, styles, streamed))
        )
    differing += int((whole_labels.numpy() != streamed).sum())
    whole_worst = float(np.abs(whole.numpy() - np.stack(all_vertices)).max()) / size
    parity = Parity(frames, differing, worst[0], worst[1], whole_worst)
    if differing or max(*worst, whole_worst) > TOLERANCE:
        raise VoxmeshError(f"the exported graphs disagree with torch, nothing was written: {parity}")
    _check_style(step, bundle, rng)
    return parity


def _check_style(step: Streams, bundle: Bundle, rng: np.random.Generator) -> None:
    """A clip of another length than the graph was traced with has the same style in both."""
    if (encoder := step.style_graph()) is None:
        return
    offsets = rng.normal(0.0, 0.003, (97, bundle.topologies[0].vertices, 3)).astype(np.float32)
    with torch.inference_mode():
        wanted = encoder(torch.from_numpy(offsets)).numpy()
    got = open_session(bundle.folder / STYLE_GRAPH).run(["style"], {"offsets": offsets})[0]
    worst = float(np.abs(got - wanted).max() / np.abs(wanted).max())
    if worst > TOLERANCE:
        raise VoxmeshError(f"the exported style encoder disagrees with torch by {worst:.1e}, nothing was written")
