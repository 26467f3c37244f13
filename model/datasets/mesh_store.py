"""The store that `voxmesh data prepare` wrote, read as random crops."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from voxmesh.model.datasets.prepare import FORMAT
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig


@dataclass(frozen=True)
class StoredClip:
    """Where a clip is, and what it is. frames: its rows. samples: of its sound. silent: it was recorded without."""

    file: str
    subject: str
    name: str
    split: str
    frames: int
    samples: int
    silent: bool


class Rows(NamedTuple):
    """Rows of one clip. features (T, F), offsets (T, V, 3) metres from the template, both float32."""

    features: np.ndarray
    offsets: np.ndarray


class Crops(NamedTuple):
    """A batch, float32: features (B, T, F), offsets (B, T, V, 3) metres, templates (B, V, 3) metres.

    clips (B,) int64, which clip each is of; starts (B,) int64, the row of the clip that it begins with.
    """

    features: np.ndarray
    offsets: np.ndarray
    templates: np.ndarray
    clips: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class MeshStore:
    """A store, or a part of it. Only templates, triangles and masks are in memory.

    templates: subject -> (V, 3) float32 metres. faces: (F, 3) int32. masks: name -> (V,) float32, 0 to 1.
    """

    folder: Path
    features: FeatureConfig
    clips: tuple[StoredClip, ...]
    templates: dict[str, np.ndarray]
    faces: np.ndarray
    masks: dict[str, np.ndarray]

    def only(self, *splits: str) -> MeshStore:
        """The clips of these splits. Raises VoxmeshError when there are none."""
        kept = tuple(clip for clip in self.clips if clip.split in splits)
        if not kept:
            there = ", ".join(sorted({clip.split for clip in self.clips}))
            raise VoxmeshError(f"{self.folder} has no clip in {' or '.join(splits)}: it has {there}")
        return replace(self, clips=kept)

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(next(iter(self.templates.values())))

    def offsets(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(T, V, 3) float32 metres from the subject's template."""
        return self._part(index, "offsets", start, stop).astype(np.float32)

    def rows(self, index: int, start: int = 0, stop: int | None = None) -> Rows:
        """Rows start..stop of a clip; nothing else of it is read."""
        features = self._part(index, "features", start, stop).astype(np.float32)
        return Rows(features, self.offsets(index, start, stop))

    def vertices(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(T, V, 3) float32 metres."""
        return self.templates[self.clips[index].subject] + self.offsets(index, start, stop)

    def audio(self, index: int) -> np.ndarray:
        """(samples,) float32, -1 to 1, at `features.sample_rate`."""
        return self._part(index, "audio", 0, None).astype(np.float32) / np.float32(32767)

    def pose(self, index: int) -> np.ndarray | None:
        """(T, 3, 4) float32, the rigid head, or None where it was not captured apart."""
        with self._open(index) as file:
            return file.get_tensor("pose") if "pose" in file.keys() else None  # noqa: SIM118

    def crops(self, rng: np.random.Generator, batch: int, frames: int) -> Crops:
        """`batch` random crops that lie inside one clip each, every place equally likely.

        Raises VoxmeshError when no clip is that long.
        """
        room = np.maximum(np.array([clip.frames for clip in self.clips], np.int64) - frames + 1, 0)
        if not room.any():
            raise VoxmeshError(f"no clip of {self.folder} has {frames} frames: train on shorter crops")
        ends = np.cumsum(room)
        picks = rng.integers(ends[-1], size=batch)
        clips = np.searchsorted(ends, picks, side="right")
        starts = picks - (ends[clips] - room[clips])
        parts = [self.rows(i, s, s + frames) for i, s in zip(clips.tolist(), starts.tolist(), strict=True)]
        features, offsets = (np.stack(arrays) for arrays in zip(*parts, strict=True))
        templates = np.stack([self.templates[self.clips[i].subject] for i in clips.tolist()])
        return Crops(features, offsets, templates, clips, starts)

    def _open(self, index: int) -> safe_open:
        path = self.folder / self.clips[index].file
        try:
            return safe_open(path, framework="numpy")
        except (OSError, SafetensorError) as error:
            raise VoxmeshError(f"{path} is missing or damaged ({error}): run `voxmesh data prepare` again") from error

    def _part(self, index: int, name: str, start: int, stop: int | None) -> np.ndarray:
        with self._open(index) as file:
            return file.get_slice(name)[start:stop] if stop is not None else file.get_slice(name)[start:]


def open_mesh_store(folder: Path) -> MeshStore:
    """Raises VoxmeshError when there is no finished store of this format."""
    path = folder / "store.json"
    if not path.is_file():
        raise VoxmeshError(f"no finished store in {folder}: run `voxmesh data prepare DIR -o {folder}`")
    try:
        about = json.loads(path.read_text("utf-8"))
        if about["format"] != FORMAT:
            raise VoxmeshError(f"{path} has format {about['format']}, this voxmesh reads {FORMAT}: prepare it again")
        clips = tuple(StoredClip(**clip) for clip in about["clips"])
        features = FeatureConfig(**about["features"])
        face = load_file(folder / "face.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise VoxmeshError(f"{path} is damaged ({error}): prepare it again") from error

    def named(kind: str) -> dict[str, np.ndarray]:
        return {key.removeprefix(f"{kind}."): array for key, array in face.items() if key.startswith(f"{kind}.")}

    return MeshStore(folder, features, clips, named("template"), face["faces"], named("mask"))
