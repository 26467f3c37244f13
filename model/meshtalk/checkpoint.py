"""MeshTalk's released weights: three state dicts, read without running what is in them, into our model of its family.

`encoder.pkl`, `context_model.pkl` and `vertex_unet.pkl` are what `torch.save` wrote; torch's own restricted reader
takes tensors and plain containers only. All sizes are told by the weights' shapes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voxmesh.model.meshtalk.config import MeshTalkConfig
from voxmesh.model.meshtalk.step import MeshTalk
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.windows import SoundConfig

ENCODER, CONTEXT, DECODER = "encoder.pkl", "context_model.pkl", "vertex_unet.pkl"
_CONSTANTS = "audio_encoder.melspec."
"""The spectrogram's window and filters, which `stream/windows.py` computes."""


def read_checkpoint(folder: Path, mean: np.ndarray | None = None, stddev: np.ndarray | None = None) -> MeshTalk:
    """The model of the three files of `folder`, in eval mode.

    mean: (V, 3) or (3,), stddev: a number, in the mesh's own unit: instead of those that the decoder holds.
    Raises VoxmeshError naming the file when one is missing, refused, or does not have the scheme's names and shapes.
    """
    encoder, context, decoder = (_read(folder / name) for name in (ENCODER, CONTEXT, DECODER))
    encoder = {name: tensor for name, tensor in encoder.items() if not name.startswith(_CONSTANTS)}
    try:
        model = MeshTalk(_config(encoder, context, decoder)).eval()
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise VoxmeshError(f"{folder} does not hold MeshTalk's weights: {error} is not as its names are") from error
    if mean is not None:
        decoder["mean"] = torch.from_numpy(np.broadcast_to(_squeezed(mean), (model.config.vertices, 3)).copy()).float()
    if stddev is not None:
        decoder["stddev"] = torch.from_numpy(np.array(stddev, np.float32)).reshape(-1)
    for name, part, weights in (
        (ENCODER, model.encoder, encoder),
        (CONTEXT, model.context, context),
        (DECODER, model.decoder, decoder),
    ):
        _fill(part, weights, folder / name)
    return model


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise VoxmeshError(f"{path} is not there: MeshTalk's weights are {ENCODER}, {CONTEXT} and {DECODER}")
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what pickle, zipfile and it itself do
        raise VoxmeshError(
            f"{path} is refused: it is damaged, or holds more than weights ({_reason(error)})"
        ) from error
    if not isinstance(told, dict) or not told or not all(isinstance(tensor, Tensor) for tensor in told.values()):
        raise VoxmeshError(f"{path} is no state dict: it has to map names to tensors")
    return {name.removeprefix("module."): tensor.float() for name, tensor in told.items()}


def _reason(error: Exception) -> str:
    """The line of torch's page of advice that says what was asked for."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "GLOBAL" in line or "class" in line), lines[0] if lines else "no reason")[
        :200
    ]


def _config(encoder: dict[str, Tensor], context: dict[str, Tensor], decoder: dict[str, Tensor]) -> MeshTalkConfig:
    mask = context["embedding.mask"]
    head_channels = int((mask.sum(1) == 0).sum())  # strictly lower triangular: the first head sees nothing
    heads = mask.shape[0] // head_channels
    mels, width = encoder["audio_encoder.convert_dimensions.weight"].shape[1], len(encoder["audio_encoder.code.bias"])
    layers = sum(name.startswith("context_layers.") and name.endswith(".mask") for name in context)
    return MeshTalkConfig(
        sound=SoundConfig(mels=mels),
        vertices=decoder["vertex_bias"].numel() // 3,
        heads=heads,
        classes=mask.shape[1] // heads,
        audio_channels=width,
        audio_kernel=encoder["audio_encoder.convert_dimensions.weight"].shape[2],
        code=decoder["temporal.weight_hh_l0"].shape[1],
        expression_widths=_widths(encoder, "expression_encoder.layers"),
        decoder_widths=_widths(decoder, "encoder"),
        head_channels=head_channels,
        context_kernel=context["context_layers.0.historic.weight"].shape[2],
        context_dilations=tuple(2**i for i in range(layers)),
    )


def _widths(weights: dict[str, Tensor], layers: str) -> tuple[int, ...]:
    count = sum(name.startswith(f"{layers}.") and name.endswith(".bias") for name in weights)
    return tuple(len(weights[f"{layers}.{i}.bias"]) for i in range(count))


def _fill(part: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Shapes may differ by dimensions of 1: a 1x1 convolution is a linear map."""
    wanted = part.state_dict()
    if missing := sorted(set(wanted) - set(weights)):
        raise VoxmeshError(f"{path} lacks {', '.join(missing[:3])}{' and more' if len(missing) > 3 else ''}")
    for name, tensor in wanted.items():
        if _squeezed(weights[name]).shape != _squeezed(tensor).shape:
            raise VoxmeshError(f"{path} has {name} of shape {tuple(weights[name].shape)}, wanted {tuple(tensor.shape)}")
    part.load_state_dict({name: weights[name].reshape(tensor.shape) for name, tensor in wanted.items()})


def _squeezed(array):
    """A tensor or an array without its dimensions of 1."""
    return array.squeeze()
