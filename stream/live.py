"""The live loop: source -> engine -> publisher, with telemetry beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Protocol

import numpy as np
import soundfile

from voxmesh.stream.control import Control
from voxmesh.stream.depicted_sound import DepictedSound
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.publish import Publisher
from voxmesh.stream.telemetry import Snapshot, Telemetry
from voxmesh.stream.types import AudioChunk, Frame


class Source(Protocol):
    """Where audio comes from: a microphone, or a file at the pace of one.

    rate: samples a second. dropped_samples: how many were lost before they got here.
    """

    name: str
    rate: int
    dropped_samples: int

    def chunks(self) -> Iterator[AudioChunk | None]:
        """Chunks as they come; None at least every 100 ms when there is none, so that the loop can look around."""

    def close(self) -> None: ...


def run(
    source: Source,
    engine: Engine,
    publisher: Publisher,
    *,
    stop: Event,
    wait_s: float = 0.0,
    samples: int | None = None,
    recorder: Recorder | None = None,
    control: Control | None = None,
    weigh: Callable[[Frame], np.ndarray] | None = None,
    sound_type: str | None = None,
    also: Callable[[Frame], None] = lambda frame: None,
    status: Callable[[Snapshot], None] = lambda snapshot: None,
    status_s: float = 1.0,
) -> Snapshot:
    """Publish frames until the source ends, `stop` is set or `samples` have been heard; then the last frames too.

    wait_s: how long to wait for a first viewer before beginning. control: answered between chunks; it is given the
    request `status`. weigh: (52,) blendshape weights of a frame, published
    with it. sound_type: publish the sound that frames depict too, as this type. also: given each frame once it is
    published; must not block. status: called every status_s seconds.
    Returns the final numbers.
    """
    telemetry = Telemetry(source.rate)
    sound = None if sound_type is None else DepictedSound(engine.clock)

    def send(frames: list[Frame], last: bool = False) -> None:
        for frame in frames:
            published_ns = publisher.publish(frame) if weigh is None else publisher.publish(frame, weigh(frame))
            telemetry.published(frame.captured_ns, published_ns)
            also(frame)
        if sound is not None and sound_type is not None:
            for block in sound.push(engine.heard, frames) + (sound.flush() if last else []):
                publisher.publish_sound(block, sound_type)

    def numbers(anew: bool = True) -> Snapshot:
        dropped = max(source.dropped_samples, engine.lost_samples)
        return telemetry.snapshot(publisher.overruns, dropped, publisher.viewers, anew=anew)

    def poll() -> None:
        publisher.poll()
        if control is not None:
            control.poll()

    if control is not None:
        control.add("status", lambda value: asdict(numbers(anew=False)))
    poll()
    patience = time.monotonic() + wait_s
    while publisher.viewers == 0 and time.monotonic() < patience and not stop.wait(0.02):
        poll()
    due = time.monotonic() + status_s
    for chunk in () if stop.is_set() else limited(source.chunks(), samples):
        poll()
        if chunk is not None:
            if recorder is not None:
                recorder.write(chunk)
            telemetry.heard(chunk.samples)
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
        keep = samples - chunk.start
        if keep > 0:
            yield AudioChunk(chunk.samples[:keep], chunk.start, chunk.captured_ns)
        if keep <= len(chunk.samples):
            return


class Recorder:
    """Writes what the engine hears to a float32 .wav, to the bit: gaps as the silence that the engine puts there."""

    def __init__(self, path: Path, rate: int) -> None:
        if path.suffix.lower() != ".wav":
            raise VoxmeshError(f"cannot record to {path}: end it in .wav")
        self._path, self._rate = path, rate
        self._file: soundfile.SoundFile | None = None
        self._position = 0
        self._open(1)

    def _open(self, channels: int) -> None:
        try:
            self._file = soundfile.SoundFile(str(self._path), "w", self._rate, channels, subtype="FLOAT")
        except (soundfile.LibsndfileError, OSError) as error:
            raise VoxmeshError(f"cannot record to {self._path}: {getattr(error, 'error_string', error)}") from error

    def write(self, chunk: AudioChunk) -> None:
        assert self._file is not None
        channels = 1 if chunk.samples.ndim == 1 else chunk.samples.shape[1]
        if channels != self._file.channels:
            self.close()
            self._open(channels)
        gap = chunk.start - self._position
        try:
            if gap > 0:
                self._file.write(np.zeros((gap, *chunk.samples.shape[1:]), np.float32))
            self._file.write(chunk.samples[max(0, -gap) :])
        except (soundfile.LibsndfileError, OSError) as error:
            raise VoxmeshError(f"cannot go on recording to {self._path}: {error}") from error
        self._position = max(self._position, chunk.start + len(chunk.samples))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
