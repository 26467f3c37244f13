"""The step in TorchScript. The one module of `voxmesh.stream` that loads torch; nothing imports it unless asked to."""

from __future__ import annotations

import warnings

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import State


class TorchScriptBackend:
    """TorchScript on the CPU; same contract as `OnnxBackend`."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        try:
            import torch
        except ImportError as error:
            raise VoxmeshError("the TorchScript backend needs torch: pip install 'voxmesh[train]'") from error
        self._torch = torch
        torch.set_num_threads(threads)
        try:
            # Weights are stored as half precision; they compute as single.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # torch announces torch.export
                graphs = [torch.jit.load(str(bundle.graph("torchscript", name))) for name in ("step", "identity")]
                # Freezing works out once what depends on weights only.
                self._step, self._identity = (torch.jit.freeze(graph.float().eval()) for graph in graphs)
        except RuntimeError as error:
            raise VoxmeshError(f"{bundle.folder}: TorchScript does not read step.pt: {str(error)[:200]}") from error
        # A traced step knows its arguments by their order.
        self._inputs = ["features", "noise", "template", "identity", *(["style"] if bundle.style else [])]
        self._states = [tensor.name for tensor in bundle.states]

    def identity(self, template: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            return self._identity(self._torch.from_numpy(template)).numpy()

    def step(self, inputs: dict[str, np.ndarray], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        arrays = [*(inputs[name] for name in self._inputs), *(state[name] for name in self._states)]
        with self._torch.inference_mode():
            vertices, labels, *states = self._step(*(self._torch.from_numpy(array) for array in arrays))
        return vertices.numpy(), labels.numpy(), {n: s.numpy() for n, s in zip(self._states, states, strict=True)}
