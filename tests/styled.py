"""A bundle that takes a style, of one that takes none: each number of the style moves it by a shape of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from voxmesh.stream import bundle as bundles
from voxmesh.stream.bundle import sha256
from voxmesh.stream.style import StyleSpace, space_to_json

MOODS = ("cheerful", "sad", "angry", "surprised", "articulated")
SPACE = StyleSpace(
    "test-moods",
    {
        "neutral": np.zeros(5, np.float32),
        **{name: row for name, row in zip(MOODS, np.eye(5, dtype=np.float32), strict=True)},
        "mumbled": -np.eye(5, dtype=np.float32)[4],
    },
)


SHAPES = ("mouthSmileLeft", "mouthFrownLeft", "browDownLeft", "browInnerUp", "jawOpen")


def with_styles(folder: Path, plain: Path) -> Path:
    """Copy the bundle `plain` to `folder`, its ONNX step with 0.4 `style` (N, 5) of SHAPES added to the vertices."""
    shutil.copytree(plain, folder)
    about = json.loads((folder / "bundle.json").read_text("utf-8"))
    path = folder / "step.onnx"
    model = onnx.load(str(path))
    graph = model.graph
    made = next(node for node in graph.node if "vertices" in node.output)
    count = next(i for i in graph.input if i.name == "template").type.tensor_type.shape.dim[1].dim_value
    made.output[list(made.output).index("vertices")] = "plain_vertices"
    rows = [about["blendshape_names"].index(name) for name in SHAPES]
    ways = np.float32(0.4) * bundles.load(plain).deltas[rows].reshape(5, count * 3)
    graph.initializer.extend(
        [numpy_helper.from_array(ways, "ways"), numpy_helper.from_array(np.array([-1, count, 3]), "mesh")]
    )
    graph.node.extend(
        [
            helper.make_node("MatMul", ["style", "ways"], ["moved"]),
            helper.make_node("Reshape", ["moved", "mesh"], ["offsets"]),
            helper.make_node("Add", ["plain_vertices", "offsets"], ["vertices"]),
        ]
    )
    graph.input.insert(4, helper.make_tensor_value_info("style", TensorProto.FLOAT, ["sessions", 5]))
    onnx.save(model, str(path))
    for name in ("step.pt", "identity.pt"):
        (folder / name).unlink(missing_ok=True)
        about["checksums"].pop(name, None)
    about["checksums"]["step.onnx"] = sha256(path)
    about["style"] = space_to_json(SPACE)
    (folder / "bundle.json").write_text(json.dumps(about), "utf-8")
    return folder
