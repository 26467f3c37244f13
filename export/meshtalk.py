"""The published scheme's streaming step as one ONNX graph: of one stream, to be timed, or as a bundle has it."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from voxmesh.model.meshtalk.step import SessionsIdentity, SessionsStep, Step

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
    _write(step, path, example_inputs(step), ["vertices", "labels", *(f"next_{name}" for name in step.initial())])


def write_sessions_step(step: SessionsStep, path: Path) -> None:
    """Write a bundle's step, of any number of sessions, as float32."""
    c = step.config
    shapes = {
        "features": (c.sound.mels * c.sound.hops,),
        "noise": (c.heads, c.classes),
        "template": (c.vertices, 3),
        "identity": (1, sum(step.decoder.part_sizes)),
    }
    # Two sessions: a size of one could be taken for a constant.
    inputs = {**{name: torch.zeros(2, *shape) for name, shape in shapes.items()}, **step.initial(2)}
    _write(step, path, inputs, ["vertices", "labels", *(f"next_{name}" for name in step.initial())], sessions=True)


def write_identity(identity: SessionsIdentity, vertices: int, path: Path) -> None:
    _write(identity, path, {"template": torch.zeros(vertices, 3)}, ["identity"])


def _write(
    module: nn.Module, path: Path, inputs: dict[str, Tensor], outputs: list[str], sessions: bool = False
) -> None:
    with warnings.catch_warnings():
        # The exporter announces its successor, which does not unroll the head loop as well; and what it says of LSTMs
        # concerns batches of another size, whose states are inputs here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes={name: {0: "sessions"} for name in (*inputs, *outputs)} if sessions else None,
            opset_version=17,
            dynamo=False,
        )
