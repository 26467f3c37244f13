"""The face in step with its sound: what a loudspeaker plays next, and which frame goes with what is heard now.

Knows no device and no clock: times are arguments.
"""

from __future__ import annotations

from collections import deque
from threading import Lock

import numpy as np

from voxmesh.stream import wire

BUFFER_MS = 60
"""Sound that is gathered before it plays: what the network may be late by."""
LIMIT_MS = 400
"""More than this waiting is a loudspeaker slower than the microphone, or a hold-up: it is cut down to BUFFER_MS."""
_FRAMES = 600


class InStep:
    """push_sound and push_frame what comes, pull what to play, `frame` what to draw. For one session.

    pull may be called from another thread than the rest.
    rate: Hz. dry: how often the loudspeaker ran out of sound. dropped_samples: those cut as too late.
    skipped: frames that were never drawn because a newer one was due. unheard: frames that came before any sound.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.dry = self.dropped_samples = self.skipped = self.unheard = 0
        self._buffer, self._limit = rate * BUFFER_MS // 1000, rate * LIMIT_MS // 1000
        self._lock = Lock()
        self._queue = np.zeros(0, np.float32)
        self._next: int | None = None  # absolute index of the first sample in the queue
        self._playing = False
        self._played: deque[tuple[float, int, int]] = deque(maxlen=256)  # (heard from, s; first sample; count)
        self._frames: deque[wire.FrameMessage] = deque(maxlen=_FRAMES)

    def push_sound(self, start: int, samples: np.ndarray) -> None:
        """samples: (n,) float32 from absolute index `start`. Lost ones are silence; what came before is passed over."""
        with self._lock:
            if self._next is None:
                self._next = start
            gap = start - (self._next + len(self._queue))
            if abs(gap) > self._limit:
                # Too long to wait through, or a publisher that began again: go on there.
                self._queue, self._next, gap = np.zeros(0, np.float32), start, 0
            silence = np.zeros(max(0, gap), np.float32)
            self._queue = np.concatenate([self._queue, silence, samples[max(0, -gap) :]])
            excess = len(self._queue) - self._limit
            if excess > 0:
                cut = len(self._queue) - self._buffer
                self._queue, self._next = self._queue[cut:], self._next + cut
                self.dropped_samples += cut

    def push_frame(self, frame: wire.FrameMessage) -> None:
        """Keeps a frame until its sample is heard."""
        self.unheard = self.unheard + 1 if self._next is None else 0
        self._frames.append(frame)

    def pull(self, count: int, heard_at_s: float) -> np.ndarray:
        """(count,) float32, what to play next; its first sample will leave the loudspeaker at `heard_at_s`."""
        out = np.zeros(count, np.float32)
        with self._lock:
            # A device that asks for much at a time needs as much again in reserve.
            self._buffer = min(self._limit, max(self._buffer, 2 * count))
            if not self._playing and len(self._queue) >= self._buffer:
                self._playing = True
            if self._playing and self._next is not None:
                taken = self._queue[:count]
                out[: len(taken)] = taken
                if len(taken):
                    self._played.append((heard_at_s, self._next, len(taken)))
                self._queue, self._next = self._queue[count:], self._next + len(taken)
                if len(taken) < count:
                    self._playing = False
                    self.dry += 1
        return out

    def heard(self, now_s: float) -> int | None:
        """Absolute index of the sample that is heard at `now_s`; the last one in a silence, None before the first."""
        with self._lock:
            begun = [block for block in self._played if block[0] <= now_s]
        if not begun:
            return None
        at_s, first, count = begun[-1]
        return first + min(count - 1, int((now_s - at_s) * self.rate))

    def frame(self, now_s: float) -> wire.FrameMessage | None:
        """The newest frame whose sample has been heard by `now_s`; None when that is none, or one already given."""
        sample = self.heard(now_s)
        due = None
        while sample is not None and self._frames and self._frames[0].sample <= sample:
            self.skipped += due is not None
            due = self._frames.popleft()
        return due
