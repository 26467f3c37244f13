"""What every reader makes of a folder: sequences of meshes with their sound, templates, masks, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.model.datasets.units import METRES, Unit
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.errors import VoxmeshError

SPLITS = ("train", "valid", "test", "unused")
"""`unused` is what a published protocol leaves out: BIWI's neutral sentences, multiface's silent expressions."""
MASKS = ("mouth", "upper", "eyelid")
"""The regions that MM 2023 measures and weighs."""


@dataclass(frozen=True)
class Problem:
    """One thing to know about a file. bad: a clip, or the data set, cannot be used as it is; otherwise a note."""

    path: Path
    text: str
    bad: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


class BadFile(VoxmeshError):
    """A file that cannot be used. problem: the same, as data."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.problem = Problem(path, text)


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording: the file `path`, or `samples` (N,) at `rate` that were found inside of it."""

    path: Path
    samples: np.ndarray | None = None
    rate: int = 0

    def read(self) -> tuple[np.ndarray, int]:
        """(N,) float32, mono, and its rate. Raises BadFile when it is missing, no audio, or cut short."""
        if self.samples is not None:
            kind = self.samples.dtype
            scale = 1.0 / -float(np.iinfo(kind).min) if kind.kind == "i" else 1.0
            return self.samples.astype(np.float32) * np.float32(scale), self.rate
        warnings: list[str] = []
        try:
            with AudioFile(self.path, warnings.append) as file:
                mono = np.concatenate([block.mean(axis=1, dtype=np.float32) for block in file.blocks()])
                rate = file.rate
        except VoxmeshError as error:
            raise BadFile(self.path, str(error).removeprefix(str(self.path)).lstrip(": ")) from error
        if warnings:
            raise BadFile(self.path, "is truncated: it holds less sound than its header says; fetch it again")
        return mono, rate


@dataclass(frozen=True, eq=False)
class Sequence:
    """One recording of one subject; nothing of it is in memory until it is asked for.

    path: the file or folder that holds its meshes, for messages.
    fps: its frames a second. ticks: (T,) int64 rising, which frame since the sound began each row is; some may be lost.
    read_rows: (start, stop) -> (n, V, 3) in the data set's own unit. unit: what makes metres of it.
    sound: None where it was recorded without. read_pose: () -> (T, 3, 4), the rigid head, which is not in the mesh.
    """

    subject: str
    name: str
    split: str
    path: Path
    fps: Fraction
    ticks: np.ndarray
    read_rows: Callable[[int, int], np.ndarray]
    sound: Sound | None
    unit: Unit = METRES
    read_pose: Callable[[], np.ndarray] | None = None

    @property
    def frames(self) -> int:
        """How many rows there are."""
        return len(self.ticks)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last, lost ones included."""
        return float((int(self.ticks[-1]) + 1) / self.fps) if len(self.ticks) else 0.0

    def vertices(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(n, V, 3) float32 metres, rows start..stop. Raises BadFile when a file is missing or truncated."""
        return self.unit.to_metres(self.read_rows(start, self.frames if stop is None else stop))

    def pose(self) -> np.ndarray | None:
        """(T, 3, 4) float32: rotation, and translation in metres; NaN where a frame has none."""
        if self.read_pose is None:
            return None
        pose = self.read_pose().astype(np.float32)
        pose[:, :, 3] *= np.float32(self.unit.scale)
        return pose


@dataclass(frozen=True, eq=False)
class Dataset:
    """A folder, understood. Sequences are sorted by subject and name.

    templates: subject -> (V, 3) float32 metres, the neutral face. faces: (F, 3) int32, no rows where nobody has them.
    masks: name -> (V,) float32, 0 to 1. problems: what names and headers tell; `examine` reads a clip itself.
    unit: what the meshes were in, in words.
    """

    layout: str
    folder: Path
    sequences: tuple[Sequence, ...]
    templates: dict[str, np.ndarray]
    faces: np.ndarray
    masks: dict[str, np.ndarray]
    problems: tuple[Problem, ...] = field(default=())
    unit: str = METRES.name

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(sorted({sequence.subject for sequence in self.sequences} | set(self.templates)))

    @property
    def vertices(self) -> int:
        """V. 0 when there is no template."""
        return len(next(iter(self.templates.values()), ()))
