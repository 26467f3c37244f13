"""A bundle's networks, ready to be trained further: a run may be gone, what it exported is not.

The TorchScript graph keeps the name of every weight. What only training needs (the expression encoder, its heads, the
audio encoder's read-outs) is in no bundle.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor

from voxmesh.model.config import ModelConfig, from_json
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.step import Live, Step
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError

SEED = "seed"


def step_of(bundle: Bundle) -> Step:
    """The streaming step that `bundle` was exported from, weights rounded to half precision as the bundle has them.

    Raises VoxmeshError for a bundle without TorchScript graphs, or of networks that this version does not build.
    """
    path = bundle.graph("torchscript", "step")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch announces torch.export
        tensors = {name: tensor.float() for name, tensor in torch.jit.load(str(path)).state_dict().items()}
    tensors["face.order"] = tensors["face.order"].long()
    config = _config(bundle, tensors)
    face = FaceBasis(config, len(tensors["face.order"]), tensors["face.basis"].shape[1] // 3)
    step = Step(config, Live(config), Decoder(config), face)
    try:
        step.load_state_dict(tensors)
    except RuntimeError as error:
        raise VoxmeshError(
            f"{path} holds other networks than this version's: {str(error).splitlines()[1].strip()}"
        ) from error
    states = [(name, tuple(state.shape[1:])) for name, state in step.initial().items()]
    if states != [(state.name, state.shape) for state in bundle.states]:
        raise VoxmeshError(f"{path} keeps other states than its weights tell: its dilations are not the default ones")
    return step.eval()


def _config(bundle: Bundle, tensors: dict[str, Tensor]) -> ModelConfig:
    """The config that the bundle tells, or what its weights' shapes do: dilations have to be the default ones then."""
    if told := bundle.about["training"].get("config"):
        return from_json(told)
    return replace(
        ModelConfig(features=bundle.features, heads=bundle.heads, classes=bundle.classes),
        audio_channels=len(tensors["live.audio.enter.weight"]),
        heads_channels=len(tensors["live.hear.enter.weight"]),
        context_channels=tensors["live.context.past_book"].shape[1],
        decoder_channels=tensors["decoder.book"].shape[1],
        basis=len(tensors["face.basis"]),
        identity_dims=len(tensors["face.shape.zero"]),
    )


def change_of_basis(old: FaceBasis, new: FaceBasis) -> Tensor:
    """(K, L): coefficients of `old` times it are those of `new` that move the neutral face most alike.

    Raises VoxmeshError when the two are of meshes with different vertices.
    """
    if len(old.order) != len(new.order):
        raise VoxmeshError(f"a face of {len(old.order)} vertices cannot seed one of {len(new.order)}")
    rows = [face.offsets(torch.eye(len(face.basis))).flatten(1).double() for face in (old, new)]
    return torch.linalg.lstsq(rows[1].T, rows[0].T).solution.T.float()
