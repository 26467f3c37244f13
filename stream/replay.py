"""Does an engine make of a take what was made then? Every field report becomes a test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxmesh.stream.engine import Engine
from voxmesh.stream.take import Change, Digest, End, Take, digest
from voxmesh.stream.types import AudioChunk, Frame


@dataclass(frozen=True)
class Verdict:
    """frames: compared. seconds: of sound. differs: the first frame that is not the same to the bit, None when all are.

    millimetres: by how much, at most, of the first frame that differs and whose vertices the take holds; None: it
    holds none. ended: the session ended by itself, nothing is missing.
    """

    frames: int
    seconds: float
    differs: int | None
    millimetres: float | None
    ended: bool


def replay(
    take: Take,
    engine: Engine,
    change: Callable[[str, Any], None] = lambda name, value: None,
    progress: Callable[[int], None] = lambda frames: None,
) -> Verdict:
    """Push what was heard as it was heard, and compare. engine: new, made with the take's settings.

    change: called with the name and value of what changed during the session, when it did. progress: called with how
    many frames were just compared.
    """
    made: deque[Frame] = deque()
    compared = samples = 0
    differs: int | None = None
    millimetres: float | None = None
    ended = False
    for item in take:
        if isinstance(item, AudioChunk):
            made.extend(engine.push(item))
            samples = item.start + len(item.samples)
        elif isinstance(item, Change):
            change(item.name, item.value)
        elif isinstance(item, End):
            ended = True
        elif isinstance(item, Digest):
            if not made:
                # What came after the last sound.
                made.extend(engine.flush())
            frame = made.popleft() if made else None
            same = frame is not None and frame.index == item.index and digest(frame) == item.digest
            if not same and differs is None:
                differs = item.index
            if not same and frame is not None and item.vertices is not None and millimetres is None:
                millimetres = _millimetres(frame.vertices, item.vertices)
            compared += 1
            progress(1)
    return Verdict(compared, samples / take.rate, differs, millimetres, ended)


def _millimetres(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    if ours.shape != theirs.shape:
        return None
    return 1000.0 * float(np.linalg.norm(ours - theirs, axis=1).max())
