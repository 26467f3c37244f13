"""The step in TorchScript. The one module of `voxmesh.stream` that loads torch; nothing imports it unless asked to."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.bundle_check import read_bounded
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.torchscript_check import check_torchscript
from voxmesh.stream.types import State

if TYPE_CHECKING:
    import torch


def _checked(path: Path) -> BytesIO:
    """The file, once it has been looked into. Raises VoxmeshError when it is not one of ours."""
    data = read_bounded(path)
    try:
        check_torchscript(data)
    except ValueError as error:
        raise VoxmeshError(f"{path} is not run, because {error}: use --backend onnx, or export it again") from error
    return BytesIO(data)


class TorchScriptBackend:
    """TorchScript; same contract as `OnnxBackend`."""

    def __init__(self, bundle: Bundle, threads: int = 1, device: str = "cpu") -> None:
        try:
            import torch
        except ImportError as error:
            raise VoxmeshError("the TorchScript backend needs torch: pip install 'voxmesh[train]'") from error
        if device == "cuda" and not torch.cuda.is_available():
            raise VoxmeshError(
                f"no GPU for torch {torch.__version__}: it wants an NVIDIA card with its driver, and a build of torch "
                "for CUDA (pytorch.org tells which); or leave out --device cuda"
            )
        self._torch, self._device = torch, torch.device(device)
        torch.set_num_threads(threads)
        try:
            # Weights are stored as half precision; they compute as single.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # torch announces torch.export
                files = [_checked(bundle.graph("torchscript", name)) for name in ("step", "identity")]
                graphs = [torch.jit.load(file, map_location=self._device) for file in files]
                # Freezing works out once what depends on weights only.
                self._step, self._identity = (torch.jit.freeze(graph.float().eval()) for graph in graphs)
        except RuntimeError as error:
            raise VoxmeshError(f"{bundle.folder}: TorchScript does not read step.pt: {str(error)[:200]}") from error
        # A traced step knows its arguments by their order.
        self._inputs = ["features", "noise", "template", "identity", *(["style"] if bundle.style else [])]
        self._states = [tensor.name for tensor in bundle.states]

    def identity(self, template: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            return self._identity(self._tensor(template)).numpy(force=True)

    def step(self, inputs: dict[str, np.ndarray], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        arrays = [*(inputs[name] for name in self._inputs), *(state[name] for name in self._states)]
        with self._torch.inference_mode():
            vertices, labels, *states = self._step(*map(self._tensor, arrays))
        following = {name: tensor.numpy(force=True) for name, tensor in zip(self._states, states, strict=True)}
        return vertices.numpy(force=True), labels.numpy(force=True), following

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return self._torch.from_numpy(array).to(self._device)
