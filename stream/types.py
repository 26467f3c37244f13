"""What flows through the line: audio chunks in, frames out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

State = dict[str, np.ndarray]
"""What a step remembers: a row a session, keyed by the graph's input names. An argument and a result, never hidden."""


@dataclass(frozen=True)
class AudioChunk:
    """A run of samples.

    samples: (N,) float32 mono, or (N, C); full scale is -1..1.
    start: absolute index of samples[0] since the stream began, at the source's rate.
    captured_ns: monotonic time at which samples[0] entered the microphone; 0 when unknown. Telemetry only.
    """

    samples: np.ndarray
    start: int
    captured_ns: int = 0


@dataclass(frozen=True)
class Frame:
    """One pose of the face.

    index: 0, 1, 2 ... with no gap.
    sample: the audio sample it depicts, at the bundle's rate.
    captured_ns: monotonic time at which that sample entered the microphone; 0 when unknown. Telemetry only.
    vertices: (V, 3) float32, metres.
    labels: (H,) int64, the categorical latent it was decoded from.
    weights: (52,) float32, the ARKit weights that the vertices were made of; None where nobody knows them yet.
    """

    index: int
    sample: int
    captured_ns: int
    vertices: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
