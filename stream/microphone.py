"""The microphone, through PortAudio: a callback, a bounded queue that counts what it drops, absolute sample indices."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxmesh.stream.audio_file import ignore
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.portaudio import portaudio, reason
from voxmesh.stream.types import AudioChunk

CHUNKS_PER_S = 100
QUEUE_CHUNKS = 200
"""2 s: what an engine that is held up may fall behind before sound is dropped."""
LOST_AFTER_S = 2.0
"""Some devices, Bluetooth ones above all, take a second to begin."""


@dataclass(frozen=True)
class InputDevice:
    """A microphone as PortAudio names it."""

    index: int
    name: str
    host: str
    channels: int
    rate: int
    default: bool


def devices() -> list[InputDevice]:
    """All microphones. Raises VoxmeshError when PortAudio is not installed or does not answer."""
    sd = portaudio()
    try:
        hosts = [host["name"] for host in sd.query_hostapis()]
        default = sd.default.device[0]
        found = list(sd.query_devices())
    except sd.PortAudioError as error:
        raise VoxmeshError(f"PortAudio does not list devices: {reason(error)}") from error
    return [
        InputDevice(
            i, d["name"], hosts[d["hostapi"]], d["max_input_channels"], int(d["default_samplerate"]), i == default
        )
        for i, d in enumerate(found)
        if d["max_input_channels"] > 0
    ]


def choose(present: list[InputDevice], wanted: str | None) -> InputDevice:
    """The device with index or name `wanted` (a part of the name will do), or the default one.

    Raises VoxmeshError when there is none, or more than one.
    """
    if not present:
        raise VoxmeshError("no microphone: plug one in, or speak from a file with --wav FILE")
    if wanted is None:
        return next((d for d in present if d.default), present[0])
    if wanted.isdigit():
        found = [d for d in present if d.index == int(wanted)]
    else:
        found = [d for d in present if wanted.lower() in d.name.lower()]
        found = [d for d in found if d.name.lower() == wanted.lower()] or found
        # The same microphone appears once a host API: take the API of the default microphone.
        hosts = {d.host for d in present if d.default}
        found = [d for d in found if d.host in hosts] or found
    if not found:
        raise VoxmeshError(f"no microphone {wanted!r}: `voxmesh devices` lists them")
    if len(found) > 1:
        names = ", ".join(f"{d.index} {d.name!r}" for d in found)
        raise VoxmeshError(f"{wanted!r} could be {names}: give the number")
    return found[0]


class Microphone:
    """An open microphone: a Source.

    wanted: index or part of the name, None for the default. rate: samples a second, None for the device's own.
    dropped_samples: lost because the engine fell behind, or while the device was away. overflows: how often PortAudio
    said that it had lost sound itself (it does not say how much).
    Raises VoxmeshError when there is no such microphone or it cannot be opened.
    """

    def __init__(
        self, wanted: str | None = None, rate: int | None = None, warn: Callable[[str], None] = ignore
    ) -> None:
        self._sd = portaudio()
        self._warn = warn
        device = choose(devices(), wanted)
        self.name = device.name
        self.rate = rate or device.rate
        self.dropped_samples = 0
        self.overflows = 0
        self._next = 0  # absolute index of the next sample; the callback's own while the stream is open
        self._queue: queue.Queue[AudioChunk] = queue.Queue(QUEUE_CHUNKS)
        self._stream = self._open(device)

    def _open(self, device: InputDevice) -> Any:
        error: Exception | None = None
        for channels in dict.fromkeys((1, min(2, device.channels), device.channels)):
            try:
                stream = self._sd.InputStream(
                    samplerate=self.rate,
                    blocksize=max(1, self.rate // CHUNKS_PER_S),
                    device=device.index,
                    channels=channels,
                    dtype="float32",
                    latency="low",
                    callback=self._callback,
                )
                stream.start()
                return stream
            except (self._sd.PortAudioError, ValueError) as caught:
                error = caught
        raise VoxmeshError(f"cannot open microphone {device.name!r} at {self.rate} Hz: {reason(error)}") from error

    def _callback(self, data: np.ndarray, frames: int, when: Any, flags: Any) -> None:
        """PortAudio's thread: copy, count, leave."""
        self.overflows += bool(flags.input_overflow)
        captured = time.monotonic_ns() - capture_age_ns(when.currentTime, when.inputBufferAdcTime, frames, self.rate)
        start, self._next = self._next, self._next + frames
        try:
            self._queue.put_nowait(AudioChunk(data.copy(), start, captured))
        except queue.Full:
            self.dropped_samples += frames

    def chunks(self) -> Iterator[AudioChunk | None]:
        """For ever. While the device is away silence keeps the frames' cadence, and every second it is looked for."""
        heard = time.monotonic()
        while True:
            try:
                yield self._queue.get(timeout=0.1)
                heard = time.monotonic()
            except queue.Empty:
                yield None
                if time.monotonic() - heard > LOST_AFTER_S:
                    yield from self._away(heard)
                    heard = time.monotonic()

    def _away(self, since: float) -> Iterator[AudioChunk | None]:
        """Silence at the wall clock's pace from `since` on, until the device is back."""
        self.close()
        self._warn(f"microphone {self.name!r} does not answer: silence until it is back")
        first, tried = self._next, since
        while True:
            now = time.monotonic()
            count = first + int((now - since) * self.rate) - self._next
            if count > 0:
                self.dropped_samples += count
                start, self._next = self._next, self._next + count
                yield AudioChunk(np.zeros(count, np.float32), start, time.monotonic_ns() - count * 10**9 // self.rate)
            if now - tried >= 1.0:
                tried = now
                try:
                    # PortAudio lists devices once: only a restart sees what was plugged in.
                    self._sd._terminate()
                    self._sd._initialize()
                    self._stream = self._open(choose(devices(), self.name))
                    self._warn(f"microphone {self.name!r} is back after {now - since:.1f} s")
                    return
                except (VoxmeshError, self._sd.PortAudioError):
                    pass
            time.sleep(0.02)

    def close(self) -> None:
        with contextlib.suppress(self._sd.PortAudioError):
            self._stream.close(ignore_errors=True)


def capture_age_ns(now_s: float, adc_s: float, frames: int, rate: int) -> int:
    """How long ago the first of `frames` samples entered the microphone, by the stream's own clock.

    Hosts that do not tell (0, or a time that cannot be) get the least it can be: the length of the block.
    """
    block_ns = frames * 1_000_000_000 // rate
    age_ns = int((now_s - adc_s) * 1e9)
    return age_ns if adc_s > 0 and block_ns <= age_ns < 1_000_000_000 else block_ns
