"""MeshTalk's scheme as a bundle that the engine streams: 30 fps, 500 ms of look-ahead, a window of sound a frame."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from voxmesh.export.meshtalk import write_identity, write_sessions_step
from voxmesh.model.meshtalk.step import MeshTalk, SessionsIdentity, SessionsStep
from voxmesh.stream.backend import initial_state, open_backend
from voxmesh.stream.bundle import FORMAT, GRAPHS, Bundle, load, sha256, write_avatar
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.noise import Noise
from voxmesh.stream.topology import Topology

TOLERANCE = 1e-5
"""How far streamed and whole may be apart, in standard deviations of the mesh."""


@dataclass(frozen=True)
class MeshTalkParity:
    """frames: streamed and whole. vertices: the furthest apart, in standard deviations of the mesh."""

    frames: int
    differing_labels: int
    vertices: float


def write_meshtalk_bundle(
    model: MeshTalk,
    topology: Topology,
    folder: Path,
    *,
    unit_m: float,
    origin: np.ndarray,
    licence: str,
    parity_frames: int = 300,
) -> MeshTalkParity:
    """Write `folder`, replacing a bundle that is there, once it streams what the whole-sequence evaluation gives.

    topology: the template in metres, `origin` (3,) taken from it. unit_m: metres of one of the mesh's own units.
    Raises VoxmeshError when the two disagree; then `folder` is left as it was.
    """
    step = SessionsStep(model, unit_m, torch.from_numpy(np.asarray(origin, np.float32))).eval()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        part = Path(temporary) / "bundle"
        part.mkdir()
        step_name, identity_name = GRAPHS["onnx"]
        write_sessions_step(step, part / step_name)
        write_identity(SessionsIdentity(step), model.config.vertices, part / identity_name)
        write_avatar(part / "avatar.npz", [topology], np.zeros((0, topology.vertices, 3), np.float32))
        about = {
            "format": FORMAT,
            "hears": "windows",
            "features": asdict(model.config.sound),
            "heads": model.config.heads,
            "classes": model.config.classes,
            "temperature": [1.0] * model.config.heads,
            "states": [[name, "float32", list(x.shape[1:])] for name, x in step.initial().items()],
            "landmarks": topology.landmarks,
            "blendshape_names": [],
            "checksums": {name: sha256(part / name) for name in ("avatar.npz", step_name, identity_name)},
            "training": {"scheme": "MeshTalk", "licence": licence, "moved_m": np.asarray(origin).tolist()},
        }
        (part / "bundle.json").write_text(json.dumps(about, indent=1), "utf-8")
        parity = compare(model, load(part), unit_m, origin, parity_frames)
        if parity.differing_labels or parity.vertices > TOLERANCE:
            raise VoxmeshError(f"streamed and whole disagree, nothing was written: {parity}")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.move(part, folder)
    return parity


@torch.inference_mode()
def compare(model: MeshTalk, bundle: Bundle, unit_m: float, origin: np.ndarray, frames: int) -> MeshTalkParity:
    """The bundle streamed through ONNX, against torch's evaluation of the whole sequence of the labels it chose."""
    rng, sound = np.random.default_rng(0), model.config.sound
    features = rng.normal(-6.0, 3.0, (frames, sound.mels * sound.hops)).astype(np.float32)
    backend, state = open_backend(bundle), initial_state(bundle)
    template = bundle.topologies[0].template
    face = {"template": template[None], "identity": backend.identity(template)[None]}
    noise = Noise(0, bundle.temperature, bundle.classes)
    vertices, labels = [], []
    for t, row in enumerate(features):
        inputs = {"features": row[None], "noise": noise.frame(t)[None], **face}
        moved, chosen, state = backend.step(inputs, state)
        vertices.append(moved[0])
        labels.append(chosen[0])
    windows = torch.from_numpy(features).reshape(frames, sound.mels, sound.hops)
    own = torch.from_numpy((template + np.asarray(origin, np.float32)) / np.float32(unit_m))
    logits, whole = model(windows, torch.from_numpy(np.stack(labels)), own)
    said = logits.numpy() + np.stack([noise.frame(t) for t in range(frames)])
    streamed = (np.stack(vertices) + np.asarray(origin, np.float32)) / np.float32(unit_m)
    apart = float(np.abs(whole.numpy() - streamed).max() / float(model.decoder.stddev))
    return MeshTalkParity(frames, int((said.argmax(2) != np.stack(labels)).sum()), apart)
