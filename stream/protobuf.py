"""Protocol Buffers' encoding, read without a schema: enough to look into an ONNX file before anything else does.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_INTEGERS_BYTES = 1 << 20
"""Of a repeated field's: weights come as raw bytes."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(field number, wire type, value) in order: an int of a varint, else a view of its bytes.

    Raises ValueError where `data` is no whole message.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"a field of unknown kind {kind}")
        if size > end - at:
            raise ValueError(f"a field of {size} bytes where {end - at} are left")
        yield number, kind, data[at : at + size]
        at += size


def integers(kind: int, value: int | memoryview) -> list[int]:
    """A repeated integer field's values, packed or not."""
    if isinstance(value, int):
        return [value]
    if kind != BYTES or len(value) > MAX_INTEGERS_BYTES:
        raise ValueError(f"{len(value)} bytes of integers of kind {kind}")
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(number)
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    if at < len(data) and (value := data[at]) < 128:
        return value, at + 1  # most are so short
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise ValueError("a number without an end")
