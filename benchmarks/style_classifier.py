"""Which mood is a clip in? Told from motion alone, as somebody would who watches it; learned from true motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHRINKAGE = 0.1


def manner(offsets: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(T, V, 3) metres from the template -> (6 n,): mean and deviation over time of n `vertices`, millimetres."""
    seen = offsets[:, vertices].reshape(len(offsets), -1) * 1000.0
    return np.concatenate([seen.mean(axis=0), seen.std(axis=0)])


@dataclass(frozen=True)
class StyleClassifier:
    """Linear discriminant analysis (Fisher 1936). means: (C, D) of the classes; inverse: (D, D), of what they share."""

    means: np.ndarray
    inverse: np.ndarray

    def classify(self, clip: np.ndarray) -> int:
        """(D,) -> the class whose mean is nearest, in deviations of what the classes share."""
        away = clip - self.means
        return int(np.argmin(np.einsum("cd,de,ce->c", away, self.inverse, away)))


def learn(clips: np.ndarray, classes: np.ndarray) -> StyleClassifier:
    """clips: (N, D). classes: (N,) from 0. Their covariance is shrunk towards its diagonal: D may be larger than N."""
    means = np.stack([clips[classes == c].mean(axis=0) for c in range(classes.max() + 1)])
    within = np.cov((clips - means[classes]).T)
    diagonal = np.diag(np.diag(within)) + 1e-4 * np.eye(len(within))
    return StyleClassifier(means, np.linalg.inv((1 - SHRINKAGE) * within + SHRINKAGE * diagonal))
