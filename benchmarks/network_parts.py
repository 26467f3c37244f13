"""Where the network's time goes, by ONNX Runtime's own profile of the step graph."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime

from voxmesh.stream.backend import initial_state
from voxmesh.stream.bundle import Bundle

FRAMES = 200


PARTS = {"encode": "encoder", "hear": "context", "guess": "context", "decode": "decoder"}
"""The step's own modules, by which its graph's nodes are named -> part. Those that no module names make vertices."""


def part(node: str) -> str:
    """Which part a node of the step graph belongs to."""
    return PARTS.get(node.split("/")[1] if "/" in node else "", "vertices")


def shares(bundle: Bundle) -> dict[str, float]:
    """encoder, context, decoder, vertices -> share of the graph's time, over FRAMES frames of noise."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(
            str(bundle.graph("onnx", "step")), options, providers=["CPUExecutionProvider"]
        )
        rng = np.random.default_rng(0)
        features = bundle.features
        inputs = {
            "noise": np.zeros((1, bundle.heads, bundle.classes), np.float32),
            "template": bundle.topologies[0].template[None],
            **({"style": bundle.style.neutral[None]} if bundle.style else {}),
        }
        size = next(node.shape[-1] for node in session.get_inputs() if node.name == "identity")
        inputs["identity"] = np.eye(size, dtype=np.float32)[None]
        state = initial_state(bundle)
        for _ in range(FRAMES):
            inputs["features"] = rng.normal(0, 3, (1, features.hops_per_frame * features.mels)).astype(np.float32)
            results = session.run(None, {**inputs, **state})
            named = dict(zip((node.name for node in session.get_outputs()), results, strict=True))
            state = {name: named[f"next_{name}"] for name in state}
        events = json.loads(Path(session.end_profiling()).read_text())
    spent: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[part(event["name"])] += event["dur"]
    total = sum(spent.values())
    return {name: spent[name] / total for name in ("encoder", "context", "decoder", "vertices")}
