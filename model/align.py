"""Forced alignment: when each phone of a known sequence was said, from what the audio stage hears (Viterbi, 1967)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from voxmesh.model.checkpoint import Run
from voxmesh.model.store import PHONES
from voxmesh.model.talker.people import FOLDER, SAMPLE_RATE, Line, Recording, Spelled, lines, listen, spelled
from voxmesh.model.talker.phones import SILENCE
from voxmesh.model.train_audio import MouthReader
from voxmesh.stream.features import log_mel

_SILENCE = PHONES.index(SILENCE)
_PAUSE_COST = 4.0  # natural log: a silence that nobody wrote down
_PRIOR_POWER = 0.5  # how much of a phone's frequency in training is divided out of what is heard
_WORST_FIT, _WORST_GUESS = -1.3, -0.9  # what fits worse is no plain speech, or says something else than its text
_SHORTEST_S = 0.3
_BRIEF = frozenset({"D", "AX", "Q", "Y", "L", "R", "DH", "IH"})  # may last one frame; all others two, labials three
_LABIAL = frozenset({"P", "B", "M", "F", "V"})
_LEAST_SHARE, _MOST_FRAMES = 0.45, 8  # of what the synthesiser takes for the phone: people hurry, but not all at once


def least_frames(phones: Sequence[Spelled], fps: float) -> list[int]:
    """How long each phone must last at least. Without a floor, phones that are heard badly shrink to nothing."""
    floors = [1 if name in _BRIEF else 3 if name in _LABIAL else 2 for name, _ in phones]
    shares = [min(round(_LEAST_SHARE * seconds * fps), _MOST_FRAMES) for _, seconds in phones]
    return [max(pair) for pair in zip(floors, shares, strict=True)]


def align(
    scores: np.ndarray, phones: Sequence[str], fps: float, least: Sequence[int]
) -> tuple[list[tuple[str, float, float]], float]:
    """The best times of `phones`, each at least `least` frames long, in scores (T, len(PHONES)), log-likelihoods up to
    a constant a frame.

    Returns (name, start_s, end_s) each, and the mean over spoken frames of how far the path falls short of the best
    phone of each frame: 0 is a perfect fit. Before the first phone, after the last and between any two there may be
    silence. With fewer frames than the phones need, the fit is -inf and there are no times.
    """
    states, owner, optional = [_SILENCE], [-1], [True]
    for index, (name, frames) in enumerate(zip(phones, least, strict=True)):
        for _ in range(frames):
            states.append(PHONES.index(name))
            owner.append(index)
            optional.append(False)
        states.append(_SILENCE)
        owner.append(-1)
        optional.append(True)
    count, size = len(scores), len(states)
    emission = scores[:, states]
    # A state is entered from itself, from the one before, or over the optional silence before it.
    skip = np.full(size, -np.inf)
    skip[2:] = np.where(np.array(optional)[1:-1], 0.0, -np.inf)
    enter = np.where(np.array(optional), -_PAUSE_COST, 0.0)
    best = np.full(size, -np.inf)
    best[:2] = emission[0, :2]
    back = np.zeros((count, size), np.int8)
    for t in range(1, count):
        step = np.concatenate([[-np.inf], best[:-1]]) + enter
        jump = np.concatenate([[-np.inf, -np.inf], best[:-2]]) + skip
        options = np.stack([best, step, jump])
        back[t] = options.argmax(axis=0)
        best = options.max(axis=0) + emission[t]
    state = size - 1 - int(size > 1 and best[-2] > best[-1])
    if not np.isfinite(best[state]):
        return [], -np.inf
    path = np.zeros(count, np.int64)
    for t in range(count - 1, -1, -1):
        path[t] = state
        state -= int(back[t, state])
    owners = np.array(owner)[path]
    times = []
    for index, name in enumerate(phones):
        held = np.flatnonzero(owners == index)
        times.append((name, held[0] / fps, (held[-1] + 1) / fps))
    spoken = owners >= 0
    short = emission[np.arange(count), path] - scores.max(axis=1)
    return times, float(short[spoken].mean())


def align_people(run: Run, workers: int = 2, folder: Path = FOLDER) -> list[Recording]:
    """Every recorded line of `people.lines` that the run's audio stage can follow, with the times of its phones."""
    jobs: list[tuple[Line, list[Spelled]]] = []
    found = lines(folder, workers)
    for language in sorted({line.language for line in found}):
        mine = [line for line in found if line.language == language]
        jobs += [job for job in zip(mine, spelled([line.text for line in mine], language), strict=True) if job[1]]
    with ProcessPoolExecutor(workers, initializer=_Listener.start, initargs=(run, folder)) as pool:
        aligned = list(tqdm(pool.map(_Listener.work, jobs, chunksize=16), total=len(jobs), unit="line", desc="align"))
    return [one for one in aligned if one is not None]


class _Listener:
    """One process's copy of the audio stage."""

    here: _Listener

    def __init__(self, run: Run, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder
        self.config = run.config()
        self.reader = MouthReader(self.config)
        run.load("audio", self.reader)
        self.reader.eval()
        heard = np.load(run.folder / "features" / "phones.npy")
        self.log_prior = np.log((np.bincount(heard[heard >= 0], minlength=len(PHONES)) + 500.0) / len(heard))

    @classmethod
    def start(cls, run: Run, folder: Path) -> None:
        cls.here = cls(run, folder)

    @classmethod
    def work(cls, job: tuple[Line, list[Spelled]]) -> Recording | None:
        line, phones = job
        self, fps = cls.here, cls.here.config.features.clock.fps
        samples = listen(line.path, self.folder)
        if len(samples) < _SHORTEST_S * SAMPLE_RATE:
            return None
        features = torch.from_numpy(log_mel(samples, self.config.features)).float()
        with torch.no_grad():
            _, _, logits = self.reader(features[None])
        scores = torch.log_softmax(logits[0].T, dim=1).numpy() - _PRIOR_POWER * self.log_prior
        times, fit = align(scores, [name for name, _ in phones], fps, least_frames(phones, fps))
        if fit < (_WORST_GUESS if line.path.endswith(".g722") else _WORST_FIT):
            return None
        marks = [(name, round(start * fps), round(end * fps)) for name, start, end in times]
        return Recording(line.path, line.speaker, line.language, marks)
