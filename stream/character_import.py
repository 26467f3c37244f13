"""From a file's mesh and shapes to a character in metres, with names that we know, landmarks and a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.character import Character
from voxmesh.stream.character_gltf import Decode, read_gltf
from voxmesh.stream.character_marks import find, moving, spread
from voxmesh.stream.character_names import match
from voxmesh.stream.character_obj import read_obj_folder
from voxmesh.stream.character_sculpt import Sculpt
from voxmesh.stream.character_vrm import Mixture, stand_ins
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}
CLAY = (214, 206, 198)
GLOSS = 30
STRANGE = 4.0
"""Times larger or smaller than the default face: then the unit is probably another than it should be."""


@dataclass(frozen=True)
class Imported:
    """character: what was made. scale: metres of one unit of the file. lines: the report, as it is printed."""

    character: Character
    scale: float
    lines: tuple[str, ...]


def read(path: Path, decode: Decode | None = None, whole: bool = False) -> Sculpt:
    """A .glb, .gltf or .vrm file, or a folder of .obj files. Raises VoxmeshError for anything else."""
    if path.is_dir():
        return read_obj_folder(path)
    if path.suffix.lower() in (".glb", ".gltf", ".vrm"):
        return read_gltf(path, decode, whole)
    raise VoxmeshError(f"cannot import {path}: give a .glb, .gltf or .vrm file, or a folder of .obj files")


def import_character(sculpt: Sculpt, bundle: Bundle, scale: float | None = None) -> Imported:
    """bundle: its default face shows where faces have what. scale: metres of one unit of the file.

    Without a scale glTF is in metres, as it says, and OBJ in what gives a face's size.
    What it lacks of ARKit's shapes a VRM's expressions stand for.
    Raises VoxmeshError when no shape has a name that we know, or those that have one move nothing.
    """
    names, others, telling = _named(sculpt)
    if not names:
        some = ", ".join(list(sculpt.shapes)[:5]) or "none"
        raise VoxmeshError(
            f"{sculpt.path} has no shape with an ARKit name, such as jawOpen or eyeBlink_L, and no vowels of a VRM; "
            f"it has {some}"
        )
    vertices, faces, colours, deltas = _welded(sculpt, names)
    shapes = {name: delta for name, delta in moving(deltas).items() if name in telling}
    if not shapes:
        raise VoxmeshError(f"{sculpt.path}: its shapes move nothing: export it with the shapes' own positions")
    known, known_shapes = bundle.topology(0), moving(bundle.deltas)
    ratio = _size(vertices, shapes) / _size(known.template, {name: known_shapes[name] for name in shapes})
    unit = _unit(ratio) if scale is None and sculpt.path.suffix.lower() == ".obj" else None
    scale = scale or (UNITS[unit] if unit else 1.0)
    vertices, deltas = scale * vertices, (scale * deltas).astype(np.float32)
    landmarks, regions = find(vertices, {name: scale * delta for name, delta in shapes.items()}, known, known_shapes)
    count = len(vertices)
    topology = Topology(
        template=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        albedo=colours,
        occlusion=np.full((count, 3), 255, np.uint8),
        gloss=np.full(count, GLOSS, np.uint8),
        landmarks=landmarks,
        regions=regions,
    )
    about = {"source": sculpt.path.name, "scale": scale, "shapes": {name: list(own) for name, own in names.items()}}
    lines = _report(sculpt, topology, names, others, unit)
    return Imported(Character(topology, deltas, about), scale, (*lines, *_doubts(topology, scale * ratio, scale)))


def _named(sculpt: Sculpt) -> tuple[dict[str, Mixture], list[str], set[str]]:
    """({ARKit name: mixture of the file's shapes} in ARKit's order, names left over, ARKit names that tell places).

    Vowels that stand for a smile are not where one is; for an open jaw and for blinks they are near enough.
    """
    found, rest = match(sculpt.shapes)
    mixtures = {name: dict.fromkeys(own, 1.0) for name, own in found.items()}
    mixtures |= stand_ins(found, sculpt.shapes)
    used = {own for mixture in mixtures.values() for own in mixture}
    ordered = {name: mixtures[name] for name in ARKIT_NAMES if name in mixtures}
    return ordered, [own for own in rest if own not in used], {*found, "jawOpen", "eyeBlinkLeft", "eyeBlinkRight"}


def _welded(sculpt: Sculpt, names: dict[str, Mixture]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """vertices, faces, colours, deltas (52, V, 3): vertices that lie and move alike become one, those unused go.

    Files split them where textures and materials have their seams, and light would show the cut.
    """
    used, corners = np.unique(sculpt.faces, return_inverse=True)
    vertices = sculpt.vertices[used]
    deltas = np.zeros((len(ARKIT_NAMES), *vertices.shape))
    for name, own in names.items():
        deltas[ARKIT_NAMES.index(name)] = sum(weight * sculpt.shapes[each][used] for each, weight in own.items())
    colours = np.full(vertices.shape, CLAY, np.uint8) if sculpt.colours is None else sculpt.colours[used]
    rows = np.concatenate([vertices[None], deltas]).astype(np.float32).transpose(1, 0, 2).reshape(len(used), -1)
    keys = rows.view([("", np.void, rows.itemsize * rows.shape[1])]).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    kept, group = np.sort(first), np.argsort(np.argsort(first))[group]
    mixed = np.stack([np.bincount(group, channel) for channel in colours.T], 1) / np.bincount(group)[:, None]
    faces = group[corners].reshape(-1, 3)
    return vertices[kept], faces, np.rint(mixed).astype(np.uint8), deltas[:, kept]


def _size(vertices: np.ndarray, shapes: dict[str, np.ndarray]) -> float:
    return float(np.linalg.norm(spread(vertices, shapes)[1]))


def _unit(ratio: float) -> str:
    """The unit in which a face that is `ratio` times as large as ours in metres would be nearest to it."""
    return min(UNITS, key=lambda unit: abs(np.log(ratio * UNITS[unit])))


def _report(
    sculpt: Sculpt, topology: Topology, names: dict[str, Mixture], others: list[str], unit: str | None
) -> list[str]:
    size = " x ".join(f"{1000 * length:.0f}" for length in np.ptp(topology.template, axis=0))
    missing = [name for name in ARKIT_NAMES if name not in names]
    joined = len(sculpt.vertices) - topology.vertices
    more = f" (and {joined} that were doubles or unused)" if joined else ""
    lines = [
        f"{topology.vertices} vertices{more}, {len(topology.faces)} triangles",
        f"size {size} mm (wide, high, deep)"
        + (f", taking the file to be in {unit} (--scale says otherwise)" if unit else ""),
        f"{len(names)} of {len(ARKIT_NAMES)} shapes found:",
        *(f"  {name} = {_mixed(own)}" for name, own in names.items()),
    ]
    if missing:
        lines.append(f"not there, so they will not move: {', '.join(missing)}")
    if others:
        lines.append(f"left out, {len(others)} shapes of other names: {', '.join(others)}")
    return [*lines, *sculpt.notes]


def _mixed(mixture: Mixture) -> str:
    return " + ".join(each if weight == 1 else f"{weight:.2g} {each}" for each, weight in mixture.items())


def _doubts(topology: Topology, ratio: float, scale: float) -> list[str]:
    """What is probably not as it should be. ratio: of this face's size to ours."""
    at = {name: topology.template[vertex] for name, vertex in topology.landmarks.items()}
    doubts = []
    if not 1 / STRANGE < ratio < STRANGE:
        better = UNITS[_unit(ratio / scale)]
        doubts.append(
            f"warning: this face is {ratio:.3g} times the size of ours: --scale {better:g} may be what it needs"
        )
    eyes = (at["lid_upper_left"] + at["lid_upper_right"]) / 2
    if not (eyes[1] > at["chin"][1] and at["lid_upper_left"][0] > at["lid_upper_right"][0]):
        doubts.append("warning: its eyes are not above its chin, or left is right: export it Y up, facing +Z")
    return doubts
