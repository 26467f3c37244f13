"""A take: what a live session heard, how it was set up and what it made, in a file that survives a kill.

The file is a row of records: `VXT1`, length (u32), CRC-32 (u32), then that many bytes. The first holds JSON, how the
session was set up; each other one what happened in about a second: items, each a letter and its fields, little-endian.

A  start (i64), captured_ns (i64), samples (u32), channels (u32), float32 samples: a chunk that the engine heard
F  index (i64), 16 bytes: a frame, as the BLAKE2b digest of its vertices (float32) and labels (int64)
V  index (i64), count (u32), float32 x, y, z: all vertices of that frame, so that a difference has a size; one a second
E  index (i64), length (u32), JSON {"name", "value"}: something changed before that frame: a style, a gain, a remark
Z  the session ended by itself: the engine was flushed

A record is written at once; what a kill, a full disk or a torn copy leaves is read up to the last whole one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from voxmesh.stream.audio_file import ignore
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk, Frame

MAGIC = b"VXT1"
RECORD = struct.Struct("<4sII")
CHUNK = struct.Struct("<qqII")
DIGEST = struct.Struct("<q16s")
SIZED = struct.Struct("<qI")
MAX_RECORD = 1 << 26
"""64 MiB: a second of 768 kHz stereo is a tenth of it; a length beyond is damage."""


@dataclass(frozen=True)
class Digest:
    """A frame as a take keeps it; vertices: (V, 3) float32 of one frame a second, else None."""

    index: int
    digest: bytes
    vertices: np.ndarray | None = None


@dataclass(frozen=True)
class Change:
    """What changed before frame `index`: name and a value that JSON holds."""

    index: int
    name: str
    value: Any


@dataclass(frozen=True)
class End:
    """The session ended by itself."""


def digest(frame: Frame) -> bytes:
    """16 bytes that differ when a bit of the frame's vertices or labels does."""
    state = hashlib.blake2b(np.ascontiguousarray(frame.vertices, "<f4").data, digest_size=16)
    state.update(np.ascontiguousarray(frame.labels, "<i8").data)
    return state.digest()


class TakeWriter:
    """A Sink that writes a take. settings: what it takes to make the engine again; JSON holds it. rate: of the sound.

    Raises VoxmeshError when the file cannot be made. Where the disk is full it says so once, and stops.
    """

    def __init__(self, path: Path, rate: int, settings: dict[str, Any], warn: Callable[[str], None] = ignore) -> None:
        self._path, self._rate, self._warn = path, rate, warn
        self._items = bytearray()
        self._begun = 0  # sample at which the record in the making begins
        self._whole = True  # the next frame is kept with its vertices
        self._file: BinaryIO | None = None
        try:
            self._file = path.open("wb", buffering=0)
            self._write(json.dumps({"rate": rate, **settings}).encode())
        except OSError as error:
            raise VoxmeshError(f"cannot write the take {path}: {error.strerror or error}") from error

    def heard(self, chunk: AudioChunk) -> None:
        if chunk.start - self._begun >= self._rate:
            self._flush()
            self._begun, self._whole = chunk.start, True
        samples = np.ascontiguousarray(chunk.samples, "<f4")
        channels = 0 if samples.ndim == 1 else samples.shape[1]
        self._items += b"A" + CHUNK.pack(chunk.start, chunk.captured_ns, len(samples), channels) + samples.tobytes()

    def made(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._items += b"F" + DIGEST.pack(frame.index, digest(frame))
            if self._whole:
                vertices = np.ascontiguousarray(frame.vertices, "<f4")
                self._items += b"V" + SIZED.pack(frame.index, len(vertices)) + vertices.tobytes()
            self._whole = False

    def change(self, index: int, name: str, value: Any) -> None:
        """Something changes now, before frame `index` of the engine is made. value: what JSON holds."""
        text = json.dumps({"name": name, "value": value}).encode()
        self._items += b"E" + SIZED.pack(index, len(text)) + text

    def end(self) -> None:
        """The engine was flushed, and its last frames `made`."""
        self._items += b"Z"

    def close(self) -> None:
        self._flush()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _flush(self) -> None:
        items, self._items = bytes(self._items), bytearray()
        if not items or self._file is None:
            return
        try:
            self._write(items)
        except OSError as error:
            self._warn(f"cannot go on with the take {self._path}: {error.strerror or error}")
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _write(self, payload: bytes) -> None:
        assert self._file is not None
        data = RECORD.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload
        if self._file.write(data) != len(data):
            raise OSError(None, "the disk is full")


class Take:
    """A take to be read. settings: as it was made with. torn: bytes at the end that are no whole record.

    Raises VoxmeshError when the file is missing or is no take.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = 0
        try:
            self._data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
        except OSError as error:
            raise VoxmeshError(f"cannot read the take {path}: {error.strerror or error}") from error
        first = next(self._records(), None)
        if first is None:
            raise VoxmeshError(f"{path} is no take: `voxmesh record TAKE` makes one")
        try:
            self.settings: dict[str, Any] = json.loads(first)
            self.rate = int(self.settings.pop("rate"))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise VoxmeshError(f"{path} does not say how it was made: it is damaged") from error

    def __iter__(self) -> Iterator[AudioChunk | Digest | Change | End]:
        """What happened, in order. Raises VoxmeshError for a record that is whole and cannot be understood."""
        records = self._records()
        next(records)
        for record in records:
            try:
                yield from _items(record)
            except (struct.error, ValueError, KeyError) as error:
                raise VoxmeshError(f"{self.path} was written by a newer voxmesh, or not by it: update") from error

    def _records(self) -> Iterator[bytes]:
        at, size = 0, len(self._data)
        while at + RECORD.size <= size:
            magic, length, check = RECORD.unpack(self._data[at : at + RECORD.size].tobytes())
            payload = self._data[at + RECORD.size : at + RECORD.size + min(length, MAX_RECORD)].tobytes()
            if magic != MAGIC or len(payload) != length or zlib.crc32(payload) != check:
                break
            yield payload
            at += RECORD.size + length
        self.torn = size - at


def _items(record: bytes) -> Iterator[AudioChunk | Digest | Change | End]:
    at = 0

    def take(layout: struct.Struct) -> tuple[Any, ...]:
        nonlocal at
        at += layout.size
        return layout.unpack_from(record, at - layout.size)

    def numbers(count: int) -> np.ndarray:
        nonlocal at
        at += 4 * count
        return np.frombuffer(record, "<f4", count, at - 4 * count)

    waiting: Digest | None = None
    while at < len(record):
        kind = record[at : at + 1]
        at += 1
        if kind == b"V":
            index, count = take(SIZED)
            assert waiting is not None
            yield Digest(index, waiting.digest, numbers(3 * count).reshape(count, 3))
            waiting = None
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        if kind == b"A":
            start, captured_ns, count, channels = take(CHUNK)
            samples = numbers(count * max(1, channels))
            yield AudioChunk(samples.reshape(count, channels) if channels else samples, start, captured_ns)
        elif kind == b"F":
            waiting = Digest(*take(DIGEST))
        elif kind == b"E":
            index, length = take(SIZED)
            change = json.loads(record[at : at + length])
            at += length
            yield Change(index, change["name"], change["value"])
        elif kind == b"Z":
            yield End()
        else:
            raise ValueError(f"item {kind!r}")
    if waiting is not None:
        yield waiting
