"""MeshTalk's layout, as MM 2023 trains on it: 30 fps, 6,172 vertices.

`mesh_sequences/SUBJECT/SEQ.npy` (T, V, 3), `template_regen/SUBJECT.obj`, `audio/SUBJECT/SEQ.wav`, masks and
`face_axis_mean.npy`, `face_axis_std.npy` as for VOCASET, with dimensions of 1 around them. Subjects are multiface's.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.model.datasets import splits
from voxmesh.model.datasets.dataset import Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import assemble, open_clips, read_masks, read_templates, rows_of
from voxmesh.model.datasets.vocaset import read_normal

FPS = Fraction(30)


def is_meshtalk(folder: Path) -> bool:
    return (folder / "mesh_sequences").is_dir()


def read_meshtalk(folder: Path) -> Dataset:
    problems: list[Problem] = []
    sequences = []
    for path, vertices in open_clips(sorted((folder / "mesh_sequences").glob("*/*.npy")), problems):
        subject, name = path.parent.name, path.stem
        # Silent expressions may have no sound; a sentence without one is missed when it is read.
        audio = folder / "audio" / subject / f"{name}.wav"
        sound = Sound(audio) if audio.is_file() or not name.startswith("E0") else None
        # Clips that were not named as multiface names them count as sentences.
        split = splits.multiface(subject, name if name.startswith("E0") else f"SEN_{name}")
        ticks = np.arange(len(vertices))
        sequences.append(Sequence(subject, name, split, path, FPS, ticks, rows_of(vertices), sound))
    templates, faces = read_templates(folder / "template_regen", problems)
    masks = read_masks(folder, "{}_weight_mask.npy", problems, expected=True)
    normal = read_normal(folder, problems)
    return assemble("meshtalk", folder, sequences, templates, faces, masks, problems, normal=normal)
