"""A character: somebody else's face that any bundle drives through its own blendshapes. A folder on disk.

`avatar.json` says where it came from, which shapes it has and which vertices its landmarks are: these may be corrected
by hand, with a vertex's number or a point [x, y, z] in metres. `avatar.npz` has the arrays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.character_sculpt import MAX_FILE_BYTES, MAX_VERTICES
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.npz import DAMAGED, read_npz
from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology

FORMAT = 1
_ARRAYS = ("template", "faces", "albedo", "occlusion", "gloss", "deltas")


@dataclass(frozen=True)
class Character:
    """topology: the face at rest. deltas: (52, V, 3) float32 metres in ARKIT_NAMES' order; zero is a shape it lacks.

    about: what `avatar.json` says besides landmarks: name, source, scale, shapes (ARKit's name -> the file's).
    """

    topology: Topology
    deltas: np.ndarray
    about: dict[str, Any]


class Pose:
    """weights -> vertices, fast: only what moves is computed.

    template: (V, 3) float32 metres. deltas: (S, V, 3) metres.
    """

    def __init__(self, template: np.ndarray, deltas: np.ndarray) -> None:
        self._template = template
        flat = deltas.reshape(len(deltas), -1)
        self._moving = np.flatnonzero(flat.any(0))  # of 3 V numbers
        self._rest = template.reshape(-1)[self._moving]
        self._rows = np.ascontiguousarray(flat[:, self._moving], np.float32)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(S,) -> (V, 3) float32 metres: template + weights . deltas. A new array each time."""
        vertices = self._template.copy()
        vertices.reshape(-1)[self._moving] = self._rest + weights @ self._rows
        return vertices


def save(character: Character, folder: Path) -> None:
    """Writes the folder's two files, over older ones. Raises VoxmeshError when it cannot."""
    topology, has = character.topology, [name in character.about["shapes"] for name in ARKIT_NAMES]
    regions: dict[str, Any] = {f"region_{name}": mask for name, mask in topology.regions.items()}
    about = {"format": FORMAT, **character.about, "landmarks": topology.landmarks}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / "avatar.npz",
            template=topology.template,
            faces=topology.faces,
            albedo=topology.albedo,
            occlusion=topology.occlusion,
            gloss=topology.gloss,
            deltas=character.deltas[has],
            shape_names=np.array([name for name, there in zip(ARKIT_NAMES, has, strict=True) if there]),
            **regions,
        )
        (folder / "avatar.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise VoxmeshError(f"cannot write {folder}: {error.strerror or error}") from error


def load(folder: Path) -> Character:
    """Raises VoxmeshError naming the file that is missing, damaged, too large or inconsistent."""
    path, arrays_path = folder / "avatar.json", folder / "avatar.npz"
    if not path.is_file() or not arrays_path.is_file():
        raise VoxmeshError(f"no avatar in {folder}: make one with `voxmesh avatar import FACE.glb -o {folder}`")
    try:
        about = json.loads(path.read_text("utf-8"))
        if about.pop("format") != FORMAT:
            raise ValueError(f"this voxmesh reads format {FORMAT}")
        marks = about.pop("landmarks")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise VoxmeshError(f"{path} is damaged ({error}): import the avatar again") from error
    try:
        arrays = read_npz(arrays_path, MAX_FILE_BYTES)
        topology, deltas = _checked(arrays)
    except (*DAMAGED, TypeError) as error:
        raise VoxmeshError(f"{arrays_path} is damaged ({error}): import the avatar again") from error
    return Character(replace(topology, landmarks=_landmarks(path, marks, topology.template)), deltas, about)


def _checked(arrays: dict[str, np.ndarray]) -> tuple[Topology, np.ndarray]:
    """Topology, still without landmarks, and deltas (52, V, 3). Raises ValueError or KeyError."""
    names = [str(name) for name in arrays["shape_names"]]
    template, faces, albedo, occlusion, gloss, given = (arrays[name] for name in _ARRAYS)
    count = len(template)
    regions = {name.removeprefix("region_"): mask for name, mask in arrays.items() if name.startswith("region_")}
    shapes = {"template": (count, 3), "albedo": (count, 3), "occlusion": (count, 3), "gloss": (count,)}
    shapes |= {"deltas": (len(names), count, 3), **{f"region_{name}": (count,) for name in (*REGIONS, *regions)}}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
        if arrays[name].dtype != (np.float32 if name in ("template", "deltas") else np.uint8):
            raise ValueError(f"{name} has type {arrays[name].dtype}")
    if not 0 < count <= MAX_VERTICES or not set(names) <= set(ARKIT_NAMES) or len(set(names)) != len(names):
        raise ValueError(f"{count} vertices, and shapes {names}")
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype != np.int32 or not len(faces):
        raise ValueError(f"faces have shape {faces.shape} and type {faces.dtype}")
    if not 0 <= faces.min() <= faces.max() < count:
        raise ValueError(f"a face names vertex {faces.max()} of {count}")
    if not (np.isfinite(template).all() and np.isfinite(given).all()):
        raise ValueError("some positions are not numbers")
    deltas = np.zeros((len(ARKIT_NAMES), count, 3), np.float32)
    deltas[[ARKIT_NAMES.index(name) for name in names]] = given
    return Topology(template, faces, albedo, occlusion, gloss, regions=regions), deltas


def _landmarks(path: Path, marks: Any, template: np.ndarray) -> dict[str, int]:
    """name -> vertex; a point becomes the vertex nearest to it."""
    missing = [name for name in LANDMARKS if name not in marks] if isinstance(marks, dict) else LANDMARKS
    if missing:
        raise VoxmeshError(f"{path}: landmarks lack {', '.join(missing)}; give each a vertex or a point [x, y, z]")
    found = {}
    for name, mark in marks.items():
        if isinstance(mark, int) and 0 <= mark < len(template):
            found[name] = mark
        elif isinstance(mark, list) and len(mark) == 3 and all(isinstance(x, int | float) for x in mark):
            found[name] = int(np.argmin(((template - np.array(mark)) ** 2).sum(1)))
        else:
            raise VoxmeshError(
                f"{path}: landmark {name} is {mark!r}; give a vertex from 0 to {len(template) - 1}, or a point "
                "[x, y, z] in metres"
            )
    return found
