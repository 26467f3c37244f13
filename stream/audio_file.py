"""An audio file, read in blocks: any rate, any channel count, any format that libsndfile reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from voxmesh.stream.errors import VoxmeshError

BLOCK_SAMPLES = 1 << 15
SALVAGE_SAMPLES = 64


def ignore(message: str) -> None:
    """The `warn` of callers who do not want to know."""


class AudioFile:
    """An open audio file.

    rate: samples a second. channels. samples: how many the header promises; a damaged file holds fewer.
    warn: called with one line when the file ends before its header says.
    Raises VoxmeshError when the file is missing, is not audio or holds no samples.
    """

    def __init__(self, path: str | Path, warn: Callable[[str], None] = ignore) -> None:
        self.path = Path(path)
        self._warn = warn
        if not self.path.is_file():
            raise VoxmeshError(f"{self.path}: {'is a folder' if self.path.is_dir() else 'no such file'}")
        if self.path.stat().st_size == 0:
            raise VoxmeshError(f"{self.path} is empty: 0 bytes")
        try:
            self._file = soundfile.SoundFile(str(self.path))
        except (soundfile.LibsndfileError, TypeError, OSError) as error:
            # TypeError: soundfile takes .raw for headerless audio and asks for its rate.
            reason = getattr(error, "error_string", None) or "a rate and format are not known"
            raise VoxmeshError(f"{self.path} is not an audio file that libsndfile reads: {reason}") from error
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.samples: int = self._file.frames
        self._position = 0
        self._warned = False
        if self.samples == 0:
            self._file.close()
            raise VoxmeshError(f"{self.path} holds no samples")
        if _shorter_than_header(self._file.extra_info):
            self._truncated()

    def read(self, count: int) -> np.ndarray:
        """(n, channels) float32, n <= count; n = 0 at the end. A file damaged half-way ends there, with a warning."""
        try:
            block = self._file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            self._truncated(str(getattr(error, "error_string", error)))
            block = self._salvage(count)
        self._position += len(block)
        if len(block) < count and self._position < self.samples:
            self._truncated()
        return block

    def blocks(self, count: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """(n, channels) float32 blocks to the end. Raises VoxmeshError when not even one sample could be read."""
        while len(block := self.read(count)):
            yield block
        if self._position == 0:
            raise VoxmeshError(f"{self.path} holds no samples that can be read: the file is damaged")

    def _salvage(self, count: int) -> np.ndarray:
        """What can be read of a block that cannot be read whole: soundfile throws away what came before the error."""
        pieces: list[np.ndarray] = []
        try:
            with soundfile.SoundFile(str(self.path)) as again:
                # Read, not seek: a damaged FLAC cannot be sought in.
                skipped = 0
                while skipped < self._position:
                    skipped += len(again.read(min(BLOCK_SAMPLES, self._position - skipped)))
                while (left := count - sum(map(len, pieces))) > 0:
                    piece = again.read(min(left, SALVAGE_SAMPLES), dtype="float32", always_2d=True)
                    if not len(piece):
                        break
                    pieces.append(piece)
        except soundfile.LibsndfileError:
            pass
        return np.concatenate([np.zeros((0, self.channels), np.float32), *pieces])

    def rewind(self) -> None:
        self._file.seek(0)
        self._position = 0

    def _truncated(self, reason: str = "") -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"{self.path} is truncated{f' ({reason})' if reason else ''}: using the samples that are there")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _shorter_than_header(log: str) -> bool:
    """Does libsndfile's log say `data : 16044 (should be 1000)`, and was 16044 a size, not a streamer's placeholder?"""
    for declared, real in re.findall(r"^\s*data\s*:\s*(0x[0-9a-fA-F]+|\d+)\s*\(should be (\d+)\)", log, re.MULTILINE):
        size = int(declared, 0)
        if size > int(real) and size < 0x7FFF0000:
            return True
    return False
