"""What a glTF player makes of a .glb: accessors as arrays, and the face at an instant of its animation."""

from __future__ import annotations

from typing import Any

import numpy as np

DTYPES = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


def read(document: Any, index: int) -> np.ndarray:
    """An accessor's values (N, k), sparse ones filled in, as glTF 2.0 section 3.6 has it."""
    accessor, blob = document.accessors[index], document.binary_blob()

    def take(view: int, kind: int, count: int, width: int) -> np.ndarray:
        start = document.bufferViews[view].byteOffset or 0
        assert start % 4 == 0 and count * width * DTYPES[kind]().nbytes == document.bufferViews[view].byteLength
        return np.frombuffer(blob, DTYPES[kind], count * width, start).reshape(count, width)

    width = WIDTHS[accessor.type]
    if accessor.sparse is None:
        return take(accessor.bufferView, accessor.componentType, accessor.count, width)
    values = np.zeros((accessor.count, width), np.float32)
    sparse = accessor.sparse
    rows = take(sparse.indices.bufferView, sparse.indices.componentType, sparse.count, 1)[:, 0]
    assert (np.diff(rows.astype(int)) > 0).all() and sparse.count >= 1
    values[rows] = take(sparse.values.bufferView, accessor.componentType, sparse.count, width)
    np.testing.assert_allclose(accessor.min, values.min(0), atol=1e-7)
    np.testing.assert_allclose(accessor.max, values.max(0), atol=1e-7)
    return values


def played(document: Any, instant_s: float) -> np.ndarray:
    """(V, 3): positions + targets times the animation's weights, linear between its times (glTF 2.0, 3.7.2.2, 3.11)."""
    primitive, sampler = document.meshes[0].primitives[0], document.animations[0].samplers[0]
    targets = np.stack([read(document, target["POSITION"]) for target in primitive.targets])
    times, weights = read(document, sampler.input)[:, 0], read(document, sampler.output).reshape(-1, len(targets))
    weights_then = [np.interp(instant_s, times, column) for column in weights.T]
    return read(document, primitive.attributes.POSITION) + np.einsum("s,svc->vc", weights_then, targets)
