"""The features and curves of a dataset, computed once, read as random crops."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from voxmesh.model.talker.augment import augment
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.talker.phones import PHONES as NAMES
from voxmesh.model.talker.phones import SILENCE
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel

PHONES: tuple[str, ...] = (SILENCE, *sorted(NAMES - {SILENCE}))
"""What the index of a phone means."""
_ARRAYS = ("features", "curves", "phones", "starts")


class Clip(Protocol):
    """What is stored of one: audio (N,) float32, curves (T, C), and (name, start_s, end_s) of its phones.

    No phones (None) is a clip of which nobody knows what was said; an empty list is silence.
    """

    @property
    def audio(self) -> np.ndarray: ...

    @property
    def curves(self) -> np.ndarray: ...

    @property
    def phones(self) -> list[tuple[str, float, float]] | None: ...


@dataclass(frozen=True)
class Store:
    """One timeline of all clips, end to end.

    features: (variants, T, hops * mels) float16, memory-mapped; variant 0 is the clean audio, the rest are augmented.
    curves: (T, 52) float16, or (T, K) coefficients of a capture. phones: (T,) int8, indices into PHONES, -1 where nobody knows.
    spans: (clips, 2) int64, the first row of each clip and the row after its last.
    """

    features: np.ndarray
    curves: np.ndarray
    phones: np.ndarray
    spans: np.ndarray

    def crops(self, rng: np.random.Generator, batch: int, frames: int, clean: float) -> tuple[np.ndarray, np.ndarray]:
        """`batch` random crops that lie inside one clip each; a share `clean` of them from variant 0.

        Returns (variants (batch,), rows (batch, frames)), indices into `features` and `curves`.
        """
        room = np.maximum(self.spans[:, 1] - self.spans[:, 0] - frames + 1, 0)
        if not room.any():
            raise VoxmeshError(f"no clip has {frames} frames: make longer clips, or train on shorter crops")
        ends = np.cumsum(room)
        picks = rng.integers(ends[-1], size=batch)
        clip = np.searchsorted(ends, picks, side="right")
        first = self.spans[clip, 0] + picks - (ends[clip] - room[clip])
        variants = np.where(rng.random(batch) < clean, 0, rng.integers(len(self.features), size=batch))
        return variants, first[:, None] + np.arange(frames)

    def clips(self) -> Iterator[slice]:
        for start, stop in self.spans.tolist():
            yield slice(start, stop)


def build_store(
    folder: Path,
    data: Path,
    config: FeatureConfig,
    variants: int,
    seed: int,
    workers: int = 2,
    clips: int | None = None,
) -> Store:
    """Compute the store in `folder` from the first `clips` (all) of the dataset in `data`, or open it when complete."""
    about = {"data": str(data)} if clips is None else {"data": str(data), "clips": clips}
    return fill_store(folder, lambda: read_dataset(data)[:clips], config, variants, seed, workers, about)


def fill_store(
    folder: Path,
    read: Callable[[], Sequence[Clip]],
    config: FeatureConfig,
    variants: int,
    seed: int,
    workers: int,
    about: dict,
) -> Store:
    """The store in `folder`, computed of the clips that `read` gives unless it is complete and `about` the same."""
    done = folder / "store.json"
    about = {**about, "variants": variants, "seed": seed, "hop": config.hops_per_frame, "mels": config.mels}
    if not done.is_file() or json.loads(done.read_text())["about"] != about:
        _compute(folder, read(), config, variants, seed, workers, about)
    return open_store(folder)


def open_store(folder: Path) -> Store:
    """Raises VoxmeshError when the store was not built."""
    if not (folder / "store.json").is_file():
        raise VoxmeshError(f"no feature store in {folder}: run `voxmesh train prepare` first")
    features, *small = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    curves, phones, starts = (np.asarray(array) for array in small)
    return Store(features, curves, phones, np.stack([starts[:-1], starts[1:]], axis=1))


def _compute(
    folder: Path, clips: Sequence[Clip], config: FeatureConfig, variants: int, seed: int, workers: int, about: dict
) -> None:
    from concurrent.futures import ProcessPoolExecutor

    if not len(clips):
        raise VoxmeshError(f"no clips in {about['data']}: make some with `voxmesh talker make -o {about['data']}`")
    folder.mkdir(parents=True, exist_ok=True)
    lengths = [len(clip.curves) for clip in clips]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shape = (variants, int(starts[-1]), config.hops_per_frame * config.mels)
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float16, shape)
    curves = np.zeros((int(starts[-1]), clips[0].curves.shape[1]), np.float16)
    phones = np.zeros(int(starts[-1]), np.int8)
    with ProcessPoolExecutor(workers) as pool:
        jobs = ((clips[i], config, variants, seed, i) for i in range(len(clips)))
        rows = pool.map(_features, jobs, chunksize=4)
        for i, row in enumerate(tqdm(rows, total=len(clips), desc="features", unit="clip")):
            here, clip = slice(starts[i], starts[i + 1]), clips[i]
            features[:, here], curves[here] = row, clip.curves
            phones[here] = phones_of_frames(clip.phones, len(clip.curves), config.clock.fps)
    features.flush()
    np.save(folder / "curves.npy", curves)
    np.save(folder / "phones.npy", phones)
    np.save(folder / "starts.npy", starts)
    part = folder / "store.part"
    part.write_text(json.dumps({"about": about}))
    os.replace(part, folder / "store.json")


def phones_of_frames(phones: list[tuple[str, float, float]] | None, frames: int, fps: float) -> np.ndarray:
    """(frames,) int8: which of PHONES each frame depicts; silence where there is none, -1 where nobody knows."""
    if phones is None:
        return np.full(frames, -1, np.int8)
    indices = np.zeros(frames, np.int8)
    for name, start_s, end_s in phones:
        indices[int(np.ceil(start_s * fps)) : int(np.ceil(end_s * fps))] = PHONES.index(name)
    return indices


def _features(job: tuple[Clip, FeatureConfig, int, int, int]) -> np.ndarray:
    clip, config, variants, seed, index = job
    rows = []
    for variant in range(variants):
        audio = clip.audio
        if variant:
            audio = augment(audio, np.random.default_rng([seed, index, variant]))
        rows.append(log_mel(audio, config).astype(np.float16))
    return np.stack(rows)
