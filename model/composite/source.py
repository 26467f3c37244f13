"""What a composite model trains on: crops of clips, each with the crop of a clip of the same manner that drives it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from voxmesh.model.avatar.build import Avatar
from voxmesh.model.datasets.mesh_store import MeshStore
from voxmesh.model.store import Store
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.talker.moods import named_styles
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig

CLEAN_SHARE = 0.4
EXAMPLES = 8
"""Clips that a named style is made of, at most."""
_NEAR = 0.5


class Batch(NamedTuple):
    """B crops of T frames, float32.

    sound: (B, T, F) features, or (B, N) samples. templates: (B, V, 3) metres.
    offsets: (B, T, 3 M) metres, what they do; driving: (B, T', 3 M), what others of their manner do. Where motion is a
    rig's, both are (B, T, K) weights of `shapes` (K, 3 M) metres instead, a hundredth of the numbers.
    """

    sound: Tensor
    offsets: Tensor
    driving: Tensor
    shapes: Tensor | None
    templates: Tensor


Example = tuple[Tensor, Tensor | None]
"""A whole clip: its (T, 3 M) offsets and None, or (T, K) weights and the shapes (K, 3 M) that they weigh."""


class Source(Protocol):
    """templates: (N, V, 3) metres, all that occur. masks: name -> (V,). moving: (V,) bool, which vertices ever move."""

    features: FeatureConfig
    templates: np.ndarray
    masks: dict[str, np.ndarray]
    moving: np.ndarray

    def crops(self, rng: np.random.Generator, batch: int, frames: int, hears: str) -> Batch:
        """Random crops. hears: "features" or "samples". Raises VoxmeshError when no clip is that long."""

    def examples(self) -> dict[str, list[Example]]:
        """Styles that the data can name, and clips of each."""


@dataclass(frozen=True)
class StoreSource:
    """Captured faces. A clip is driven by a clip of the same subject, at random itself: manner is a person's."""

    store: MeshStore

    @property
    def features(self) -> FeatureConfig:
        return self.store.features

    @property
    def masks(self) -> dict[str, np.ndarray]:
        return self.store.masks

    @cached_property
    def templates(self) -> np.ndarray:
        subjects = sorted({clip.subject for clip in self.store.clips})
        return np.stack([self.store.templates[subject] for subject in subjects])

    @property
    def moving(self) -> np.ndarray:
        return np.ones(self.templates.shape[1], bool)

    def crops(self, rng: np.random.Generator, batch: int, frames: int, hears: str) -> Batch:
        got = self.store.crops(rng, batch, frames)
        sound = torch.from_numpy(got.features) if hears == "features" else self._samples(got.clips, got.starts, frames)
        driving = torch.from_numpy(np.stack([self._driver(rng, int(i), frames) for i in got.clips]))
        offsets = torch.from_numpy(got.offsets).flatten(2)
        return Batch(sound, offsets, driving.flatten(2), None, torch.from_numpy(got.templates))

    def examples(self) -> dict[str, list[Example]]:
        """The subjects, by their first clips."""
        found: dict[str, list[Example]] = {}
        for i, clip in enumerate(self.store.clips):
            clips = found.setdefault(clip.subject, [])
            if len(clips) < EXAMPLES:
                clips.append((torch.from_numpy(self.store.offsets(i)).flatten(1), None))
        return found

    def _driver(self, rng: np.random.Generator, index: int, frames: int) -> np.ndarray:
        clips = self.store.clips
        own = [i for i, c in enumerate(clips) if c.subject == clips[index].subject and c.frames >= frames]
        chosen = own[rng.integers(len(own))]
        start = int(rng.integers(clips[chosen].frames - frames + 1))
        return self.store.rows(chosen, start, start + frames).offsets

    def _samples(self, clips: np.ndarray, starts: np.ndarray, frames: int) -> Tensor:
        clock = self.features.clock
        return _stack_samples(self.store.audio, clips, [clock.sample(int(s)) for s in starts], clock.sample(frames))


@dataclass(frozen=True)
class TalkerSource:
    """The synthetic talker: clips worn by an avatar a batch, in turn. A clip is driven by another part of itself."""

    store: Store
    features: FeatureConfig
    avatars: list[Avatar]
    data: Path

    @property
    def masks(self) -> dict[str, np.ndarray]:
        return self.avatars[0].topology.regions

    @cached_property
    def templates(self) -> np.ndarray:
        return np.stack([avatar.topology.template for avatar in self.avatars])

    @cached_property
    def moving(self) -> np.ndarray:
        return np.max([np.abs(avatar.deltas).max(axis=(0, 2)) for avatar in self.avatars], axis=0) > 1e-6

    def crops(self, rng: np.random.Generator, batch: int, frames: int, hears: str) -> Batch:
        variants, rows = self.store.crops(rng, batch, frames, CLEAN_SHARE)
        clips = np.searchsorted(self.store.spans[:, 1], rows[:, 0], side="right")
        spans = self.store.spans[clips]
        # A driver may be as long as the crop, wherever it lies in the clip.
        starts = spans[:, 0] + (rng.random(batch) * (spans[:, 1] - spans[:, 0] - frames + 1)).astype(np.int64)
        if hears == "features":
            sound = torch.from_numpy(self.store.features[variants[:, None], rows].astype(np.float32))
        else:
            own = read_dataset(self.data)
            begins = [self.features.clock.sample(int(s)) for s in rows[:, 0] - spans[:, 0]]
            sound = _stack_samples(lambda i: own[i].audio, clips, begins, self.features.clock.sample(frames))
        who = int(rng.integers(len(self.avatars)))
        return Batch(
            sound,
            self._curves(rows),
            self._curves(starts[:, None] + np.arange(frames)),
            self._shapes[who],
            torch.from_numpy(self.avatars[who].topology.template)[None].expand(batch, -1, -1),
        )

    def examples(self) -> dict[str, list[Example]]:
        """The talker's named moods, by the clips that are nearest; one that no clip is near is left out."""
        found: dict[str, list[Example]] = {}
        for name, style in named_styles().items():
            distance = np.linalg.norm(self.store.styles - style, axis=1)
            near = [i for i in np.argsort(distance, kind="stable")[:EXAMPLES] if distance[i] < _NEAR]
            if near:
                found[name] = [(self._curves(np.arange(*self.store.spans[i])), self._shapes[0]) for i in near]
        return found

    @cached_property
    def _shapes(self) -> list[Tensor]:
        return [torch.from_numpy(avatar.deltas[:, self.moving].reshape(52, -1)) for avatar in self.avatars]

    def _curves(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self.store.curves[rows].astype(np.float32))


def _stack_samples(audio, clips: np.ndarray, starts: list[int], length: int) -> Tensor:
    """(B, length) float32, followed by silence where a recording ends early."""
    out = np.zeros((len(clips), length), np.float32)
    for row, index, start in zip(out, clips.tolist(), starts, strict=True):
        heard = audio(index)[start : start + length]
        row[: len(heard)] = heard
    return torch.from_numpy(out)


def check_masks(source: Source) -> None:
    """Raises VoxmeshError when a region that errors are weighed by is not known."""
    missing = [name for name in ("mouth", "upper", "eyelid") if name not in source.masks]
    if missing:
        raise VoxmeshError(f"no mask of {', '.join(missing)}: errors are weighed by region (or say --no-regional)")
