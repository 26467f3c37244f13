"""The features and curves of a dataset, computed once, read as random crops."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from voxmesh.model.talker.augment import augment
from voxmesh.model.talker.dataset import read_dataset
from voxmesh.model.talker.moods import AXES, SPACE
from voxmesh.model.talker.phones import PHONES as NAMES
from voxmesh.model.talker.phones import SILENCE
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel

PHONES: tuple[str, ...] = (SILENCE, *sorted(NAMES - {SILENCE}))
"""What the index of a phone means."""
_ARRAYS = ("features", "curves", "phones", "starts")


class Clip(Protocol):
    """What is stored of one: audio (N,) float32, curves (T, C), (name, start_s, end_s) of its phones, style (5,).

    calm: the curves in no mood, None where they are the same.

    No phones (None) is a clip of which nobody knows what was said; an empty list is silence.
    """

    @property
    def audio(self) -> np.ndarray: ...

    @property
    def curves(self) -> np.ndarray: ...

    @property
    def phones(self) -> list[tuple[str, float, float]] | None: ...

    @property
    def style(self) -> np.ndarray: ...

    @property
    def calm(self) -> np.ndarray | None: ...


@dataclass(frozen=True)
class Store:
    """One timeline of all clips, end to end.

    features: (variants, T, hops * mels) float16, memory-mapped; variant 0 is the clean audio, the rest are augmented.
    curves: (T, 52) float16, or (T, K) coefficients of a capture.
    phones: (T,) int8, indices into PHONES, -1 where nobody knows.
    spans: (clips, 2) int64, the first row of each clip and the row after its last.
    styles: (clips, 5) float32, each clip's mood along `moods.AXES`. calm: the curves in no mood.
    """

    features: np.ndarray
    curves: np.ndarray
    phones: np.ndarray
    spans: np.ndarray
    styles: np.ndarray
    calm: np.ndarray

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

    def styles_of(self, rows: np.ndarray) -> np.ndarray:
        """(batch, frames) rows of crops -> (batch, 5) float32: the styles of the clips that they lie in."""
        return self.styles[np.searchsorted(self.spans[:, 0], rows[:, 0], side="right") - 1]

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
    moods: bool = False,
    heard: Path | None = None,
) -> Store:
    """Compute the store in `folder` from the first `clips` (all) of the dataset in `data`, or open it when complete.

    moods: give clips moods that have none (`read_dataset`). heard: as in `fill_store`.
    """
    about = {"data": str(data)} if clips is None else {"data": str(data), "clips": clips}
    about |= {"moods": SPACE} if moods else {}
    return fill_store(
        folder, lambda: read_dataset(data, moods=moods)[:clips], config, variants, seed, workers, about, heard
    )


def fill_store(
    folder: Path,
    read: Callable[[], Sequence[Clip]],
    config: FeatureConfig,
    variants: int,
    seed: int,
    workers: int,
    about: dict,
    heard: Path | None = None,
) -> Store:
    """The store in `folder`, computed of the clips that `read` gives unless it is complete and `about` the same.

    heard: another store's folder, of the same sounds, whose features are taken instead of computing them again.
    Raises VoxmeshError when it is of others.
    """
    about = {**about, "variants": variants, "seed": seed, "hop": config.hops_per_frame, "mels": config.mels}
    if _about(folder) != about:
        clips = read()
        if not len(clips):
            raise VoxmeshError(f"no clips in {about['data']}: make some with `voxmesh talker make -o {about['data']}`")
        folder.mkdir(parents=True, exist_ok=True)
        starts = _write_truth(folder, clips, config.clock.fps)
        if heard is None:
            _compute_features(folder, clips, starts, config, variants, seed, workers)
        else:
            _take_features(folder, starts, about, heard)
        part = folder / "store.part"
        part.write_text(json.dumps({"about": about}))
        os.replace(part, folder / "store.json")
    return open_store(folder)


def open_store(folder: Path) -> Store:
    """Raises VoxmeshError when the store was not built."""
    if not (folder / "store.json").is_file():
        raise VoxmeshError(f"no feature store in {folder}: run `voxmesh train prepare` first")
    features, *small = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    curves, phones, starts = (np.asarray(array) for array in small)
    moody = (folder / "calm.npy").is_file()
    styles = np.load(folder / "styles.npy") if moody else np.zeros((len(starts) - 1, len(AXES)), np.float32)
    calm = np.load(folder / "calm.npy") if moody else curves
    return Store(features, curves, phones, np.stack([starts[:-1], starts[1:]], axis=1), styles, calm)


def _about(folder: Path) -> dict | None:
    """What the store in `folder` was computed from; None when it is not complete."""
    done = folder / "store.json"
    return json.loads(done.read_text())["about"] if done.is_file() else None


def _compute_features(
    folder: Path,
    clips: Sequence[Clip],
    starts: np.ndarray,
    config: FeatureConfig,
    variants: int,
    seed: int,
    workers: int,
) -> None:
    from concurrent.futures import ProcessPoolExecutor

    shape = (variants, int(starts[-1]), config.hops_per_frame * config.mels)
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float16, shape)
    with ProcessPoolExecutor(workers) as pool:
        jobs = ((clips[i], config, variants, seed, i) for i in range(len(clips)))
        rows = pool.map(_features, jobs, chunksize=4)
        for i, row in enumerate(tqdm(rows, total=len(clips), desc="features", unit="clip")):
            features[:, starts[i] : starts[i + 1]] = row
    features.flush()


def _take_features(folder: Path, starts: np.ndarray, about: dict, heard: Path) -> None:
    """Link, or copy, the features of the store `heard`."""
    other = _about(heard)
    if other is None:
        raise VoxmeshError(f"no feature store in {heard}: run `voxmesh train prepare` on it first")
    if any(other.get(key) != about.get(key) for key in {*other, *about} - {"data", "moods"}):
        raise VoxmeshError(f"the features in {heard} are of {other}, not of {about}")
    if not np.array_equal(np.load(heard / "starts.npy"), starts):
        raise VoxmeshError(f"the features in {heard} are of other clips than {about['data']} holds")
    to = folder / "features.npy"
    to.unlink(missing_ok=True)
    try:
        os.link(heard / "features.npy", to)
    except OSError:  # another disk
        shutil.copyfile(heard / "features.npy", to)


def _write_truth(folder: Path, clips: Sequence[Clip], fps: float) -> np.ndarray:
    """Everything but the features: what the face does, which phone is said, moods if any. Returns the starts."""
    curves, phones, styles, calm = [], [], [], []
    for clip in tqdm(clips, desc="curves", unit="clip"):
        curves.append(clip.curves.astype(np.float16))
        phones.append(phones_of_frames(clip.phones, len(clip.curves), fps))
        styles.append(clip.style)
        calm.append(curves[-1] if clip.calm is None else clip.calm.astype(np.float16))
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in curves])]).astype(np.int64)
    np.save(folder / "starts.npy", starts)
    np.save(folder / "curves.npy", np.concatenate(curves))
    np.save(folder / "phones.npy", np.concatenate(phones))
    if np.any(styles):
        np.save(folder / "styles.npy", np.stack(styles))
        np.save(folder / "calm.npy", np.concatenate(calm))
    return starts


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
