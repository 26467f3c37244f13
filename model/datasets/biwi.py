"""BIWI (B3D(AC)^2) as MM 2023 lays it out: 14 subjects, 40 sentences, each neutral and emotional, 25 fps.

`SUBJECT/eNN.npy` (emotional) and `SUBJECT/NN.npy` (neutral), (T, 23370, 3) or (T, 70110), in the folder itself or one
below; `SUBJECT_eNN_cut.wav`, `templates/SUBJECT.ply` and masks likewise. Clips on the published list of faulty ones
are left out.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.model.datasets import splits
from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import assemble, meshes, open_array, read_masks, read_templates, rows_of
from voxmesh.model.datasets.vocaset import read_normal

FPS = Fraction(25)
_SUBJECT, _SENTENCE = re.compile(r"[FM]\d+"), re.compile(r"e?\d\d")
_TEMPLATES = ("templates", "rigid_scans")


def is_biwi(folder: Path) -> bool:
    return any(True for _ in _clips(folder))


def read_biwi(folder: Path) -> Dataset:
    problems: list[Problem] = []
    sounds = {path.name: path for pattern in ("*_cut.wav", "*/*_cut.wav") for path in folder.glob(pattern)}
    sequences = []
    for path in _clips(folder):
        subject, name = path.parent.name, path.stem
        clip = f"{subject}_{name}"
        if clip in splits.BIWI_FAULTY:
            problems.append(Problem(path, "is on the published list of faulty clips: left out", bad=False))
            continue
        try:
            vertices = meshes(open_array(path), path)
        except BadFile as error:
            problems.append(error.problem)
            continue
        # Where it is not, it is missed where most of the others are.
        nowhere = next(iter(sounds.values()), folder / "audio" / "x").parent / f"{clip}_cut.wav"
        sound, ticks = Sound(sounds.get(f"{clip}_cut.wav", nowhere)), np.arange(len(vertices))
        split = splits.biwi(subject, name)
        sequences.append(Sequence(subject, name, split, path, FPS, ticks, rows_of(vertices), sound))
    where = next((folder / name for name in _TEMPLATES if (folder / name).is_dir()), folder / _TEMPLATES[0])
    templates, faces = read_templates(where, problems)
    masks = read_masks(folder, "{}_weight_mask.npy", problems, expected=True)
    normal = read_normal(folder, problems)
    return assemble("biwi", folder, sequences, templates, faces, masks, problems, normal=normal)


def _clips(folder: Path) -> list[Path]:
    found = [path for pattern in ("*/*.npy", "*/*/*.npy") for path in folder.glob(pattern)]
    return sorted(p for p in found if _SUBJECT.fullmatch(p.parent.name) and _SENTENCE.fullmatch(p.stem))
