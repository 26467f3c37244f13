"""Other people's pickles, read without running what is in them.

A pickle is a program: it may call anything that Python can import. Here it gets none of Python's names, only the few
below, all our own; whatever else it asks for is refused, and nothing of it has run. What comes out are NumPy arrays of
numbers or text, plain containers, numbers and strings. Large arrays stay in the file: they are memory-mapped.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.model.datasets.dataset import BadFile

_MAPPED_BYTES = 1 << 16
"""What is at least so long stays in the file."""
_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_BUFFER_MODULES = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("builtins", "__builtin__")
_DAMAGED = (
    pickle.UnpicklingError,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


def read_pickle(path: Path) -> Any:
    """The arrays, containers, numbers and strings in `path`, as Python 2 or 3 pickled them.

    Raises BadFile naming the file, and the class where one is refused, or when the file is missing or damaged.
    """
    try:
        memory = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise BadFile(path, f"cannot be read ({error})") from error
    try:
        return _finish(_Reader(path, memory).load(), {})
    except _DAMAGED as error:
        raise BadFile(path, f"is no whole pickle ({type(error).__name__}: {error}); fetch it again") from error


class _Mapped:
    """A file to the unpickler: short reads are bytes, long ones views of the memory map."""

    def __init__(self, memory: np.ndarray) -> None:
        self._view, self._at = memoryview(memory), 0

    def read(self, count: int) -> bytes | memoryview:
        if count < 0 or self._at + count > len(self._view):
            raise EOFError(f"{count} bytes wanted, {len(self._view) - self._at} left")
        piece = self._view[self._at : self._at + count]
        self._at += count
        return piece if count >= _MAPPED_BYTES else bytes(piece)

    def readline(self) -> bytes:
        start = end = self._at
        while end < len(self._view) and self._view[end] != 10:
            end += 1
        self._at = min(end + 1, len(self._view))
        return bytes(self._view[start : self._at])


class _Dtype:
    """A NumPy type in the making. Only numbers, booleans and text are admitted."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.numpy = path, np.dtype(text)
        if self.numpy.kind not in "biufcSU":
            raise BadFile(path, f"is refused: it holds an array of type {text!r}, not of numbers or text")

    def __setstate__(self, state: tuple) -> None:
        _, order, parts, names, *_ = state
        if parts is not None or names is not None:
            raise BadFile(self.path, "is refused: it holds an array of records, not of numbers or text")
        if order in ("<", ">"):
            self.numpy = self.numpy.newbyteorder(order)


class _Array:
    """An array in the making: made empty, then told its state, as NumPy's own are."""

    def __init__(self, path: Path) -> None:
        self.path, self.numpy = path, np.zeros(0)

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, fortran, raw = state
        self.fill(shape, kind, "F" if fortran else "C", raw)

    def fill(self, shape: tuple, kind: Any, order: str, raw: Any) -> None:
        if not isinstance(kind, _Dtype) or not isinstance(raw, str | bytes | bytearray | memoryview):
            raise BadFile(self.path, "is refused: it holds an array of objects, not of numbers or text")
        data = raw.encode("latin1") if isinstance(raw, str) else raw
        count = int(np.prod(shape, dtype=np.int64))
        self.numpy = np.frombuffer(data, kind.numpy, count).reshape(shape, order=order)


class _Reader(pickle._Unpickler):
    """Python's own unpickler, the one written in Python, because the other one copies every byte it reads."""

    def __init__(self, path: Path, memory: np.ndarray) -> None:
        super().__init__(_Mapped(memory), encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Ours by that name. Bound methods, because what a pickle sets on them is lost with them."""
        ours: dict[tuple[tuple[str, ...], str], Callable[..., Any]] = {
            (_ARRAY_MODULES, "_reconstruct"): self._empty,
            (_ARRAY_MODULES, "scalar"): self._scalar,
            (_BUFFER_MODULES, "_frombuffer"): self._from_buffer,
            (("numpy",), "ndarray"): self._never,
            (("numpy",), "dtype"): self._dtype,
            (("_codecs",), "encode"): self._bytes,
            (("collections",), "OrderedDict"): self._dict,
            (_BUILTINS, "set"): self._set,
            (_BUILTINS, "frozenset"): self._set,
        }
        for (modules, known), function in ours.items():
            if module in modules and name == known:
                return function
        what = f"{module}.{name}"
        raise BadFile(
            self._path, f"is refused: its pickle asks for {what}, and may hold only arrays, numbers and containers"
        )

    def get_extension(self, code: int) -> None:
        raise BadFile(self._path, f"is refused: its pickle asks for the registered class {code}")

    def _empty(self, *_: Any) -> _Array:
        return _Array(self._path)

    def _scalar(self, kind: _Dtype, raw: Any) -> Any:
        array = _Array(self._path)
        array.fill((1,), kind, "C", raw)
        return array.numpy[0].item()

    def _from_buffer(self, raw: Any, kind: _Dtype, shape: tuple, order: str) -> _Array:
        array = _Array(self._path)
        array.fill(shape, kind, order, raw)
        return array

    def _dtype(self, text: str, *_: Any) -> _Dtype:
        return _Dtype(self._path, str(text))

    def _bytes(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding not in ("latin1", "latin-1"):
            raise BadFile(self._path, f"is refused: its pickle asks for text in {encoding!r}")
        return text.encode("latin1")

    def _dict(self, items: Any = ()) -> dict:
        return dict(items)

    def _set(self, items: Any = ()) -> frozenset:
        return frozenset(items)

    def _never(self, *_: Any) -> None:
        raise TypeError("an array is not made by its class")

    def _decode_string(self, value: bytes | memoryview) -> str | memoryview:
        """Python 2's strings, which are its arrays' bodies too: long ones stay in the file."""
        return value if isinstance(value, memoryview) else value.decode("latin1")

    def _load_bytes8(self) -> None:
        (count,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(count))

    dispatch = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: _load_bytes8}  # noqa: RUF012


def _finish(value: Any, seen: dict[int, Any]) -> Any:
    """`value` with every array in the making replaced by the array; containers that are shared stay shared."""
    if isinstance(value, _Array):
        return value.numpy
    if isinstance(value, _Dtype):
        return str(value.numpy)
    if callable(value):
        raise TypeError("a name that was asked for and not used")
    if not isinstance(value, dict | list | tuple | frozenset):
        return value
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = value  # a container that holds itself ends here
    if isinstance(value, dict):
        out: Any = {_finish(key, seen): _finish(item, seen) for key, item in value.items()}
    else:
        out = type(value)(_finish(item, seen) for item in value)
    seen[id(value)] = out
    return out
