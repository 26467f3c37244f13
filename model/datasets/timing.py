"""Another capture's frames and sound on our clock: frames by linear mixture in time, sound by soxr."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from voxmesh.stream.clock import FrameClock


def on_clock(rows: np.ndarray, ticks: np.ndarray, fps: Fraction, clock: FrameClock, samples: int) -> np.ndarray:
    """(T, ...) rows at `ticks` of `fps` -> (clock.frames(samples), ...) float32, where that clock's frames are.

    A frame lies where its clock's exact sample says, as in `voxmesh.stream.frame_rate`: between two rows it is their
    mixture, before the first and after the last it is that one. The same rate gives the same rows to the bit.
    """
    had = ticks * (clock.sample_rate * fps.denominator) // fps.numerator
    wanted = clock.samples(clock.frames(samples))
    after = np.clip(np.searchsorted(had, wanted, side="left"), 0, len(had) - 1)
    before = np.where(had[after] > wanted, np.maximum(after - 1, 0), after)
    span = had[after] - had[before]
    share = np.where(span > 0, (wanted - had[before]) / np.maximum(span, 1), 0.0).astype(np.float32)
    share = np.clip(share, 0.0, 1.0).reshape(-1, *[1] * (rows.ndim - 1))
    first = rows[before].astype(np.float32, copy=False)
    return first + share * (rows[after] - first)


def rigid(pose: np.ndarray) -> np.ndarray:
    """(T, 3, 4) mixtures of poses -> the nearest poses: rotations again (by SVD), the translation kept, NaN kept."""
    out = pose.copy()
    known = np.isfinite(pose).all(axis=(1, 2))
    left, _, right = np.linalg.svd(pose[known, :, :3])
    out[known, :, :3] = left @ right
    return out


def samples_of(ticks: np.ndarray, fps: Fraction, sample_rate: int) -> int:
    """How many samples the frames take, to the end of the last."""
    return (int(ticks[-1]) + 1) * sample_rate * fps.denominator // fps.numerator


def at_rate(audio: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """(N,) at `rate` -> (n,) float32 at `wanted` samples a second, sample 0 where it was."""
    import soxr

    return audio if rate == wanted else soxr.resample(audio, rate, wanted).astype(np.float32)
