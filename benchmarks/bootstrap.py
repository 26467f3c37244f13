"""A figure, how far it would move with other phones, and how many it was made from.

Every statistic takes arrays and a weight per item, so that the figure itself (all weights 1) and the 1000 resamples
(how often each item was drawn) are one and the same vectorised formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES, INTERVAL = 1000, (2.5, 97.5)
Groups = Sequence[np.ndarray]
Statistic = Callable[[Groups, Groups], np.ndarray]
"""(groups of n items each, as many (B, n) weights) -> (B,) values, NaN where the weights leave it undefined."""


@dataclass(frozen=True)
class Figure:
    """value; low and high: its bootstrap 95 % interval; counts: items in each group (for an AUC targets, contrasts)."""

    value: float
    low: float
    high: float
    counts: tuple[int, ...]


def estimate(statistic: Statistic, groups: Groups, seed: int = 0) -> Figure | None:
    """The figure over `groups`, each resampled on its own; None when a group is empty or the figure undefined.

    Percentile interval of Efron (1979, "Bootstrap methods: another look at the jackknife").
    """
    sizes = [len(group) for group in groups]
    if not all(sizes):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(groups, [np.ones((1, size)) for size in sizes])[0])
        rng = np.random.default_rng(seed)
        again = statistic(groups, [draws(rng, size) for size in sizes])
    if not np.isfinite(value):
        return None
    low, high = np.nanpercentile(again, INTERVAL)
    return Figure(value, float(low), float(high), tuple(sizes))


def draws(rng: np.random.Generator, size: int) -> np.ndarray:
    """(RESAMPLES, size): how often each of `size` items is in a sample of `size` drawn with replacement."""
    drawn = rng.integers(size, size=(RESAMPLES, size)) + size * np.arange(RESAMPLES)[:, None]
    return np.bincount(drawn.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size).astype(float)


def auc(groups: Groups, weights: Groups) -> np.ndarray:
    """The chance that a target is above a contrast, ties half: Mann and Whitney's U / (n m). Groups: two of (n,)."""
    (targets, contrasts), (target_weights, contrast_weights) = groups, weights
    order = np.argsort(contrasts)
    ranked = contrasts[order]
    below = np.cumsum(contrast_weights[:, order], axis=1)
    below = np.concatenate([np.zeros((len(below), 1)), below], axis=1)
    wins = below[:, np.searchsorted(ranked, targets, "left")] + below[:, np.searchsorted(ranked, targets, "right")]
    return (target_weights * wins).sum(1) / (2.0 * target_weights.sum(1) * contrast_weights.sum(1))


def share(groups: Groups, weights: Groups) -> np.ndarray:
    """How many are true. Groups: one of (n,) bool."""
    return weights[0] @ groups[0] / weights[0].sum(1)


def ratio(groups: Groups, weights: Groups) -> np.ndarray:
    """Sum of numerators over sum of denominators. Groups: one of (n, 2)."""
    above, below = (weights[0] @ groups[0]).T
    return above / below


def median(groups: Groups, weights: Groups) -> np.ndarray:
    """Groups: one of (n,)."""
    order = np.argsort(groups[0])
    passed = np.cumsum(weights[0][:, order], axis=1)
    half = passed[:, -1:] / 2.0
    low, high = np.argmax(passed >= half, axis=1), np.argmax(passed > half, axis=1)
    return (groups[0][order][low] + groups[0][order][high]) / 2.0
