"""Arrays from a .npz that somebody else wrote: its size is known before anything is unpacked, and nothing is run."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

MAX_BYTES = 1 << 30
DAMAGED = (
    ValueError,
    KeyError,
    EOFError,
    OSError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What `read_npz` raises, through zipfile and NumPy, for a file that is no .npz or is damaged."""


def read_npz(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """Its arrays by name. Raises one of DAMAGED, also for more than max_bytes and for arrays of Python objects."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if size > max_bytes:
            raise ValueError(f"{size / 2**20:.0f} MiB of arrays, voxmesh reads up to {max_bytes >> 20}")
        arrays = {}
        for member in members:
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version != (1, 0):
                    raise ValueError(f"{member.filename} is an array of format {version}")
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                data = file.read(member.file_size)
            count = int(np.prod(shape, dtype=object)) if shape else 1
            if dtype.hasobject or count * dtype.itemsize != len(data):
                raise ValueError(f"{member.filename} has shape {shape} of {dtype} in {len(data)} bytes")
            array = np.frombuffer(data, dtype, count)
            arrays[member.filename.removesuffix(".npy")] = array.reshape(shape, order="F" if fortran else "C")
    return arrays
