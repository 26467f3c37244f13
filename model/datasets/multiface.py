"""multiface, whole or mini: 7,306 vertices in millimetres, 30 fps, without the insides of eyes and mouth.

A subject is a folder `m--DATE--TIME--IDENTITY--GHS` with `tracked_mesh/SEGMENT/FRAME.bin` (raw float32 x, y, z),
`FRAME.obj` (read for its triangles only), `FRAME_transform.txt` (the head, 3 x 4, kept apart),
`audio/SEGMENT.wav` for the spoken sentences (SEN_...; expressions, E0xx_..., are silent), and `frame_list.txt`
(`SEGMENT FRAME` a line, neither in the order of time nor complete). Frame numbers rise in steps of 3: a larger step is
a frame that was lost. There is no template: it is the mean of the neutral segment, or else `vert_mean.bin`.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.model.datasets import splits
from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem, Sequence, Sound
from voxmesh.model.datasets.files import Rows, assemble, read_masks
from voxmesh.model.datasets.mesh_file import read_mesh

FPS = Fraction(30)
STEP = 3
"""From one frame's number to the next."""
VERTICES = 7306
NEUTRAL = "E001_Neutral_Eyes_Open"


def is_multiface(folder: Path) -> bool:
    return bool(_subjects(folder))


def read_multiface(folder: Path) -> Dataset:
    """A folder of subjects, or one subject's own."""
    problems: list[Problem] = []
    sequences: list[Sequence] = []
    templates: dict[str, np.ndarray] = {}
    faces, count = np.zeros((0, 3), np.int32), VERTICES
    for subject in _subjects(folder):
        if not len(faces) and (first := next(subject.glob("tracked_mesh/*/*.obj"), None)) is not None:
            try:
                mesh = read_mesh(first)
                faces, count = mesh.faces, len(mesh.vertices)
            except BadFile as error:
                problems.append(error.problem)
        listed = _frame_list(subject, problems)
        for segment in sorted(path for path in (subject / "tracked_mesh").iterdir() if path.is_dir()):
            if (sequence := _segment(subject, segment, listed, count, problems)) is not None:
                sequences.append(sequence)
        if (template := _template(subject, sequences, count, problems)) is not None:
            templates[subject.name] = template
    if not len(faces):
        problems.append(Problem(folder, "has no .obj with triangles in tracked_mesh: nothing can be drawn", bad=False))
    masks = read_masks(folder, "{}_weight_mask.npy", problems, expected=False)
    return assemble("multiface", folder, sequences, templates, faces, masks, problems)


def _subjects(folder: Path) -> list[Path]:
    if (folder / "tracked_mesh").is_dir():
        return [folder.resolve()]
    return sorted(path.parent for path in folder.glob("m--*/tracked_mesh"))


def _frame_list(subject: Path, problems: list[Problem]) -> dict[str, set[int]]:
    """Segment -> the numbers of its frames. Empty, with a note, when there is no list."""
    listed: dict[str, set[int]] = defaultdict(set)
    path = subject / "frame_list.txt"
    if not path.is_file():
        problems.append(Problem(path, "no such file: every frame that is there counts", bad=False))
        return listed
    for row, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            listed[words[0]].add(int(words[1]))
        elif words:
            problems.append(Problem(path, f"line {row} is no `SEGMENT FRAME`: {line[:60]!r}", bad=False))
    return listed


def _segment(
    subject: Path, segment: Path, listed: dict[str, set[int]], count: int, problems: list[Problem]
) -> Sequence | None:
    there = {int(path.stem): path for path in segment.glob("*.bin") if path.stem.isdigit()}
    wanted = sorted(listed.get(segment.name, there))
    numbers = np.array([number for number in wanted if number in there], np.int64)
    if not len(numbers):
        problems.append(Problem(segment, "holds no .bin of a frame that is listed"))
        return None
    if lost := [number for number in wanted if number not in there]:
        text = f"{len(lost)} listed frames are not there, the first {lost[0]:06d}.bin"
        problems.append(Problem(segment, text, bad=False))
    since = numbers - wanted[0]
    if (since % STEP).any():
        problems.append(Problem(segment, f"its frame numbers do not rise in steps of {STEP}"))
        return None
    audio = subject / "audio" / f"{segment.name}.wav"
    spoken = audio.is_file() or segment.name.startswith("SEN")
    paths = [there[int(number)] for number in numbers]
    return Sequence(
        subject.name,
        segment.name,
        splits.multiface(subject.name, segment.name),
        segment,
        FPS,
        since // STEP,
        _vertices(paths, count),
        Sound(audio) if spoken else None,
        read_pose=lambda: np.stack([_pose(path) for path in paths]),
    )


def _vertices(paths: list[Path], count: int) -> Rows:
    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([_bin(path, count) for path in paths[start:stop]])

    return read


def _bin(path: Path, count: int) -> np.ndarray:
    try:
        values = np.fromfile(path, np.float32)
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error})") from error
    if values.size != 3 * count:
        size = path.stat().st_size
        how = "truncated" if size < 12 * count else "of another mesh"
        raise BadFile(path, f"is {how}: {size} bytes, {count} vertices take {12 * count}")
    return values.reshape(count, 3)


def _pose(path: Path) -> np.ndarray:
    """(3, 4), NaN where there is none."""
    try:
        return np.loadtxt(path.with_name(f"{path.stem}_transform.txt"), np.float32).reshape(3, 4)
    except (OSError, ValueError):
        return np.full((3, 4), np.nan, np.float32)


def _template(subject: Path, sequences: list[Sequence], count: int, problems: list[Problem]) -> np.ndarray | None:
    """(V, 3) in millimetres: the mean of the neutral segment, or of all that the subject did, with a note."""
    neutral = [s for s in sequences if s.subject == subject.name and s.name.startswith(NEUTRAL)]
    try:
        if neutral:
            return neutral[0].read_rows(0, neutral[0].frames).mean(axis=0, dtype=np.float64).astype(np.float32)
        mean = _bin(subject / "vert_mean.bin", count) if (subject / "vert_mean.bin").is_file() else None
    except BadFile as error:
        problems.append(error.problem)
        return None
    if mean is not None:
        text = f"no {NEUTRAL}: the template is the mean of all frames, not a neutral face"
        problems.append(Problem(subject / "vert_mean.bin", text, bad=False))
    return mean
