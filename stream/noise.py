"""Seeded Gumbel noise: a function of the seed and the frame's index, so that any chunking samples the same labels."""

from __future__ import annotations

import numpy as np


class Noise:
    """What is added to the logits of each frame of one stream: every head's temperature times Gumbel noise.

    argmax(logits + t * noise) samples softmax(logits / t). temperature: (H,) float32.
    """

    def __init__(self, seed: int, temperature: np.ndarray, classes: int) -> None:
        self.shape = (len(temperature), classes)
        self._temperature = temperature[:, None].astype(np.float32)
        self._sampled = np.flatnonzero(temperature)
        self._bits = np.random.Philox(key=seed % 2**64)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def frame(self, index: int) -> np.ndarray:
        """(H, classes) float32; zeros where the temperature is 0."""
        # Setting the counter is Philox's own random access; a new generator a frame costs more than the numbers.
        self._start["state"]["counter"][:] = (0, 0, 0, index)
        self._bits.state = self._start
        noise = np.zeros(self.shape, np.float32)
        uniform = self._generator.random(self.shape, np.float32)[self._sampled]
        # random() is in [0, 1) in steps of 2^-24: moved by half a step, so that neither logarithm sees 0.
        gumbel = -np.log(-np.log(uniform * np.float32(1.0 - 2.0**-23) + np.float32(2.0**-25)))
        noise[self._sampled] = self._temperature[self._sampled] * gumbel
        return noise


def gumbel(seed: int, frame: int, heads: int, classes: int) -> np.ndarray:
    """(heads, classes) float32 standard Gumbel noise of one frame."""
    return Noise(seed, np.ones(heads, np.float32), classes).frame(frame)
