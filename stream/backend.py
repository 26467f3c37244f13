"""The step as something to call: ONNX Runtime. (`torchscript.py` is the same in TorchScript.)"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import State

BACKENDS = ("onnx", "torchscript")


class Backend(Protocol):
    """Runs a bundle's two graphs."""

    def identity(self, template: np.ndarray) -> np.ndarray:
        """(V, 3) float32 template -> what the step wants to know of it, once a stream."""

    def step(self, inputs: dict[str, np.ndarray], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        """One frame of each of N sessions, each a row: float32, C-contiguous.

        inputs: features (N, hops * mels); noise (N, H, C), added to the logits; template (N, V, 3); identity (N, K, K);
        style (N, S) for a bundle that has styles.
        Returns vertices (N, V, 3), labels (N, H) int64 and the next state; what was given is left as it was.
        """


def initial_state(bundle: Bundle, sessions: int = 1) -> State:
    """The state of that many sessions, each a row, before the first frame: zeros."""
    return {tensor.name: np.zeros((sessions, *tensor.shape), tensor.dtype) for tensor in bundle.states}


def open_backend(bundle: Bundle, name: str = "onnx", threads: int = 1) -> Backend:
    """Raises VoxmeshError when the backend is unknown, not installed, or cannot read the bundle's graphs."""
    if name == "onnx":
        return OnnxBackend(bundle, threads)
    if name == "torchscript":
        # The one lazy exception to "stream never imports torch".
        from voxmesh.stream.torchscript import TorchScriptBackend

        return TorchScriptBackend(bundle, threads)
    raise VoxmeshError(f"no backend {name!r}: choose from {', '.join(BACKENDS)}")


class OnnxBackend:
    """ONNX Runtime on the CPU."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self._step = _session(bundle.graph("onnx", "step"), threads)
        self._identity = _session(bundle.graph("onnx", "identity"), threads)
        self._outputs = ["vertices", "labels", *(f"next_{tensor.name}" for tensor in bundle.states)]
        self._states = [tensor.name for tensor in bundle.states]
        names = {node.name for node in self._step.get_outputs()}
        if not names.issuperset(self._outputs):
            raise VoxmeshError(
                f"{bundle.folder}: step.onnx lacks {sorted(set(self._outputs) - names)}: export it again"
            )

    def identity(self, template: np.ndarray) -> np.ndarray:
        return self._identity.run(["identity"], {"template": template})[0]

    def step(self, inputs: dict[str, np.ndarray], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        vertices, labels, *states = self._step.run(self._outputs, {**inputs, **state})
        return vertices, labels, dict(zip(self._states, states, strict=True))


def _session(path: Path, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A frame takes under a millisecond of every sixteen: waiting threads must sleep, not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own, unrelated types
        reason = str(error).splitlines()[0][:200]
        raise VoxmeshError(
            f"{path} is not a graph that onnxruntime {onnxruntime.__version__} reads: {reason}"
        ) from error
