"""The streaming step as ONNX and TorchScript files, weights in half precision."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from voxmesh.model.composite.step import CompositeStep
from voxmesh.model.step import Step
from voxmesh.stream.bundle import GRAPHS, STYLE_GRAPH

M = TypeVar("M", bound=nn.Module)
Streams = Step | CompositeStep
"""A step of either family."""
INPUTS = ("features", "noise", "template", "identity")
"""What every step takes before its states; networks that know styles take `style` after them."""


def round_weights(module: M) -> M:
    """Round every weight to half precision, in place, so that all three runtimes compute with the same numbers."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.half().float()
    return module


def write_graphs(step: Streams, folder: Path) -> None:
    """Write a bundle's graph files. `step` must have rounded weights (`round_weights`), in eval mode."""
    # Two sessions: a size of one could be taken for a constant.
    inputs = step.examples(2)
    outputs = ["vertices", "labels", *(f"next_{name}" for name in step.initial())]
    sessions = {name: {0: "sessions"} for name in (*inputs, *outputs)}
    template = inputs["template"][0]
    _write_both(step, tuple(inputs.values()), list(inputs), outputs, sessions, folder, 0)
    _write_both(step.identity_graph(), (template,), ["template"], ["identity"], None, folder, 1)
    if (encoder := step.style_graph()) is not None:
        offsets = template.new_zeros(60, *template.shape)
        _write_onnx(encoder, (offsets,), ["offsets"], ["style"], {"offsets": {0: "frames"}}, folder / STYLE_GRAPH)


def _write_both(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    names: list[str],
    results: list[str],
    dynamic_axes: dict[str, dict[int, str]] | None,
    folder: Path,
    which: int,
) -> None:
    """A graph as ONNX and as TorchScript, under the name that it has in GRAPHS."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(module, arguments, check_trace=False)
    _write_onnx(module, arguments, names, results, dynamic_axes, folder / GRAPHS["onnx"][which])
    traced.half().save(str(folder / GRAPHS["torchscript"][which]))
    module.float()  # the trace shares its weights with the module


def _write_onnx(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    names: list[str],
    results: list[str],
    dynamic_axes: dict[str, dict[int, str]] | None,
    path: Path,
) -> None:
    with warnings.catch_warnings():
        # Both exporters announce their successors; those do not unroll the head loop as well.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        torch.onnx.export(
            module,
            arguments,
            str(path),
            input_names=names,
            output_names=results,
            dynamic_axes=dynamic_axes,
            opset_version=17,
            dynamo=False,
        )
    _store_as_half(path)


def _store_as_half(path: Path) -> None:
    """Store large float32 weights as float16 with a Cast behind, which onnxruntime folds away on loading."""
    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for i, node in enumerate(casts):
        graph.node.insert(i, node)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
