"""Seeded Gumbel noise: a function of the seed and the frame's index, so that any chunking samples the same labels."""

from __future__ import annotations

import numpy as np


def gumbel(seed: int, frame: int, heads: int, classes: int) -> np.ndarray:
    """(heads, classes) float32 Gumbel noise, -log(-log u): argmax(logits + t * noise) samples softmax(logits / t)."""
    generator = np.random.Generator(np.random.Philox(key=seed % 2**64, counter=[0, 0, 0, frame]))
    uniform = generator.random((heads, classes), np.float32)
    # random() is in [0, 1) in steps of 2^-24: moved by half a step, so that neither logarithm sees 0.
    return -np.log(-np.log(uniform * np.float32(1.0 - 2.0**-23) + np.float32(2.0**-25)))
