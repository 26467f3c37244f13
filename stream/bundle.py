"""A bundle: the folder that carries a trained face from training to running.

`bundle.json` says what is in it (format, features, tensor names, landmarks, checksums); `step.onnx` and `identity.onnx`
are the graphs, `step.pt` and `identity.pt` the same in TorchScript, which a bundle may do without; `avatar.npz` is the
mesh, its rig and identities.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig
from voxmesh.stream.style import StyleSpace, space_from_json
from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology

FORMAT = 2
UNIT_M = 1e-5
"""Positions in avatar.npz are int16 multiples of this: 10 micrometres, up to a third of a metre."""
SHIPPED = ("default", "instant")
"""Bundles that come with voxmesh: the best mouth, and the one that does not wait for the sounds to come."""
GRAPHS = {"onnx": ("step.onnx", "identity.onnx"), "torchscript": ("step.pt", "identity.pt")}


@dataclass(frozen=True)
class Tensor:
    """A named input or output of the step graph; its shape is one session's, the graph's has sessions in front."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. `load` makes one.

    topologies: one an identity; all share faces, landmarks and regions.
    deltas: (S, V, 3) float32 metres, the blendshapes of the neutral identity, named by `blendshape_names`.
    temperature: (H,) float32, each head's own sampling temperature.
    states: the step's state inputs; the output that follows each is called `next_` + its name.
    style: the styles that the step takes as an input, or None when it takes none.
    """

    folder: Path
    features: FeatureConfig
    heads: int
    classes: int
    temperature: np.ndarray
    states: tuple[Tensor, ...]
    topologies: tuple[Topology, ...]
    blendshape_names: tuple[str, ...]
    deltas: np.ndarray
    about: dict[str, Any]
    style: StyleSpace | None = None

    def graph(self, backend: str, name: str) -> Path:
        """Raises VoxmeshError when the bundle was exported without this backend's graphs."""
        step, identity = GRAPHS[backend]
        if step not in self.about["checksums"]:
            raise VoxmeshError(f"{self.folder} holds no {backend} graphs: use --backend onnx, or export it again")
        return self.folder / (step if name == "step" else identity)

    def topology(self, identity: int) -> Topology:
        """Raises VoxmeshError for an identity the bundle does not have."""
        if not 0 <= identity < len(self.topologies):
            raise VoxmeshError(f"no identity {identity} in {self.folder}: choose 0 to {len(self.topologies) - 1}")
        return self.topologies[identity]


def find(name: str | Path | None = None) -> Path:
    """The folder of a bundle: one of SHIPPED by its name (None is "default"), anything else is a folder itself."""
    name = str(name or "default")
    return Path(__file__).parent / f"{name}_bundle" if name in SHIPPED else Path(name)


def load(folder: str | Path | None = None) -> Bundle:
    """Read and verify a bundle: a folder, or the name of a shipped one (`find`).

    Raises VoxmeshError naming the file when it is missing, damaged, of another format or inconsistent.
    """
    folder = find(folder)
    path = folder / "bundle.json"
    if not path.is_file():
        raise VoxmeshError(f"no bundle in {folder}: bundle.json is not there (make one with `voxmesh export`)")
    try:
        about = json.loads(path.read_text("utf-8"))
        if about["format"] != FORMAT:
            raise VoxmeshError(f"{path} has format {about['format']}, this voxmesh reads {FORMAT}: export it again")
        _verify(folder, about["checksums"])
        features = FeatureConfig(**about["features"])
        states = tuple(Tensor(name, dtype, tuple(shape)) for name, dtype, shape in about["states"])
        topologies, deltas = _read_avatar(folder / "avatar.npz", about["landmarks"])
        bundle = Bundle(
            folder=folder,
            features=features,
            heads=int(about["heads"]),
            classes=int(about["classes"]),
            temperature=np.asarray(about["temperature"], np.float32),
            states=states,
            topologies=topologies,
            blendshape_names=tuple(about["blendshape_names"]),
            deltas=deltas,
            about=about,
            style=space_from_json(about["style"]) if "style" in about else None,
        )
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise VoxmeshError(f"{path} is damaged ({type(error).__name__}: {error}): export or fetch it again") from error
    if bundle.temperature.shape != (bundle.heads,) or len(bundle.deltas) != len(bundle.blendshape_names):
        raise VoxmeshError(f"{path} is inconsistent: {bundle.heads} heads, {len(deltas)} blendshapes")
    return bundle


def _verify(folder: Path, checksums: dict[str, str]) -> None:
    """Every file that any backend loads must be listed, present and unchanged."""
    needed = {"avatar.npz", *GRAPHS["onnx"]}
    if set(checksums) not in (needed, needed | set(GRAPHS["torchscript"])):
        raise VoxmeshError(f"{folder / 'bundle.json'} lists {sorted(checksums)}, a bundle has {sorted(needed)}")
    for name, expected in checksums.items():
        path = folder / name
        if not path.is_file():
            raise VoxmeshError(f"{path} is missing: the bundle is incomplete, export or fetch it again")
        if sha256(path) != expected:
            raise VoxmeshError(f"{path} is damaged (its checksum differs): export or fetch the bundle again")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_avatar(path: Path, topologies: list[Topology], deltas: np.ndarray) -> None:
    """`avatar.npz`: positions rounded to UNIT_M. All topologies share faces and regions; deltas (S, V, 3) metres."""
    first = topologies[0]
    regions: dict[str, Any] = {f"region_{name}": mask.astype(np.uint8) for name, mask in first.regions.items()}
    np.savez_compressed(
        path,
        templates=_quantise(np.stack([t.template for t in topologies])),
        albedo=np.stack([t.albedo for t in topologies]),
        occlusion=first.occlusion,
        gloss=first.gloss,
        faces=first.faces.astype(np.int32),
        deltas=_quantise(deltas),
        **regions,
    )


def _quantise(metres: np.ndarray) -> np.ndarray:
    units = np.rint(metres / UNIT_M)
    if np.abs(units).max(initial=0) > np.iinfo(np.int16).max:
        raise VoxmeshError(f"a position is {np.abs(metres).max():.3f} m from the origin: a bundle holds up to 0.327 m")
    return units.astype(np.int16)


def _read_avatar(path: Path, landmarks: dict[str, int]) -> tuple[tuple[Topology, ...], np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        arrays = dict(data)
    regions = {name.removeprefix("region_"): mask for name, mask in arrays.items() if name.startswith("region_")}
    missing = [name for name in LANDMARKS if name not in landmarks] + [n for n in REGIONS if n not in regions]
    if missing:
        raise ValueError(f"landmarks or regions missing: {missing}")
    shared = {key: arrays[key] for key in ("faces", "occlusion", "gloss")}
    topologies = tuple(
        Topology((template * np.float32(UNIT_M)), albedo=albedo, landmarks=landmarks, regions=regions, **shared)
        for template, albedo in zip(arrays["templates"], arrays["albedo"], strict=True)
    )
    return topologies, arrays["deltas"] * np.float32(UNIT_M)
