"""Our own layout, for a capture of one's own.

    dataset.json               {"fps": 30, "unit": "mm", "valid": ["anna"], "test": ["ben", "cleo/take7"]}
    templates/SUBJECT.obj      or .ply, or .npy (V, 3); the first with triangles gives everybody's
    meshes/SUBJECT/CLIP.npy    (T, V, 3) numbers
    audio/SUBJECT/CLIP.wav     or .flac, .ogg; it begins with the first frame
    poses/SUBJECT/CLIP.npy     (T, 3, 4), rotation and translation of the head; may be missing
    masks/mouth.npy            and upper.npy, eyelid.npy: (V,) weights from 0 to 1; may be missing

All meshes share one topology: V vertices in one order. Of dataset.json only `fps` must be there: a number, 29.97,
or "30000/1001". `unit` is m, cm or mm; left out, it is guessed from the size of the head. `valid` and `test` name
subjects or SUBJECT/CLIP; all others are train. The face looks along +Z with Y up, and should be free of the head's own
motion, which belongs in `poses`.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import assemble, open_array, open_clips, read_masks, read_templates, rows_of
from voxmesh.model.datasets.units import Unit
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.frame_rate import rate_of

UNITS = {"m": Unit(1.0, "metres"), "cm": Unit(0.01, "centimetres"), "mm": Unit(0.001, "millimetres")}
SOUNDS = (".wav", ".flac", ".ogg")


def is_plain(folder: Path) -> bool:
    return (folder / "dataset.json").is_file() and (folder / "meshes").is_dir()


def read_plain(folder: Path) -> Dataset:
    """Raises BadFile when dataset.json does not say what it must."""
    about = _about(folder / "dataset.json")
    problems: list[Problem] = []
    sequences = []
    for path, vertices in open_clips(sorted((folder / "meshes").glob("*/*.npy")), problems):
        subject, name = path.parent.name, path.stem
        stem = folder / "audio" / subject
        sound = next((p for p in (stem / f"{name}{end}" for end in SOUNDS) if p.is_file()), stem / f"{name}.wav")
        pose = folder / "poses" / subject / f"{name}.npy"
        sequences.append(
            Sequence(
                subject,
                name,
                _split(subject, name, about),
                path,
                about["fps"],
                np.arange(len(vertices)),
                rows_of(vertices),
                Sound(sound),
                read_pose=_pose_reader(pose, len(vertices)) if pose.is_file() else None,
            )
        )
    templates, faces = read_templates(folder / "templates", problems)
    masks = read_masks(folder / "masks", "{}.npy", problems, expected=False)
    return assemble("plain", folder, sequences, templates, faces, masks, problems, unit=about["unit"])


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text("utf-8"))
        if not isinstance(about, dict) or "fps" not in about:
            raise ValueError('it does not say {"fps": ...}')
        unit = about.get("unit")
        if unit is not None and unit not in UNITS:
            raise ValueError(f"unit {unit!r} is none of {', '.join(UNITS)}")
        return {
            "fps": Fraction(*rate_of(str(about["fps"]))),
            "unit": UNITS.get(unit),
            **{split: {str(name) for name in about.get(split, ())} for split in ("valid", "test")},
        }
    except (OSError, ValueError, TypeError, VoxmeshError) as error:
        raise BadFile(path, f"is not a data set's description: {error}") from error


def _split(subject: str, name: str, about: dict[str, Any]) -> str:
    names = {subject, f"{subject}/{name}"}
    return "test" if names & about["test"] else "valid" if names & about["valid"] else "train"


def _pose_reader(path: Path, frames: int):
    def read() -> np.ndarray:
        pose = np.array(open_array(path))
        if pose.shape != (frames, 3, 4):
            raise BadFile(path, f"has shape {pose.shape}, its mesh wants ({frames}, 3, 4)")
        return pose

    return read
