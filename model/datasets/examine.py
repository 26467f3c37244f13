"""One clip, read whole and looked at: is it all there, finite, of its subject's size, as long as its sound?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voxmesh.model.datasets.dataset import BadFile, Dataset, Problem, Sequence
from voxmesh.model.datasets.units import extent

NOTED_FRAMES = 2
"""A sound may be so much longer or shorter than its mesh before anything is said of it."""
MISALIGNED_S = 0.25
"""From here on they do not belong together; less is cut to the shorter."""
LONGEST_GAP_S = 0.25
"""A longer run of lost frames cannot be bridged."""
_FAR_M = 0.1
"""No face moves so far from its template, on average, as one that is in another place or unit."""


@dataclass(frozen=True, eq=False)
class Recording:
    """vertices (T, V, 3) float32 metres, audio (N,) float32 at `rate` (None: recorded without), pose (T, 3, 4)."""

    vertices: np.ndarray
    audio: np.ndarray | None
    rate: int
    pose: np.ndarray | None


def examine(dataset: Dataset, sequence: Sequence) -> tuple[Recording | None, list[Problem]]:
    """The clip, or None when something about it is bad; and what there is to say of it, good clip or not."""
    problems: list[Problem] = []
    vertices = audio = pose = None
    rate = 0
    try:
        vertices = sequence.vertices()
        problems += _mesh(dataset, sequence, vertices)
    except BadFile as error:
        problems.append(error.problem)
    try:
        if sequence.sound is not None:
            audio, rate = sequence.sound.read()
            problems += _sound(sequence, audio, rate)
        pose = sequence.pose()
        if pose is not None and (lost := int((~np.isfinite(pose)).any(axis=(1, 2)).sum())):
            problems.append(Problem(sequence.path, f"{lost} frames have no head pose that can be read", bad=False))
    except BadFile as error:
        problems.append(error.problem)
    if vertices is None or any(problem.bad for problem in problems):
        return None, problems
    return Recording(vertices, audio, rate, pose), problems


def _mesh(dataset: Dataset, sequence: Sequence, vertices: np.ndarray) -> Iterator[Problem]:
    path = sequence.path
    if len(vertices) < 2:
        yield Problem(path, f"has {len(vertices)} frames: too few to move")
        return
    finite = np.isfinite(vertices).all(axis=2)
    if not finite.all():
        frame, vertex = np.argwhere(~finite)[0]
        count = int((~finite).sum())
        yield Problem(path, f"not finite: {count} vertices, the first is vertex {vertex} of row {frame}")
    missing = np.diff(sequence.ticks) - 1
    if missing.any():
        longest_s = float(missing.max() / sequence.fps)
        text = f"lost frames: {int(missing.sum())}, the longest gap {longest_s:.2f} s"
        yield Problem(path, text if longest_s > LONGEST_GAP_S else f"{text}: bridged", longest_s > LONGEST_GAP_S)
    template = dataset.templates.get(sequence.subject)
    if template is None:
        yield Problem(path, f"there is no template of its subject {sequence.subject} in {dataset.folder}")
    elif template.shape != vertices.shape[1:]:
        yield Problem(path, f"has {vertices.shape[1]} vertices, its subject's template {len(template)}")
    elif finite.all():
        ratio = extent(vertices[0]) / max(extent(template), 1e-9)
        far = float(np.linalg.norm(vertices.mean(axis=0) - template, axis=1).mean())
        if not 2 / 3 < ratio < 3 / 2:
            yield Problem(path, f"is off scale: {ratio:.3g} times the size of its template ({sequence.unit.name})")
        elif far > _FAR_M:
            yield Problem(path, f"lies {far * 1000:.0f} mm from its template on average: another place or subject")


def _sound(sequence: Sequence, audio: np.ndarray, rate: int) -> Iterator[Problem]:
    assert sequence.sound is not None
    path = sequence.sound.path
    if not np.isfinite(audio).all():
        yield Problem(path, f"{int((~np.isfinite(audio)).sum())} of its samples are not finite")
    elif not audio.any():
        yield Problem(path, "is silent: every sample is zero", bad=False)
    longer_s = len(audio) / rate - sequence.seconds
    if abs(longer_s) * sequence.fps > NOTED_FRAMES:
        bad = abs(longer_s) > MISALIGNED_S
        than = f"{abs(longer_s):.2f} s {'longer' if longer_s > 0 else 'shorter'} than its mesh"
        lengths = f"({len(audio) / rate:.2f} s and {sequence.seconds:.2f} s)"
        yield Problem(path, f"is {than} {lengths}{'' if bad else ': the longer is cut'}", bad)
