"""The sound of the face that is drawn, through the default loudspeaker."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import numpy as np

from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.portaudio import portaudio, reason
from voxmesh.viewer.in_step import InStep
from voxmesh.viewer.receive import Receiver

_LOOK_S = 0.004
_PATIENCE_FRAMES = 180


class Loudspeaker:
    """Plays what a receiver's publisher hears, and gives each frame when its sound is heard. A context manager.

    receiver: made with sound=True. The device is opened at the sound's own rate when the first of it comes.
    Raises VoxmeshError when there is no loudspeaker, or frames come without sound.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._sd = portaudio()
        self._session = ""
        self._step = InStep(16000)
        self._stream: Any = None
        try:
            self._sd.query_devices(kind="output")
        except (self._sd.PortAudioError, ValueError) as error:
            raise VoxmeshError(f"no loudspeaker ({reason(error)}): plug one in, or drop --sound") from error

    def latest(self, timeout_s: float = 0.0) -> wire.FrameMessage | None:
        """The frame whose sound is heard now, or None if none falls due within `timeout_s`."""
        until = time.monotonic() + timeout_s
        while True:
            for block in self._receiver.sound():
                self._begin(block.session, block.sample_rate)
                if self._stream is None:
                    self._stream = self._open(block.sample_rate)
                self._step.push_sound(block.sample, block.samples)
            while (frame := self._receiver.next(0.0)) is not None:
                self._begin(frame.session, frame.sample_rate or self._step.rate)
                self._step.push_frame(frame)
                if self._step.unheard > _PATIENCE_FRAMES:
                    raise VoxmeshError(
                        f"{self._receiver.endpoint} sends no sound: start its `voxmesh live` with --send-audio"
                    )
            now = time.monotonic()
            skipped = self._step.skipped
            due = self._step.frame(now)
            self._receiver.skipped += self._step.skipped - skipped
            if due is not None or now >= until:
                return due
            time.sleep(min(_LOOK_S, until - now))

    def _begin(self, session: str, rate: int) -> None:
        """Another session is another stream of samples."""
        if session != self._session:
            self._session = session
            if rate != self._step.rate:
                self._close_stream()
            self._step = InStep(rate)

    def _open(self, rate: int) -> Any:
        try:
            stream = self._sd.OutputStream(
                samplerate=rate, channels=1, dtype="float32", latency="low", callback=self._callback
            )
            stream.start()
            return stream
        except (self._sd.PortAudioError, ValueError) as error:
            raise VoxmeshError(f"the loudspeaker does not play {rate} Hz ({reason(error)}): drop --sound") from error

    def _callback(self, out: np.ndarray, frames: int, when: Any, flags: Any) -> None:
        """PortAudio's thread."""
        delay_s = when.outputBufferDacTime - when.currentTime
        # Hosts that do not tell give 0 or nonsense: then the buffer that is being filled is all we know of.
        delay_s = delay_s if 0 < delay_s < 2 else frames / self._step.rate
        out[:, 0] = self._step.pull(frames, time.monotonic() + delay_s)

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
            self._stream = None

    def __enter__(self) -> Loudspeaker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_stream()
