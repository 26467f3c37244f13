"""A bundle: the folder that carries a trained face from training to running.

`bundle.json` says what is in it (format, features, tensor names, landmarks, checksums); `step.onnx` and `identity.onnx`
are the graphs, `step.pt` and `identity.pt` the same in TorchScript, which a bundle may do without; `style.onnx`, which
few have, makes a style of a clip; `avatar.npz` is the mesh, its rig and identities.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.bundle_check import (
    MAX_JSON_BYTES,
    check_avatar,
    check_features,
    check_files,
    check_step,
    read_bounded,
)
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig
from voxmesh.stream.npz import DAMAGED, read_npz
from voxmesh.stream.onnx_check import Signature
from voxmesh.stream.style import StyleSpace, space_from_json
from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology
from voxmesh.stream.windows import SoundConfig

FORMAT = 2
UNIT_M = 1e-5
"""Positions in avatar.npz are int16 multiples of this: 10 micrometres, up to a third of a metre."""
SHIPPED = ("default", "instant")
"""Bundles that come with voxmesh: the best mouth, and the one that does not wait for the sounds to come."""
GRAPHS = {"onnx": ("step.onnx", "identity.onnx"), "torchscript": ("step.pt", "identity.pt")}
STYLE_GRAPH = "style.onnx"
"""A clip's style, where the family has an encoder for it (`driving.py`)."""


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
    heads: H of the categorical latent; 0 where the family has none.
    temperature: (H,) float32, each head's own sampling temperature.
    states: the step's state inputs; the output that follows each is called `next_` + its name.
    style: the styles that the step takes as an input, or None when it takes none.
    """

    folder: Path
    features: FeatureConfig | SoundConfig
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
        with np.errstate(over="raise", invalid="raise"):
            return _load(folder, json.loads(read_bounded(path, MAX_JSON_BYTES)))
    except (*DAMAGED, ArithmeticError, AttributeError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise VoxmeshError(f"{path} is damaged ({reason}): export or fetch it again") from error


def _load(folder: Path, about: dict[str, Any]) -> Bundle:
    """about: what bundle.json says."""
    _check_format(folder / "bundle.json", about["format"])
    signatures = _check_files(folder, about["checksums"])
    # A bundle hears hop by hop, or, as MeshTalk's scheme does, a window around each frame.
    features = (SoundConfig if about.get("hears") == "windows" else FeatureConfig)(**about["features"])
    check_features(features)
    states = tuple(_state(*state) for state in about["states"])
    names = tuple(map(str, about["blendshape_names"]))
    topologies, deltas = _read_avatar(folder / "avatar.npz", about["landmarks"], len(names))
    bundle = Bundle(
        folder=folder,
        features=features,
        heads=int(about["heads"]),
        classes=int(about["classes"]),
        temperature=np.asarray(about["temperature"], np.float32),
        states=states,
        topologies=topologies,
        blendshape_names=names,
        deltas=deltas,
        about=about,
        style=space_from_json(about["style"]) if "style" in about else None,
    )
    _check(bundle, signatures["step.onnx"])
    return bundle


def _check_format(path: Path, found: Any) -> None:
    if found != FORMAT:
        newer = isinstance(found, int) and found > FORMAT
        what = "update voxmesh" if newer else "export it again"
        raise VoxmeshError(f"{path} has format {found!r}, this voxmesh reads {FORMAT}: {what} (docs/bundles.md)")


def _check_files(folder: Path, checksums: dict[str, str]) -> dict[str, Signature]:
    """Every file that any backend loads must be listed, present, unchanged and fit to be run."""
    needed = {"avatar.npz", *GRAPHS["onnx"]}
    # Only these names are ever opened: a path cannot lead out of the folder.
    if set(checksums) - {STYLE_GRAPH} not in (needed, needed | set(GRAPHS["torchscript"])):
        raise VoxmeshError(f"{folder / 'bundle.json'} lists {sorted(checksums)}, a bundle has {sorted(needed)}")
    return check_files(folder, checksums)


def _state(name: Any, dtype: Any, shape: Any) -> Tensor:
    if dtype != "float32" or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"a state {name!r} of {dtype} and shape {shape}")
    return Tensor(str(name), dtype, tuple(shape))


def _check(bundle: Bundle, step: Signature) -> None:
    """The parts fit one another. Raises ValueError."""
    b = bundle
    if not (b.heads >= 0 and b.classes > 0 and b.temperature.shape == (b.heads,)):
        raise ValueError(f"{b.heads} heads of {b.classes} classes, temperatures of {b.temperature.shape}")
    if not (np.isfinite(b.temperature).all() and (b.temperature >= 0).all()):
        raise ValueError(f"temperatures of {b.temperature}")
    wanted = {
        "features": (b.features.frame_width,),
        "noise": (b.heads, b.classes),
        "template": (b.topologies[0].vertices, 3),
        "identity": (-1, -1),
        **({} if b.style is None else {"style": b.style.neutral.shape}),
        **{state.name: state.shape for state in b.states},
    }
    check_step(step, wanted, tuple(state.name for state in b.states))


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


def as_stored(metres: np.ndarray) -> np.ndarray:
    """Positions as a bundle gives them back, float32 metres."""
    return _quantise(metres) * np.float32(UNIT_M)


def _quantise(metres: np.ndarray) -> np.ndarray:
    units = np.rint(metres / UNIT_M)
    if np.abs(units).max(initial=0) > np.iinfo(np.int16).max:
        raise VoxmeshError(f"a position is {np.abs(metres).max():.3f} m from the origin: a bundle holds up to 0.327 m")
    return units.astype(np.int16)


def _read_avatar(path: Path, landmarks: dict[str, int], names: int) -> tuple[tuple[Topology, ...], np.ndarray]:
    """names: how many blendshapes there should be. Raises one of DAMAGED."""
    arrays = read_npz(path)
    regions = {name.removeprefix("region_"): mask for name, mask in arrays.items() if name.startswith("region_")}
    missing = [name for name in LANDMARKS if name not in landmarks] + [n for n in REGIONS if n not in regions]
    if missing:
        raise ValueError(f"landmarks or regions missing: {missing}")
    shared = {key: arrays[key] for key in ("faces", "occlusion", "gloss")}
    topologies = tuple(
        Topology((template * np.float32(UNIT_M)), albedo=albedo, landmarks=landmarks, regions=regions, **shared)
        for template, albedo in zip(arrays["templates"], arrays["albedo"], strict=True)
    )
    check_avatar(arrays["templates"], arrays["deltas"], topologies, names)
    return topologies, arrays["deltas"] * np.float32(UNIT_M)
