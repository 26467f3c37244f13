"""The microphone, through PortAudio: a callback, a bounded queue that counts what it drops, absolute sample indices."""

from __future__ import annotations

import atexit
import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from voxmesh.stream.audio_file import ignore
from voxmesh.stream.cadence import Cadence
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.portaudio import portaudio, reason
from voxmesh.stream.resample import Resampler
from voxmesh.stream.types import AudioChunk

CHUNKS_PER_S = 100
MAX_AGE_NS = 5_000_000_000
"""Sound older than this has not been kept by any device: such a time is nonsense."""
QUEUE_CHUNKS = 200
"""2 s: what an engine that is held up may fall behind before sound is dropped."""
WAIT_S = 0.1
QUIET_S = 0.5
"""No sound for so long is heard as silence; hiccups of radio links are shorter."""
SILENCE_S = 0.01
"""How often silence goes on: the length of a block of sound."""
PATIENCE_S = 2.0
"""A device that is open and quiet is opened again after this: Bluetooth ones take a second to begin."""
REOPEN_S = 0.4
"""How often one that has gone is looked for."""
CLOSE_S = 0.2


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


@dataclass(frozen=True)
class Block:
    """What one call of the callback brought. missed: samples that all calls before it found no room for."""

    samples: np.ndarray
    captured_ns: int
    age_ns: int
    overflow: bool
    missed: int


class Microphone:
    """An open microphone: a Source.

    wanted: index or part of the name, None for the default. rate: samples a second, None for the device's own. now_ns:
    the wall clock, for tests.
    dropped_samples: lost because the engine fell behind, because PortAudio lost them, or while the device was away.
    overflows: how often PortAudio said that it had lost sound itself (how much, capture times tell).
    While no sound comes, silence keeps the frames' cadence: from QUIET_S on, at the wall clock's pace. The device is
    looked for meanwhile in a thread of its own, where a device that hangs holds up nobody; a default microphone that
    has gone is replaced by what is the default then. One that comes back at another rate is resampled to `rate`.
    Raises VoxmeshError when there is no such microphone or it cannot be opened.
    """

    def __init__(
        self,
        wanted: str | None = None,
        rate: int | None = None,
        warn: Callable[[str], None] = ignore,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._sd = portaudio()
        self._wanted, self._warn, self._now_ns = wanted, warn, now_ns
        device = choose(devices(), wanted)
        self.name = device.name
        self.rate = rate or device.rate
        self.overflows = 0
        self._missed = 0  # the callback's own
        self._ignored = 0
        self._cadence = Cadence(self.rate)
        self._resampler: Resampler | None = None
        self._queue: queue.Queue[Block] = queue.Queue(QUEUE_CHUNKS)
        self._closing = threading.Event()
        self._reopening: threading.Thread | None = None
        self._stream = self._open(device, self.rate)

    @property
    def dropped_samples(self) -> int:
        return self._cadence.lost + self._missed - self._ignored

    def _open(self, device: InputDevice, rate: int) -> Any:
        error: Exception | None = None
        for channels in dict.fromkeys((1, min(2, device.channels), device.channels)):
            try:
                stream = self._sd.InputStream(
                    samplerate=rate,
                    blocksize=max(1, rate // CHUNKS_PER_S),
                    device=device.index,
                    channels=channels,
                    dtype="float32",
                    latency="low",
                    callback=partial(self._callback, rate),
                )
                stream.start()
                return stream
            except (self._sd.PortAudioError, ValueError) as caught:
                error = caught
        raise VoxmeshError(f"cannot open microphone {device.name!r} at {rate} Hz: {reason(error)}") from error

    def _callback(self, rate: int, data: np.ndarray, frames: int, when: Any, flags: Any) -> None:
        """PortAudio's thread: copy, count, leave."""
        overflow = bool(flags.input_overflow)
        self.overflows += overflow
        age_ns = capture_age_ns(when.currentTime, when.inputBufferAdcTime, frames, rate)
        try:
            self._queue.put_nowait(Block(data.copy(), self._now_ns() - age_ns, age_ns, overflow, self._missed))
        except queue.Full:
            self._missed += frames * self.rate // rate

    def chunks(self) -> Iterator[AudioChunk | None]:
        """For ever, from now on: what came before is not heard, and not lost."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._ignored = self._missed
        return self._chunks()

    def _chunks(self) -> Iterator[AudioChunk | None]:
        # Time that was waited in vain, not time that passed: while this process was stopped nobody listened.
        quiet_s = looked_s = 0.0
        silent = age_ns = 0
        missed = self._ignored
        while True:
            asked = time.monotonic()
            try:
                block = self._queue.get(timeout=SILENCE_S if silent else WAIT_S)
            except queue.Empty:
                quiet_s += min(time.monotonic() - asked, WAIT_S)
                if quiet_s < QUIET_S:
                    yield None
                    continue
                if not silent:
                    self._warn(f"microphone {self.name!r} does not answer: silence until it is back")
                until_ns = self._now_ns() - age_ns
                count = self._cadence.silence(until_ns)
                silent += count
                captured_ns = until_ns - count * 1_000_000_000 // self.rate
                yield AudioChunk(np.zeros(count, np.float32), self._cadence.next - count, captured_ns)
                if quiet_s - looked_s >= self._patience_s():
                    looked_s = quiet_s
                    self._reopening = threading.Thread(target=self._reopen, daemon=True)
                    self._reopening.start()
                continue
            samples = block.samples if self._resampler is None else self._resampler.push(block.samples)
            missing, missed, age_ns = block.missed - missed, block.missed, block.age_ns
            start = self._cadence.place(len(samples), block.captured_ns, missing, block.overflow)
            if start is None:
                continue
            if silent:
                self._warn(f"microphone {self.name!r} is back after {silent / self.rate:.1f} s")
            quiet_s = looked_s = 0.0
            silent = 0
            yield AudioChunk(samples, start, block.captured_ns)

    def _patience_s(self) -> float:
        """How long a silent device is left alone: for ever while it is being opened."""
        if self._reopening is not None and self._reopening.is_alive():
            return math.inf
        return PATIENCE_S if self._stream is not None and self._stream.active else REOPEN_S

    def _reopen(self) -> None:
        """A thread's work: until the device is there."""
        while not self._closing.is_set():
            self._close_stream()
            try:
                # PortAudio lists devices once: only a restart sees what was plugged in.
                self._sd._terminate()
                self._sd._initialize()
                device = self._present()
                try:
                    self._stream = self._open(device, self.rate)
                    self._resampler = None
                except VoxmeshError:
                    if device.rate == self.rate:
                        raise
                    self._resampler = Resampler(device.rate, self.rate)
                    self._stream = self._open(device, device.rate)
                self.name = device.name
                return
            except (VoxmeshError, self._sd.PortAudioError):
                self._closing.wait(REOPEN_S)

    def _present(self) -> InputDevice:
        """The device that was open, or what is the default now if the user wished for none."""
        present = devices()
        try:
            return choose(present, self.name)
        except VoxmeshError:
            if self._wanted is not None:
                raise
            return choose(present, None)

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(self._sd.PortAudioError):
                stream.close(ignore_errors=True)

    def _shut(self) -> None:
        if self._reopening is not None:
            self._reopening.join()
        self._close_stream()

    def close(self) -> None:
        """Waits for a device that hangs for CLOSE_S at most."""
        self._closing.set()
        closing = threading.Thread(target=self._shut, daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            # At the end of the process sounddevice would wait for it too, for ever.
            atexit.unregister(self._sd._exit_handler)


def capture_age_ns(now_s: float, adc_s: float, frames: int, rate: int) -> int:
    """How long ago the first of `frames` samples entered the microphone, by the stream's own clock.

    Hosts that do not tell (0, or a time that cannot be) get the least it can be: the length of the block.
    """
    block_ns = frames * 1_000_000_000 // rate
    age_ns = int((now_s - adc_s) * 1e9)
    return age_ns if adc_s > 0 and block_ns <= age_ns < MAX_AGE_NS else block_ns
