"""A driving clip: a face in motion whose manner another is to speak in, and what a bundle makes of it, its style."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.stream.backend import open_session
from voxmesh.stream.bundle import STYLE_GRAPH, Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.mesh_file import read_mesh

SHORTEST_S = 0.5
_TALKER_FPS = Fraction(60)
_UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}


@dataclass(frozen=True, eq=False)
class DrivingClip:
    """offsets: (T, V, 3) float32 metres from its own neutral face, at `fps`. origin: where it is from, in words."""

    offsets: np.ndarray
    fps: Fraction
    origin: str


def read_driving(text: str, bundle: Bundle) -> DrivingClip:
    """A clip from "CLIP.npz", of `voxmesh animate` or `voxmesh talker make`, or from "STORE:SUBJECT/SEQ".

    Raises VoxmeshError when it is neither, is damaged, or is of another mesh than the bundle's.
    """
    clip = _read_npz(Path(text), bundle) if text.lower().endswith(".npz") else _read_stored(text)
    vertices = bundle.topologies[0].vertices
    if clip.offsets.ndim != 3 or clip.offsets.shape[1:] != (vertices, 3):
        raise VoxmeshError(f"{text} is a mesh of {clip.offsets.shape[1]} vertices, {bundle.folder} has {vertices}")
    if not np.isfinite(clip.offsets).all():
        raise VoxmeshError(f"{text}: some of its vertices are not numbers")
    return clip


def extract_style(bundle: Bundle, clip: DrivingClip) -> np.ndarray:
    """(S,) float32: the manner of a clip, by the bundle's own style encoder.

    Raises VoxmeshError when the bundle has none, or the clip is too short to have a manner.
    """
    if STYLE_GRAPH not in bundle.about["checksums"]:
        raise VoxmeshError(
            f"{bundle.folder} has no style encoder: only bundles of `train composite` take a driving clip"
        )
    offsets = at_rate(clip.offsets, clip.fps, Fraction(bundle.features.fps_num, bundle.features.fps_den))
    if len(offsets) < SHORTEST_S * bundle.features.clock.fps:
        raise VoxmeshError(f"{clip.origin} is too short to drive a face: it takes {SHORTEST_S} s at least")
    session = open_session(bundle.folder / STYLE_GRAPH)
    return session.run(["style"], {"offsets": offsets})[0]


def at_rate(offsets: np.ndarray, fps: Fraction, wanted: Fraction) -> np.ndarray:
    """(T, V, 3) at `fps` -> (U, V, 3) float32 at `wanted`, each frame the mixture by time of the two around it."""
    if fps == wanted:
        return np.ascontiguousarray(offsets, np.float32)
    count = int((len(offsets) - 1) * wanted / fps) + 1 if len(offsets) else 0
    at = np.arange(count) * float(fps / wanted)
    low = np.minimum(at.astype(np.int64), len(offsets) - 1)
    high = np.minimum(low + 1, len(offsets) - 1)
    share = (at - low).astype(np.float32)[:, None, None]
    return (offsets[low] * (1 - share) + offsets[high] * share).astype(np.float32)


def read_template(path: Path, bundle: Bundle) -> np.ndarray:
    """(V, 3) float32 metres: a neutral face of the bundle's mesh, from .ply, .obj or .npy in m, cm or mm.

    The unit is the one in which it is most nearly as large as the bundle's own face. Raises VoxmeshError when it cannot
    be read, or is another mesh.
    """
    vertices = read_mesh(path).vertices
    own = bundle.topologies[0].template
    if vertices.shape != own.shape:
        raise VoxmeshError(f"{path} has {len(vertices)} vertices, {bundle.folder} has {len(own)}: it is another mesh")
    size = float(np.ptp(vertices, axis=0).max())
    if not np.isfinite(vertices).all() or size <= 0:
        raise VoxmeshError(f"{path} is no face: its vertices are not numbers, or all the same")
    ratio = size / float(np.ptp(own, axis=0).max())
    return vertices * np.float32(min(_UNITS.values(), key=lambda scale: abs(np.log(scale * ratio))))


def _read_npz(path: Path, bundle: Bundle) -> DrivingClip:
    try:
        with np.load(path, allow_pickle=False) as data:
            if "curves" in data:
                deltas = bundle.deltas.reshape(len(bundle.deltas), -1)
                offsets = data["curves"].astype(np.float32) @ deltas
                return DrivingClip(offsets.reshape(len(offsets), -1, 3), _TALKER_FPS, str(path))
            fps = Fraction(int(data["fps_num"]), int(data["fps_den"]))
            return DrivingClip(data["vertices"] - data["template"], fps, str(path))
    except (OSError, ValueError, KeyError, ZeroDivisionError, EOFError) as error:
        raise VoxmeshError(f"{path} is no clip of `voxmesh animate` or `voxmesh talker make`: {error}") from error


def _read_stored(text: str) -> DrivingClip:
    """A clip of a store of `voxmesh data prepare`: its subject's name, a slash, its own name."""
    folder, colon, wanted = text.rpartition(":")
    path = Path(folder) / "store.json"
    if not colon or not path.is_file():
        raise VoxmeshError(f"{text!r} is no driving clip: say CLIP.npz, or STORE:SUBJECT/SEQ of a prepared store")
    from safetensors import SafetensorError, safe_open

    try:
        about = json.loads(path.read_text("utf-8"))
        names = {f"{clip['subject']}/{clip['name']}": clip["file"] for clip in about["clips"]}
        if wanted not in names:
            raise VoxmeshError(f"no clip {wanted!r} in {folder}: it has {', '.join(sorted(names)[:8])} ...")
        fps = Fraction(about["features"]["fps_num"], about["features"]["fps_den"])
        with safe_open(Path(folder) / names[wanted], framework="numpy") as file:
            return DrivingClip(file.get_tensor("offsets").astype(np.float32), fps, text)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise VoxmeshError(f"{path} is damaged ({error}): run `voxmesh data prepare` again") from error
