"""The step as something to call: ONNX Runtime. (`torchscript.py` is the same in TorchScript.)"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Protocol

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import State

BACKENDS = ("onnx", "torchscript")
DEVICES = ("cpu", "cuda")


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


def open_backend(bundle: Bundle, name: str = "onnx", threads: int = 1, device: str = "cpu") -> Backend:
    """device: one of DEVICES.

    Raises VoxmeshError when the backend is unknown, not installed, or cannot read the bundle's graphs, and where there
    is no such device: nothing runs on another one than was asked for.
    """
    if device not in DEVICES:
        raise VoxmeshError(f"no device {device!r}: choose from {', '.join(DEVICES)}")
    if name == "onnx":
        return OnnxBackend(bundle, threads, device)
    if name == "torchscript":
        # The one lazy exception to "stream never imports torch".
        from voxmesh.stream.torchscript import TorchScriptBackend

        return TorchScriptBackend(bundle, threads, device)
    raise VoxmeshError(f"no backend {name!r}: choose from {', '.join(BACKENDS)}")


class OnnxBackend:
    """ONNX Runtime. On a GPU inputs and state travel there and back for each frame: it pays for many sessions."""

    def __init__(self, bundle: Bundle, threads: int = 1, device: str = "cpu") -> None:
        self._step = open_session(bundle.graph("onnx", "step"), threads, device)
        self._identity = open_session(bundle.graph("onnx", "identity"), threads, device)
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


def open_session(path: Path, threads: int = 1, device: str = "cpu"):
    """An ONNX Runtime session. Raises VoxmeshError when it cannot read the graph."""
    import onnxruntime

    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
    if device == "cuda" and wanted in onnxruntime.get_available_providers():
        # It finds NVIDIA's packages only when told to look, and tells at length what it does not find.
        with redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()
        onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A frame takes under a millisecond of every sixteen: waiting threads must sleep, not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3 if device == "cpu" else 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[wanted])
    except Exception as error:  # onnxruntime raises its own, unrelated types
        reason = str(error).splitlines()[0][:200]
        raise VoxmeshError(
            f"{path} is not a graph that onnxruntime {onnxruntime.__version__} reads: {reason}"
        ) from error
    if session.get_providers()[0] != wanted:
        raise VoxmeshError(
            f"no GPU for onnxruntime {onnxruntime.__version__}: it wants an NVIDIA card with its driver, and pip "
            "install 'onnxruntime-gpu[cuda,cudnn]' (never beside onnxruntime); or leave out --device cuda"
        )
    return session
