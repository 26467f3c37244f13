"""VOCASET in both of its layouts: 12 subjects, 40 sentences each, 5,023 vertices (FLAME), 60 fps.

As VOCA publishes it: `data_verts.npy` (frames of all clips, one after the other), `subj_seq_to_idx.pkl` (subject ->
sentence -> frame -> row of that), `templates.pkl`, `raw_audio_fixed.pkl` (int16 at 22,000 Hz, not 22,050). It has
no triangles: those are in VOCA's code, `template/FLAME_sample.ply`, to be put beside. Rows of a clip are neither in
order nor without gaps.

As MM 2023 lays it out: `verts_data.pkl` (subject -> sentence -> (T, 5023, 3)), `audio/SUBJECT/SENTENCE.wav`,
`templates/SUBJECT.ply`, `{mouth,upper,eyelid}_weight_mask.npy`, `face_axis_mean.npy` (3), `face_axis_std.npy` (1).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.model.datasets import splits
from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import (
    Rows,
    assemble,
    meshes,
    open_array,
    plain_name,
    read_masks,
    read_templates,
    rows_of,
)
from voxmesh.model.datasets.mesh_file import read_mesh
from voxmesh.model.datasets.unpickle import read_pickle

FPS = Fraction(60)
TRIANGLES = "FLAME_sample.ply"


def is_published(folder: Path) -> bool:
    """Whether VOCA's own files are there."""
    return (folder / "data_verts.npy").is_file() and (folder / "subj_seq_to_idx.pkl").is_file()


def is_mm2023(folder: Path) -> bool:
    """Whether MM 2023's are."""
    return (folder / "verts_data.pkl").is_file()


def read_published(folder: Path) -> Dataset:
    """VOCA's own files. Raises BadFile when one that nothing can be done without is missing or refused."""
    problems: list[Problem] = []
    vertices_path, index_path, audio_path = (
        folder / name for name in ("data_verts.npy", "subj_seq_to_idx.pkl", "raw_audio_fixed.pkl")
    )
    vertices = meshes(open_array(vertices_path), vertices_path)
    index, audio = read_pickle(index_path), read_pickle(audio_path)
    templates = {
        plain_name(subject, folder / "templates.pkl"): np.asarray(points, np.float32).reshape(-1, 3)
        for subject, points in _items(read_pickle(folder / "templates.pkl"), folder / "templates.pkl")
    }
    sequences = []
    for subject, name, frames in _clips(index, index_path):
        try:
            ticks, rows = _rows(frames, len(vertices), index_path, f"{subject} {name}")
            sound = _sound(audio, subject, name, audio_path)
        except BadFile as error:
            problems.append(error.problem)
            continue
        split = splits.vocaset(subject, name)
        where = vertices_path / subject / name  # in no file of its own: which part of that array
        sequences.append(Sequence(subject, name, split, where, FPS, ticks, _picked(vertices, rows), sound))
    masks = read_masks(folder, "{}_weight_mask.npy", problems, expected=False)
    return assemble(
        "vocaset", folder, sequences, templates, _triangles(folder, vertices.shape[1], problems), masks, problems
    )


def read_mm2023(folder: Path) -> Dataset:
    """MM 2023's files. Raises BadFile when verts_data.pkl is damaged or refused."""
    problems: list[Problem] = []
    path = folder / "verts_data.pkl"
    sequences = []
    for subject, name, array in _clips(read_pickle(path), path):
        try:
            if not isinstance(array, np.ndarray):
                raise BadFile(path, f"holds no array for {subject} {name}")
            vertices = meshes(array, path)
        except BadFile as error:
            problems.append(error.problem)
            continue
        sound = Sound(folder / "audio" / subject / f"{name}.wav")
        where, ticks = path / subject / name, np.arange(len(vertices))
        split = splits.vocaset(subject, name)
        sequences.append(Sequence(subject, name, split, where, FPS, ticks, rows_of(vertices), sound))
    templates, faces = read_templates(folder / "templates", problems)
    masks = read_masks(folder, "{}_weight_mask.npy", problems, expected=True)
    return assemble(
        "vocaset-mm", folder, sequences, templates, faces, masks, problems, normal=read_normal(folder, problems)
    )


def read_normal(folder: Path, problems: list[Problem]) -> tuple[np.ndarray, float] | None:
    """MM 2023's (mean (3,), deviation) of a data set. Some are stored with dimensions of 1 around them."""
    try:
        mean = open_array(folder / "face_axis_mean.npy").reshape(-1)
        deviation = open_array(folder / "face_axis_std.npy").reshape(-1)
        if len(mean) != 3 or len(deviation) != 1 or not deviation[0] > 0:
            raise BadFile(folder / "face_axis_std.npy", f"holds {deviation}, its mean {mean}: one and three are wanted")
    except BadFile as error:
        problems.append(Problem(error.problem.path, error.problem.text, bad=False))
        return None
    return np.asarray(mean, np.float64), float(deviation[0])


def _items(value: Any, path: Path) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise BadFile(path, f"holds a {type(value).__name__}, not a dictionary by subject")
    return list(value.items())


def _clips(value: Any, path: Path) -> Iterator[tuple[str, str, Any]]:
    """(subject, sentence, what there is) of a dictionary of dictionaries."""
    for subject, clips in _items(value, path):
        for name, item in _items(clips, path):
            yield plain_name(subject, path), plain_name(name, path), item


def _rows(frames: Any, rows: int, path: Path, clip: str) -> tuple[np.ndarray, np.ndarray]:
    """Ticks from 0 and the rows of the big array that they lie in, by frame."""
    try:
        pairs = np.array(sorted((int(frame), int(row)) for frame, row in _items(frames, path)), np.int64)
    except (TypeError, ValueError) as error:
        raise BadFile(path, f"{clip}: its frames are no numbers ({error})") from error
    if not len(pairs):
        raise BadFile(path, f"{clip} has no frames")
    if pairs[:, 1].min() < 0 or pairs[:, 1].max() >= rows:
        raise BadFile(
            path, f"{clip} wants row {pairs[:, 1].max()} of data_verts.npy, which has {rows} and is truncated"
        )
    # The sound begins at frame 0, whether or not that frame is there.
    return pairs[:, 0], pairs[:, 1]


def _picked(vertices: np.ndarray, rows: np.ndarray) -> Rows:
    return lambda start, stop: vertices[rows[start:stop]]


def _sound(audio: Any, subject: str, name: str, path: Path) -> Sound:
    try:
        entry = audio[subject][name]
        samples, rate = np.asarray(entry["audio"]), int(entry["sample_rate"])
    except (KeyError, TypeError, IndexError) as error:
        raise BadFile(path, f"holds no sound for {subject} {name}") from error
    if samples.ndim != 1 or samples.dtype.kind not in "if" or not samples.size or rate < 1000:
        raise BadFile(path, f"{subject} {name}: {samples.shape} of {samples.dtype} at {rate} Hz is no sound")
    return Sound(path / subject / name, samples, rate)


def _triangles(folder: Path, vertices: int, problems: list[Problem]) -> np.ndarray:
    path = next((p for p in (folder / TRIANGLES, folder / "templates" / TRIANGLES) if p.is_file()), folder / TRIANGLES)
    try:
        mesh = read_mesh(path)
        if len(mesh.vertices) == vertices:
            return mesh.faces
        problems.append(Problem(path, f"has {len(mesh.vertices)} vertices, the data {vertices}", bad=False))
    except BadFile as error:
        text = f"{error.problem.text}: no triangles to draw with; VOCA's code has it as template/{TRIANGLES}"
        problems.append(Problem(path, text, bad=False))
    return np.zeros((0, 3), np.int32)
