"""A bundle carried over to another rig of the same mesh: the same motion, shown by the new shapes. No training.

The networks speak in coefficients of the face basis, and vertices are linear in those. With B the old basis and D the
old blendshapes, A = B D^T (D D^T + ridge)^-1 says which blendshape weights a coefficient stands for. With the new
shapes D' the new basis is B + A (D' - D): what shapes do not explain stays as it was, so that lips that met still
meet. The identities' mixers are fitted again. Only these weights change in the graphs.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from voxmesh.model.avatar.build import HELD_OUT, Avatar
from voxmesh.model.face_basis import fit_shape_mixer
from voxmesh.stream.bundle import GRAPHS, Bundle, as_stored, load, sha256, write_avatar
from voxmesh.stream.errors import VoxmeshError

RIDGE = 1e-6
"""Of the blendshapes' mean square: some of them say nearly the same."""
LOST_M = 1e-4
"""Motion of vertices that the graphs keep still: less than this may be lost."""


def carry(bundle: Bundle, avatars: Sequence[Avatar], folder: Path) -> float:
    """Write `bundle` to `folder` with the look, the identities and the rig of `avatars`, one an identity.

    Returns the root mean square error, metres, of the old basis read as old blendshape weights, over all vertices that
    move. Raises VoxmeshError when the mesh is another one, or when vertices would have to move that the graphs keep
    still.
    """
    if avatars[0].topology.faces.shape != bundle.topologies[0].faces.shape or len(avatars) != len(bundle.topologies):
        raise VoxmeshError(f"{bundle.folder} is of another mesh or other identities: train a bundle for this one")
    if bundle.heads == 0:
        raise VoxmeshError(f"{bundle.folder} is of the composite family, which knows no rig: export its run again")
    step = onnx.load(str(bundle.graph("onnx", "step")))
    runs = _moving_runs(step)
    old = np.zeros((_initializer(step, runs[0][0]).shape[0], 3 * bundle.topologies[0].vertices))
    for name, columns in runs:
        old[:, columns] = _initializer(step, name)
    weights, error = blendshapes_of(old, bundle.deltas)
    unexplained = old - weights @ bundle.deltas.reshape(len(bundle.deltas), -1)
    deltas = [as_stored(avatar.deltas).reshape(len(avatar.deltas), -1) for avatar in avatars]
    basis = unexplained + weights @ deltas[0]
    moving = np.zeros(old.shape[1], bool)
    for _, columns in runs:
        moving[columns] = True
    if np.abs(deltas[0][:, ~moving]).max(initial=0) > LOST_M:
        raise VoxmeshError(f"the rig moves vertices that {bundle.folder} keeps still: train a bundle for it")
    identity = onnx.load(str(bundle.graph("onnx", "identity")))
    identity_dims = len(_initializer(identity, "shape.mixers"))
    at = np.flatnonzero(np.abs(old.reshape(len(old), -1, 3)).max((0, 2)))
    trained = avatars[: len(avatars) - HELD_OUT] if len(avatars) > HELD_OUT else avatars
    motions = [(unexplained + weights @ rows).reshape(len(old), -1, 3)[:, at].reshape(len(old), -1) for rows in deltas]
    shape = fit_shape_mixer(identity_dims, [a.topology.template for a in trained], motions[: len(trained)], at)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        part = Path(temporary) / "bundle"
        shutil.copytree(bundle.folder, part)
        write_avatar(part / "avatar.npz", [avatar.topology for avatar in avatars], avatars[0].deltas)
        for name, columns in runs:
            _replace(step, name, basis[:, columns])
        onnx.save(step, str(part / GRAPHS["onnx"][0]))
        for name, tensor in shape.state_dict().items():
            _replace(identity, f"shape.{name}", tensor.numpy())
        onnx.save(identity, str(part / GRAPHS["onnx"][1]))
        about = dict(bundle.about)
        if GRAPHS["torchscript"][0] in about["checksums"]:
            _carry_torchscript(part, basis, shape.state_dict())
        about["landmarks"] = avatars[0].topology.landmarks
        about["checksums"] = {name: sha256(part / name) for name in about["checksums"]}
        (part / "bundle.json").write_text(json.dumps(about, indent=1), "utf-8")
        load(part)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.move(part, folder)
    return error


def blendshapes_of(basis: np.ndarray, deltas: np.ndarray) -> tuple[np.ndarray, float]:
    """(K, 3 * V) basis and (S, V, 3) blendshapes -> (K, S) weights that show its vectors; root mean square error."""
    shapes = deltas.reshape(len(deltas), -1).astype(float)
    gram = shapes @ shapes.T
    damped = gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    weights = np.linalg.solve(damped, shapes @ basis.T).T
    moving = np.any(basis != 0, axis=0)
    error = (weights @ shapes - basis)[:, moving]
    return weights, float(np.sqrt((error**2).mean() * 3))


def _carry_torchscript(folder: Path, basis: np.ndarray, shape: dict[str, torch.Tensor]) -> None:
    """Replace the same weights in the files of `folder`. basis: (K, 3 * V)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch announces torch.export
        for file, prefix in zip(GRAPHS["torchscript"], ("face.shape.", "shape."), strict=True):
            graph = torch.jit.load(str(folder / file))
            weights = graph.state_dict()
            for name, tensor in shape.items():
                weights[prefix + name].copy_(tensor)
            if "face.basis" in weights:
                k, order = len(basis), weights["face.order"].numpy()
                moving = np.argsort(order)[: weights["face.basis"].shape[1] // 3]
                rows = basis.reshape(k, -1, 3)[:, moving].reshape(k, -1)
                weights["face.basis"].copy_(torch.from_numpy(rows))
            graph.save(str(folder / file))


def _moving_runs(step: onnx.ModelProto) -> list[tuple[str, slice]]:
    """The step ends by splitting the template into runs, and adding a product with part of the basis to those that
    move: (name of that part, columns of 3 * V) each."""
    nodes = list(step.graph.node)
    split = next(node for node in reversed(nodes) if node.op_type == "Split" and len(node.output) > 1)
    sizes = next(numpy_helper.to_array(n.attribute[0].t) for n in nodes if split.input[1] in n.output)
    ends = np.cumsum(sizes)
    columns = {out: slice(int(end - size), int(end)) for out, size, end in zip(split.output, sizes, ends, strict=True)}
    return [(n.input[1], columns[n.input[2]]) for n in nodes if n.op_type == "Gemm" and n.input[2] in columns]


def _initializer(model: onnx.ModelProto, name: str) -> np.ndarray:
    """By its own name, or that of its half precision."""
    return numpy_helper.to_array(_tensor(model, name)).astype(float)


def _tensor(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name in (name, f"{name}_half"))


def _replace(model: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    tensor = _tensor(model, name)
    values = values.astype(np.float16).astype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
