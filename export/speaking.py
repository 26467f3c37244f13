"""Training runs and bundles as faces that speak a store's clips (`voxmesh.model.store_evaluation.Speak`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.speak import speak as whole_speech
from voxmesh.model.composite.speak import style_of
from voxmesh.model.composite.train import STYLES, is_composite, load_composite
from voxmesh.model.datasets.captured_run import captured_topologies, load_motion_basis
from voxmesh.model.datasets.mesh_store import MeshStore
from voxmesh.model.datasets.motion_basis import MotionBasis
from voxmesh.model.evaluate import head_temperature, load_step, speak
from voxmesh.model.step import Live
from voxmesh.model.store_evaluation import Speak, Take, resized
from voxmesh.model.train_codes import Codes, load_codes
from voxmesh.model.train_context import load_live
from voxmesh.stream.bundle import STYLE_GRAPH, load
from voxmesh.stream.driving import DrivingClip, extract_style
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.style import NEUTRAL
from voxmesh.stream.topology import Topology
from voxmesh.stream.types import AudioChunk


@dataclass(frozen=True)
class Speaking:
    """protocols: name -> what speaks in it, the one to film first. topology: the mesh, with regions and landmarks.

    more: what else was found, of that first protocol.
    """

    protocols: dict[str, Speak]
    topology: Topology
    more: dict[str, Any]


def open_speaking(path: Path, store: MeshStore, seed: int = 0) -> Speaking:
    """A run's folder or a bundle's. Raises VoxmeshError when it is neither, or of another mesh than `store`."""
    run = Run(path)
    if is_composite(run):
        speaking = speaking_composite(run)
    else:
        speaking = speaking_run(run, store, seed) if run.exists() else speaking_bundle(path, seed)
    if speaking.topology.vertices != store.vertex_count:
        raise VoxmeshError(
            f"{path} has a mesh of {speaking.topology.vertices} vertices, {store.folder} one of {store.vertex_count}"
        )
    return speaking


def speaking_bundle(path: Path, seed: int = 0) -> Speaking:
    """Through the live engine, on the subject's own template, at the store's frame rate."""
    bundle = load(path)
    moved = np.array(bundle.about.get("training", {}).get("moved_m", (0, 0, 0)), np.float32)

    def speaks(take: Take, style: Take | None) -> np.ndarray:
        clock = take.store.features.clock
        engine = Engine(
            bundle,
            source_rate=clock.sample_rate,
            seed=seed,
            fps=(clock.fps_num, clock.fps_den),
            style=None if style is None else extract_style(bundle, driving_clip(style)),
            template=np.ascontiguousarray(take.template - moved),
        )
        frames = engine.push(AudioChunk(take.audio, 0)) + engine.flush()
        return np.stack([frame.vertices for frame in frames]) - engine.topology.template

    driven = {"self": speaks, "style": speaks} if STYLE_GRAPH in bundle.about["checksums"] else {}
    return Speaking({"live": speaks, **driven}, bundle.topologies[0], {})


def driving_clip(take: Take) -> DrivingClip:
    """A clip of a store as what drives another."""
    clock = take.store.features.clock
    return DrivingClip(take.offsets(), Fraction(clock.fps_num, clock.fps_den), take.name)


def speaking_composite(run: Run) -> Speaking:
    """The networks of the composite family, over whole sequences: also those that cannot be exported."""
    model, neutral = load_composite(run), run.load_arrays(STYLES)[NEUTRAL]

    def speaks(take: Take, style: Take | None) -> np.ndarray:
        vector = neutral if style is None else style_of(model, style.offsets())
        return whole_speech(model, take.audio, take.template, vector) - take.template

    return Speaking({"live": speaks, "self": speaks, "style": speaks}, _topology(run), {})


def speaking_run(run: Run, store: MeshStore, seed: int = 0) -> Speaking:
    """Live as exported, and stage one, which is shown a style: the heads that do not follow the sound see it.

    more: the context model's perplexity.
    """
    topology = _topology(run)
    step, codes, basis, model = load_step(run), load_codes(run), load_motion_basis(run), load_live(run)

    def live(take: Take, style: Take | None) -> np.ndarray:
        return speak(step, take.audio, take.template, head_temperature(step.config), seed) - take.template

    @torch.inference_mode()
    def shown(take: Take, style: Take | None) -> np.ndarray:
        features = torch.from_numpy(take.features())[None]
        style_offsets = resized((style or take).offsets(), features.shape[1])
        seen = torch.from_numpy(basis.coefficients(style_offsets))[None]
        latent = codes.logits(features, seen).argmax(-1)
        one_hot = torch.nn.functional.one_hot(latent, step.config.classes).float()
        return step.face.offsets(codes.decode(one_hot)[0]).numpy()

    speaking = {"live": live, "self": shown, "style": shown}
    return Speaking(speaking, topology, {"perplexity": perplexity(codes, model, basis, store)})


def _topology(run: Run) -> Topology:
    topologies = captured_topologies(run)
    if topologies is None:
        raise VoxmeshError(f"{run.folder} was not trained on a store: `python -m voxmesh.model.evaluate` measures it")
    return next(iter(topologies.values()))


@torch.inference_mode()
def perplexity(codes: Codes, live: Live, basis: MotionBasis, store: MeshStore) -> float:
    """exp of the context model's mean cross-entropy, in nats, a label of the free heads, given those before it.

    The number of classes for a model that knows nothing, 1 for one that is always right.
    """
    total, labels = 0.0, 0
    for index in range(len(store.clips)):
        rows = store.rows(index)
        coefficients = torch.from_numpy(basis.coefficients(rows.offsets))[None]
        known = codes.see(codes.expression(coefficients)).argmax(-1)
        free = live(torch.from_numpy(rows.features)[None], known, known)[:, :, -known.shape[2] :]
        total += float(torch.nn.functional.cross_entropy(free.flatten(0, 2), known.flatten(), reduction="sum"))
        labels += known.numel()
    return float(np.exp(total / labels))
