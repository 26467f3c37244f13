"""The live loop: source -> engine -> publisher, with telemetry beside it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import numpy as np
import soundfile

from voxmesh.stream.audio_file import ignore
from voxmesh.stream.control import Control
from voxmesh.stream.depicted_sound import DepictedSound
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.freshness import Freshness
from voxmesh.stream.publish import Publisher
from voxmesh.stream.telemetry import Snapshot, Telemetry
from voxmesh.stream.types import AudioChunk, Frame


class Source(Protocol):
    """Where audio comes from: a microphone, or a file at the pace of one.

    rate: samples a second. dropped_samples: how many were lost before they got here. overflows: how often the device
    itself lost some.
    """

    name: str
    rate: int
    dropped_samples: int
    overflows: int

    def chunks(self) -> Iterator[AudioChunk | None]:
        """Chunks as they come; None at least every 100 ms when there is none, so that the loop can look around."""

    def close(self) -> None: ...


class Sink(Protocol):
    """What a session is written to. What cannot be written is its own affair: the face goes on."""

    def heard(self, chunk: AudioChunk) -> None:
        """Called with each chunk before the engine hears it."""

    def made(self, frames: list[Frame]) -> None:
        """Called with the frames that came of it, those that are too late to be published among them."""

    def change(self, index: int, name: str, value: Any) -> None:
        """Called when something changes before the engine's frame `index` is made; value: what JSON holds."""


def run(
    source: Source,
    engine: Engine,
    publisher: Publisher,
    *,
    stop: Event,
    wait_s: float = 0.0,
    samples: int | None = None,
    sinks: Sequence[Sink] = (),
    control: Control | None = None,
    weigh: Callable[[Frame], np.ndarray] | None = None,
    sound_type: str | None = None,
    also: Callable[[Frame], None] = lambda frame: None,
    status: Callable[[Snapshot], None] = lambda snapshot: None,
    status_s: float = 1.0,
    stale_ms: float = math.inf,
    now_ns: Callable[[], int] = time.monotonic_ns,
) -> Snapshot:
    """Publish frames until the source ends, `stop` is set or `samples` have been heard; then the last frames too.

    wait_s: how long to wait for a first viewer before beginning. sinks: written to beside it. control: answered between
    chunks; it is given the request `status`. weigh: (52,) blendshape weights of a frame, published with it. sound_type:
    publish the sound that frames depict too, as this type. also: given each frame once it is published; must not block.
    status: called every status_s seconds. stale_ms: frames that are later than this are skipped, and their
    sound (`Freshness`). now_ns: the clock of captured_ns, for tests.
    Returns the final numbers.
    """
    telemetry = Telemetry(source.rate)
    freshness = Freshness(stale_ms)
    sound = None if sound_type is None else DepictedSound(engine.clock)
    skipped: set[int] = set()  # frames whose sound is still to come

    def send(frames: list[Frame], last: bool = False) -> None:
        for sink in sinks:
            sink.made(frames)
        for frame in frames:
            if not freshness.shows(frame.captured_ns, now_ns()):
                skipped.add(frame.index)
                continue
            published_ns = publisher.publish(frame) if weigh is None else publisher.publish(frame, weigh(frame))
            telemetry.published(frame.captured_ns, published_ns)
            also(frame)
        if sound is not None and sound_type is not None:
            for block in sound.push(engine.heard, frames) + (sound.flush() if last else []):
                if block.index not in skipped:
                    publisher.publish_sound(block, sound_type)
                skipped.discard(block.index)
        else:
            skipped.clear()

    def numbers(anew: bool = True) -> Snapshot:
        return telemetry.snapshot(
            overruns=publisher.overruns,
            dropped_samples=max(source.dropped_samples, engine.lost_samples),
            viewers=publisher.viewers,
            skipped=freshness.skipped + engine.passed_frames,
            xruns=source.overflows,
            replaced_samples=engine.replaced_samples,
            anew=anew,
        )

    def poll() -> None:
        publisher.poll()
        if control is not None:
            control.poll()

    if control is not None:
        control.add("status", lambda value: numbers(anew=False).figures())
    poll()
    patience = time.monotonic() + wait_s
    while publisher.viewers == 0 and time.monotonic() < patience and not stop.wait(0.02):
        poll()
    due = time.monotonic() + status_s
    for chunk in () if stop.is_set() else limited(source.chunks(), samples):
        poll()
        if chunk is not None:
            passing = freshness.passes(chunk.captured_ns, now_ns())
            if passing != engine.passing:
                engine.passing = passing
                for sink in sinks:
                    sink.change(engine.next_frame, "passing", passing)
            for sink in sinks:
                sink.heard(chunk)
            telemetry.heard(chunk.samples, chunk.start)
            began = time.perf_counter_ns()
            frames = engine.push(chunk)
            telemetry.made(len(frames), time.perf_counter_ns() - began)
            send(frames)
        if time.monotonic() >= due:
            due = time.monotonic() + status_s
            status(numbers())
        if stop.is_set():
            break
    send(engine.flush(), last=True)
    return numbers()


def limited(chunks: Iterator[AudioChunk | None], samples: int | None) -> Iterator[AudioChunk | None]:
    """The chunks up to absolute sample `samples`, cut exactly there; all of them when None."""
    for chunk in chunks:
        if chunk is None or samples is None:
            yield chunk
            continue
        # A chunk that begins beyond, after lost sound, is cut to nothing at the end: what is lost up to there counts.
        keep = max(0, samples - chunk.start)
        yield AudioChunk(chunk.samples[:keep], min(chunk.start, samples), chunk.captured_ns)
        if keep <= len(chunk.samples):
            return


class Recorder:
    """Writes what the engine hears to a float32 .wav, to the bit: gaps as the silence that the engine puts there.

    A Sink. Where the disk is full it says so once, and stops. A recording keeps the channels that it began with.
    """

    def __init__(self, path: Path, rate: int, warn: Callable[[str], None] = ignore) -> None:
        if path.suffix.lower() != ".wav":
            raise VoxmeshError(f"cannot record to {path}: end it in .wav")
        self._path, self._rate, self._warn = path, rate, warn
        self._file: soundfile.SoundFile | None = None
        self._position = 0
        try:
            self._file = self._open(1)
        except OSError as error:
            raise VoxmeshError(f"cannot record to {path}: {error}") from error

    def _open(self, channels: int) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(str(self._path), "w", self._rate, channels, subtype="FLOAT")
        except soundfile.LibsndfileError as error:
            raise OSError(error.error_string) from error

    def heard(self, chunk: AudioChunk) -> None:
        if self._file is None:
            return
        try:
            self._write(self._file, chunk)
        except (soundfile.LibsndfileError, OSError) as error:
            self._warn(f"cannot go on recording to {self._path}: {error}")
            self.close()

    def _write(self, file: soundfile.SoundFile, chunk: AudioChunk) -> None:
        samples = chunk.samples.reshape(len(chunk.samples), -1)
        if samples.shape[1] != file.channels and self._position == 0:
            file.close()
            self._file = file = self._open(samples.shape[1])
        if samples.shape[1] != file.channels:
            samples = np.repeat(samples.mean(axis=1, keepdims=True), file.channels, axis=1)
        gap = chunk.start - self._position
        if gap > 0:
            file.write(np.zeros((gap, file.channels), np.float32))
        file.write(samples[max(0, -gap) :])
        self._position = max(self._position, chunk.start + len(samples))

    def made(self, frames: list[Frame]) -> None:
        """Frames are not its business."""

    def change(self, index: int, name: str, value: Any) -> None:
        """Nor are changes."""

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(soundfile.LibsndfileError, OSError):
                file.close()
