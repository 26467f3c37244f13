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

from voxmesh.model.step import IdentityStep, Step
from voxmesh.stream.bundle import GRAPHS

M = TypeVar("M", bound=nn.Module)
INPUTS = ("features", "noise", "template", "identity")
"""What every step takes before its states; networks that know styles take `style` after them."""


def round_weights(module: M) -> M:
    """Round every weight to half precision, in place, so that all three runtimes compute with the same numbers."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.half().float()
    return module


def example_inputs(step: Step, sessions: int) -> dict[str, Tensor]:
    """Zeros of the right shapes, by input name and in the order of the step's arguments."""
    c = step.config
    return {
        "features": torch.zeros(sessions, c.features.hops_per_frame * c.features.mels),
        "noise": torch.zeros(sessions, c.heads, c.classes),
        "template": torch.zeros(sessions, len(step.face.order), 3),
        "identity": torch.eye(c.basis).repeat(sessions, 1, 1),
        **({"style": torch.zeros(sessions, c.style_dims)} if c.style_dims else {}),
        **step.initial(sessions),
    }


def write_graphs(step: Step, folder: Path) -> None:
    """Write the four graph files of a bundle. `step` must have rounded weights (`round_weights`), in eval mode."""
    # Two sessions: a size of one could be taken for a constant.
    inputs = example_inputs(step, 2)
    outputs = ["vertices", "labels", *(f"next_{name}" for name in step.initial())]
    identity = IdentityStep(step.face)
    template = torch.zeros(len(step.face.order), 3)
    for module, arguments, names, results, which in (
        (step, tuple(inputs.values()), list(inputs), outputs, 0),
        (identity, (template,), ["template"], ["identity"], 1),
    ):
        with warnings.catch_warnings():
            # Both exporters announce their successors; those do not unroll the head loop as well.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            onnx_path = folder / GRAPHS["onnx"][which]
            torch.onnx.export(
                module,
                arguments,
                str(onnx_path),
                input_names=names,
                output_names=results,
                dynamic_axes=None if which else {name: {0: "sessions"} for name in (*names, *results)},
                opset_version=17,
                dynamo=False,
            )
            traced = torch.jit.trace(module, arguments, check_trace=False)
            _store_as_half(onnx_path)
            traced.half().save(str(folder / GRAPHS["torchscript"][which]))
            module.float()  # the trace shares its weights with the module


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
