"""A bundle's networks, ready to be trained further: a run may be gone, what it exported is not.

The TorchScript graph keeps the name of every weight. What only training needs (the expression encoder, its heads, the
audio encoder's read-outs) is in no bundle.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor, nn

from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig, from_json
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.step import Live, Step
from voxmesh.model.train_audio import MouthReader
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError


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


def seed_run(run: Run, bundle: Bundle) -> None:
    """Write `seed.safetensors` and `audio.safetensors` of a prepared run: the stages start from these weights.

    The run's networks must have the bundle's sizes, but may know styles that the bundle's do not (which start at
    nothing) and have another face basis; of another mesh, the decoder's last layer begins anew. Raises VoxmeshError
    otherwise.
    """
    step, config, face = step_of(bundle), run.config(), run.load_face()
    sizes = replace(config, style_dims=step.config.style_dims, basis=step.config.basis)
    if sizes != step.config:
        raise VoxmeshError(f"{bundle.folder} has networks of other sizes than {run.folder}: {step.config}, not {sizes}")
    weights = {name: w for name, w in step.state_dict().items() if name.startswith(("live.", "decoder."))}
    leave, bias = weights.pop("decoder.leave.weight")[:, :, 0], weights.pop("decoder.leave.bias")
    if len(step.face.order) == len(face.order):
        fitted = change_of_basis(step.face, face)
        weights["decoder.leave.weight"] = (fitted.T @ leave)[:, :, None]
        weights["decoder.leave.bias"] = fitted.T @ bias
    torch.manual_seed(0)  # of the read-outs, which are in no bundle, and of a decoder's last layer for another mesh
    seeded = Step(config, Live(config), Decoder(config), face)
    missing = seeded.load_state_dict(weights, strict=False).missing_keys
    anew = ("style", "decoder.leave.")
    wanting = [name for name in missing if name.startswith(("live.", "decoder.")) and not any(x in name for x in anew)]
    if wanting:
        raise VoxmeshError(f"{bundle.folder} lacks weights of this version's networks: {', '.join(wanting)}")
    mouth = MouthReader(config)
    mouth.audio.load_state_dict(seeded.live.audio.state_dict())
    run.save("audio", mouth)
    run.save("seed", nn.ModuleDict({"live": seeded.live, "decoder": seeded.decoder}))
