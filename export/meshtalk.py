"""The published scheme's streaming step as one ONNX graph, to be timed beside ours."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from voxmesh.model.meshtalk.step import Step

INPUTS = ("features", "noise", "temperature", "template", "identity")


def example_inputs(step: Step) -> dict[str, Tensor]:
    """Zeros of the right shapes, by input name and in the order of the step's arguments."""
    c = step.config
    shapes = (
        (c.sound.mels, c.sound.hops),
        (c.heads, c.classes),
        (c.heads,),
        (c.vertices, 3),
        (sum(step.decoder.part_sizes),),
    )
    return {**{name: torch.zeros(shape) for name, shape in zip(INPUTS, shapes, strict=True)}, **step.initial()}


def write_step(step: Step, path: Path) -> None:
    """Write the step, in eval mode, as float32: the head loop is unrolled, states are inputs and outputs by name."""
    inputs = example_inputs(step)
    with warnings.catch_warnings():
        # The exporter announces its successor, which does not unroll the head loop as well; and what it says of LSTMs
        # concerns batches of another size.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["vertices", "labels", *(f"next_{name}" for name in step.initial())],
            opset_version=17,
            dynamo=False,
        )
