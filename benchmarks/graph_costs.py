"""What a frame must do at the least, counted from the very graph that ONNX Runtime makes of a bundle's step.

The graph is taken after ONNX Runtime's own optimisation, so that weights count in the type in which they are read, and
its tensors' shapes are those of a frame that was run.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, numpy_helper

from voxmesh.stream.backend import initial_state
from voxmesh.stream.bundle import Bundle

VIEWS = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Shape", "Constant"})
"""Operators that move no data, or a few bytes of it."""
SMALL = 256
"""Weights of fewer numbers do not make an unknown operator worth a word."""


@dataclass(frozen=True)
class Costs:
    """Of one frame. uncounted: operators with large weights whose multiply-adds this file cannot tell."""

    weight_bytes: int
    activation_bytes: int
    multiply_adds: int
    uncounted: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return self.weight_bytes + self.activation_bytes


def count(bundle: Bundle) -> Costs:
    """Count the step of `bundle` over one frame of noise."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        _session(bundle.graph("onnx", "step"), optimised=path)
        model = onnx.load(str(path))
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        known = {value.name for value in model.graph.output}
        names = [name for node in model.graph.node for name in node.output if name and name not in known]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        onnx.save(model, str(path))
        session = _session(path)
        inputs = one_frame(bundle, session)
        outputs = [value.name for value in session.get_outputs()]
        arrays = {**inputs, **dict(zip(outputs, session.run(None, inputs), strict=True))}
    return tally(model.graph.node, weights, arrays)


def one_frame(bundle: Bundle, session: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    """Inputs of one frame: random features, everything else plain. Those of the graph only."""
    # One session: the first axis of every input is named, not sized.
    shapes = {node.name: [1 if isinstance(n, str) else n for n in node.shape] for node in session.get_inputs()}
    features = np.random.default_rng(0).normal(0, 3, shapes["features"]).astype(np.float32)
    everything = {
        "features": features,
        "noise": np.zeros((1, bundle.heads, bundle.classes), np.float32),
        "template": bundle.topology(0).template[None],
        "identity": np.eye(*shapes["identity"][1:], dtype=np.float32)[None],
        **({"style": bundle.style.neutral[None]} if bundle.style else {}),
        **initial_state(bundle),
    }
    return {name: everything[name] for name in shapes}


def tally(nodes: list[NodeProto], weights: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> Costs:
    """Bytes and multiply-adds of nodes. weights: by name. arrays: every other tensor of one run, by name.

    A weight is read once a frame; of a table, the rows that are gathered. An activation is written once and read by
    each operator that takes it.
    """
    weight_bytes = activation_bytes = multiply_adds = 0
    read, uncounted = set(), set()
    for node in nodes:
        operator = node.op_type
        if operator in VIEWS:
            continue
        for place, name in enumerate(node.input):
            if name in arrays:
                activation_bytes += arrays[name].nbytes
            elif operator == "Gather" and place == 0:
                weight_bytes += arrays[node.output[0]].nbytes
            elif name in weights and name not in read:
                read.add(name)
                weight_bytes += weights[name].nbytes
        activation_bytes += sum(arrays[name].nbytes for name in node.output if name in arrays)
        if operator in PRODUCTS:
            shapes = [(weights | arrays)[name].shape if name else () for name in node.input]
            multiply_adds += arrays[node.output[0]].size * PRODUCTS[operator](node, shapes)
        elif operator not in NO_PRODUCT and any(weights[n].size > SMALL for n in node.input if n in weights):
            uncounted.add(operator)
    return Costs(weight_bytes, activation_bytes, multiply_adds, tuple(sorted(uncounted)))


def _of_rows(node: NodeProto, shapes: list[tuple[int, ...]]) -> int:
    """Numbers that each output of a matrix product is a sum of: the last axis of the first factor, or its first."""
    transposed = any(a.name in ("transA", "transBatchA") and a.i for a in node.attribute)
    return shapes[0][-2] if transposed else shapes[0][-1]


def _of_kernel(node: NodeProto, shapes: list[tuple[int, ...]]) -> int:
    """The same of a convolution: all of a kernel but its first axis."""
    return math.prod(shapes[1][1:])


PRODUCTS: dict[str, Callable[[NodeProto, list[tuple[int, ...]]], int]] = {
    **dict.fromkeys(("Conv", "FusedConv", "ConvInteger", "NhwcConv"), _of_kernel),
    **dict.fromkeys(("MatMul", "Gemm", "FusedMatMul", "FusedGemm", "MatMulInteger"), _of_rows),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits"), _of_rows),
}
NO_PRODUCT = frozenset(
    {"Gather", "GatherElements", "GatherND", "Concat", "Slice", "Split", "Transpose", "ScatterND", "Cast", "Where"}
    | {"Add", "Sub", "Mul", "Div"}
)
"""Operators that may take large constants and are no products of matrices."""


def _session(path: Path, optimised: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    else:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
