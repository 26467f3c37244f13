"""From a trained step and an avatar to a bundle folder, or to nothing when the graphs do not agree."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.export.graphs import Streams, round_weights, write_graphs
from voxmesh.export.parity import Parity, check_parity
from voxmesh.model.talker.moods import SPACE, named_styles
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import FORMAT, GRAPHS, load, sha256, write_avatar
from voxmesh.stream.style import StyleSpace, space_to_json
from voxmesh.stream.topology import Topology


def write_bundle(
    step: Streams,
    topologies: list[Topology],
    deltas: np.ndarray,
    temperature: np.ndarray,
    folder: Path,
    training: dict[str, Any] | None = None,
    parity_frames: int = 600,
    torchscript: bool = True,
    blendshape_names: Sequence[str] = ARKIT_NAMES,
    styles: StyleSpace | None = None,
) -> Parity:
    """Write `folder`, replacing a bundle that is there, once every check has passed.

    topologies: one an identity. deltas: (S, V, 3) metres, of the first, by `blendshape_names`. temperature: (H,), each
    head's own. Without `torchscript` those graphs are checked like the others, and left out. styles: those that a step
    which takes a style has names for, the talker's moods by default.
    Raises VoxmeshError when torch, ONNX and TorchScript disagree; then `folder` is left as it was.
    """
    step = round_weights(step).eval()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        part = Path(temporary) / "bundle"
        part.mkdir()
        write_graphs(step, part)
        write_avatar(part / "avatar.npz", topologies, deltas)
        files = sorted(path.name for path in part.iterdir())
        config = step.config
        about = {
            "format": FORMAT,
            "features": asdict(config.features),
            "heads": config.heads,
            "classes": config.classes,
            "temperature": [round(float(t), 4) for t in temperature],
            "states": [[name, "float32", list(x.shape[1:])] for name, x in step.initial().items()],
            "landmarks": topologies[0].landmarks,
            "blendshape_names": list(blendshape_names),
            "checksums": {name: sha256(part / name) for name in files},
            "training": {"config": asdict(config), **(training or {})},
        }
        if config.style_dims:
            about["style"] = space_to_json(styles or StyleSpace(SPACE, named_styles()))
        (part / "bundle.json").write_text(json.dumps(about, indent=1), "utf-8")
        parity = check_parity(step, load(part), parity_frames)
        if not torchscript:
            for name in GRAPHS["torchscript"]:
                (part / name).unlink()
                del about["checksums"][name]
            (part / "bundle.json").write_text(json.dumps(about, indent=1), "utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.move(part, folder)
    return parity
