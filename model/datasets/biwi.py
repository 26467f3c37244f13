"""BIWI (B3D(AC)^2) as MM 2023 lays it out: 14 subjects, 40 sentences, each neutral and emotional, 25 fps.

`SUBJECT/eNN.npy` (emotional) and `SUBJECT/NN.npy` (neutral), (T, 23370, 3) or (T, 70110), in the folder itself or one
below; `SUBJECT_eNN_cut.wav`, `templates/SUBJECT.ply` and masks likewise. Clips on the published list of faulty ones
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.model.datasets import splits
from voxmesh.model.datasets.dataset import Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import assemble, open_clips, read_masks, read_templates, rows_of
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
    for path, vertices in open_clips(_without_faulty(folder, problems), problems):
        subject, name, clip = path.parent.name, path.stem, _name(path)
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


def _without_faulty(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    for path in _clips(folder):
        if _name(path) in splits.BIWI_FAULTY:
            problems.append(Problem(path, "is on the published list of faulty clips: left out", bad=False))
        else:
            yield path


def _name(path: Path) -> str:
    """A clip's, as the published lists and its sound have it."""
    return f"{path.parent.name}_{path.stem}"


def _clips(folder: Path) -> list[Path]:
    found = [path for pattern in ("*/*.npy", "*/*/*.npy") for path in folder.glob(pattern)]
    return sorted(p for p in found if _SUBJECT.fullmatch(p.parent.name) and _SENTENCE.fullmatch(p.stem))
