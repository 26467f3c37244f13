"""What the readers share: arrays that stay on disk, templates, masks, and the last step to a `Dataset`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from voxmesh.model.datasets.dataset import MASKS, BadFile, Dataset, Problem, Sequence
from voxmesh.model.datasets.mesh_file import SUFFIXES, read_mesh
from voxmesh.model.datasets.units import METRES, Unit, guess_unit

Rows = Callable[[int, int], np.ndarray]


def open_array(path: Path) -> np.ndarray:
    """An .npy, memory-mapped. Raises BadFile when it is missing, truncated, or holds objects."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise BadFile(path, "no such file") from error
    except (OSError, ValueError, EOFError) as error:
        raise BadFile(path, f"is no whole .npy of numbers ({error}); fetch it again") from error


def meshes(array: np.ndarray, path: Path) -> np.ndarray:
    """(T, V, 3) of an array that is that, or (T, 3 V), as some write it. Raises BadFile for any other."""
    if array.ndim == 2 and array.shape[1] % 3 == 0:
        array = array.reshape(len(array), -1, 3)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype.kind not in "fiu":
        raise BadFile(path, f"holds {array.dtype} of shape {array.shape}, not vertices (T, V, 3)")
    return array


def open_clips(paths: Iterable[Path], problems: list[Problem]) -> Iterator[tuple[Path, np.ndarray]]:
    """Each whole .npy, memory-mapped as (T, V, 3); what is wrong with the others goes into `problems`."""
    for path in paths:
        try:
            yield path, meshes(open_array(path), path)
        except BadFile as error:
            problems.append(error.problem)


def rows_of(array: np.ndarray) -> Rows:
    """What `Sequence.read_rows` wants of a (T, V, 3) array."""
    return lambda start, stop: np.asarray(array[start:stop])


def plain_name(name: object, path: Path) -> str:
    """A subject or clip out of a pickle, which becomes part of a path. Raises BadFile where it could lead elsewhere."""
    text = str(name)
    if not text or text in (".", "..") or set(text) & set('/\\:\0"'):
        raise BadFile(path, f"names a clip or subject {text!r}, which is no file's name")
    return text


def read_templates(folder: Path, problems: list[Problem]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every mesh in a folder by its stem, in the file's unit, and the triangles of the first that has any."""
    templates: dict[str, np.ndarray] = {}
    faces = np.zeros((0, 3), np.int32)
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.suffix not in SUFFIXES:
            continue
        try:
            mesh = read_mesh(path)
        except BadFile as error:
            problems.append(error.problem)
            continue
        templates[path.stem] = mesh.vertices
        faces = faces if len(faces) else mesh.faces
    return templates, faces


def read_masks(folder: Path, pattern: str, problems: list[Problem], expected: bool) -> dict[str, np.ndarray]:
    """`MASKS` from `pattern` (with the name for {}), (V,) float32. expected: whether a missing one is bad."""
    masks = {}
    for name in MASKS:
        path = folder / pattern.format(name)
        if not path.is_file():
            text = "no such file: that region can be neither weighed nor measured"
            problems.append(Problem(path, text, bad=expected))
            continue
        try:
            mask = np.asarray(open_array(path), np.float32).reshape(-1)
            if not np.isfinite(mask).all() or not mask.any():
                raise BadFile(path, "is no mask: its weights are not finite, or all zero")
            masks[name] = mask
        except BadFile as error:
            problems.append(error.problem)
    return masks


def assemble(
    layout: str,
    folder: Path,
    sequences: Iterable[Sequence],
    templates: dict[str, np.ndarray],
    faces: np.ndarray,
    masks: dict[str, np.ndarray],
    problems: list[Problem],
    unit: Unit | None = None,
    normal: tuple[np.ndarray, float] | None = None,
) -> Dataset:
    """A `Dataset` in metres. Templates and meshes may differ in unit: each is guessed from its own first face."""
    ordered = sorted(sequences, key=lambda sequence: (sequence.subject, sequence.name))
    still = unit or next((guess_unit(points, normal) for points in templates.values()), METRES)
    moving = unit or _unit_of(ordered, normal, still)
    for named, guess in (("templates", still), ("meshes", moving)):
        if not guess.sure:
            problems.append(Problem(folder, f"the unit of its {named} is {guess.name}", bad=False))
    if not sum(1 for _ in ordered):
        problems.append(Problem(folder, f"holds no sequence in the layout {layout}"))
    masks = dict(masks)
    count = len(next(iter(templates.values()), ()))
    for name, mask in list(masks.items()):
        if count and len(mask) != count:
            del masks[name]
            problems.append(Problem(folder, f"its {name} mask is for {len(mask)} vertices, the templates have {count}"))
    return Dataset(
        layout,
        folder,
        tuple(replace(sequence, unit=moving) for sequence in ordered),
        {subject: still.to_metres(points) for subject, points in sorted(templates.items())},
        faces,
        masks,
        tuple(problems),
        moving.name,
    )


def _unit_of(sequences: list[Sequence], normal: tuple[np.ndarray, float] | None, otherwise: Unit) -> Unit:
    """The unit of the first mesh that can be read: five are tried, the first may be the broken one."""
    for sequence in sequences[:5]:
        try:
            guess = guess_unit(sequence.read_rows(0, 1), normal)
        except BadFile:
            continue
        if guess.sure:
            return guess
    return otherwise
