"""Numbers as they travel: float32, float16, or int16 with a scale and an offset for each axis.

A number that was sent as int16 is `offset + scale * q`, computed in float64 and then rounded to float32. The product is
exact there, so that readers with and without fused multiply-add get the same bits.
"""

from __future__ import annotations

import numpy as np

from voxmesh.stream.wire_messages import WireError

Quantised = tuple[float, float, float, float]
"""The scale, and the offset of each axis."""

CODES = {"float32": 1, "float16": 2, "int16": 3}
"""The header's number for each type."""
TYPES = {1: np.dtype("<f4"), 2: np.dtype("<f2"), 3: np.dtype("<i2")}
NAMES = {code: name for name, code in CODES.items()}
PLAIN: Quantised = (1.0, 0.0, 0.0, 0.0)
"""The scale and offset of numbers that are not quantised."""
PCM: Quantised = (1 / 32768, 0.0, 0.0, 0.0)
"""Sound as int16 is plain 16-bit PCM."""
LARGEST = 1e30
"""For a scale or an offset: what is made of them is finite in float32."""
_STEPS = 32767


def encode(values: np.ndarray, name: str) -> tuple[Quantised, bytes]:
    """(N, 3) vertices or (N,) sound as `name`. Raises WireError for what it cannot hold."""
    if name not in CODES:
        raise WireError(f"numbers travel as {', '.join(CODES)}, not as {name!r}")
    if name == "float32":
        return PLAIN, np.ascontiguousarray(values, "<f4").tobytes()
    reach = float(np.abs(values).max(initial=0))
    if not reach <= (65504.0 if name == "float16" else LARGEST):
        raise WireError(f"{reach:g} does not fit into {name}; send float32")
    if name == "float16":
        return PLAIN, np.ascontiguousarray(values, "<f2").tobytes()
    quantised = _box(values) if values.ndim == 2 else PCM
    scale, *offset = quantised
    steps = (np.asarray(values, np.float64) - _offset(values, offset)) / (scale or 1.0)
    return quantised, np.clip(np.rint(steps), -32768, 32767).astype("<i2").tobytes()


def _box(vertices: np.ndarray) -> Quantised:
    """The finest scale that holds (V, 3) vertices: a head of 25 cm has steps of 4 micrometres."""
    if not len(vertices):
        return PLAIN
    low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
    offset = ((low + high) / 2).astype(np.float32)
    reach = max(np.abs(low - offset).max(), np.abs(high - offset).max())
    return float(np.float32(reach / _STEPS)), *map(float, offset)


def decode(body: memoryview, code: int, quantised: Quantised, axes: int) -> np.ndarray:
    """(N,) or (N, 3) float32; a view of `body` where they are float32 already. Raises WireError."""
    if code not in TYPES:
        raise WireError(f"numbers of unknown type {code}")
    values = np.frombuffer(body, TYPES[code])
    values = values if axes == 1 else values.reshape(-1, axes)
    if NAMES[code] != "int16":
        return values if NAMES[code] == "float32" else values.astype(np.float32)
    scale, *offset = quantised
    if not (0 <= scale <= LARGEST and all(abs(value) <= LARGEST for value in offset)):
        raise WireError(f"int16 numbers of scale {scale} and offset {offset}")
    return (_offset(values, offset) + scale * values.astype(np.float64)).astype(np.float32)


def _offset(values: np.ndarray, offset: list[float]) -> np.ndarray:
    return np.array(offset if values.ndim == 2 else offset[0], np.float64)
