"""Frames at the rate that somebody asks for: a film's 25 or 29.97 a second of a face that was trained at 60."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import Frame

NTSC = 1001
"""23.976, 29.97, 59.94 ... are 24000, 30000, 60000 / 1001."""


def rate_of(text: str) -> tuple[int, int]:
    """ "25", "29.97" or "30000/1001" -> frames a second as a fraction. Raises VoxmeshError for anything else."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise VoxmeshError(f"{text!r} is no frame rate: say 30, 29.97 or 30000/1001") from None
    if not 1 <= value <= 240:
        raise VoxmeshError(f"{text} frames a second are not supported: choose 1 to 240")
    whole = round(value * Fraction(NTSC, 1000))
    ntsc = Fraction(whole * 1000, NTSC)
    if value.denominator != 1 and abs(value - ntsc) < Fraction(1, 100):
        value = ntsc
    return value.numerator, value.denominator


class FrameRate:
    """push(frame of `source`) -> frames of `target`; flush(samples heard) -> those that were still to come.

    A target's frame lies between two of the source, and is their mixture by time: it waits for the later one, less
    than a source frame, unless it falls on the earlier one exactly. Labels are the earlier one's.
    Both clocks count samples of the same rate.
    """

    def __init__(self, source: FrameClock, target: FrameClock) -> None:
        if source.sample_rate != target.sample_rate:
            raise ValueError(f"clocks of different sample rates: {source}, {target}")
        self.source, self.target = source, target
        self.same = source == target
        self._next = 0
        self._before: Frame | None = None

    def push(self, frame: Frame) -> list[Frame]:
        if self.same:
            return [frame]
        made = []
        while (sample := self.target.sample(self._next)) <= frame.sample:
            before = self._before or frame
            span = frame.sample - before.sample
            made.append(self._between(before, frame, sample, (sample - before.sample) / span if span else 0.0))
        self._before = frame
        return made

    def flush(self, samples: int) -> list[Frame]:
        """The frames that depict one of `samples` heard, after the last of the source: its pose."""
        made: list[Frame] = []
        last = None if self.same else self._before
        while last is not None and self._next < self.target.frames(samples):
            made.append(self._between(last, last, self.target.sample(self._next), 0.0))
        return made

    def _between(self, before: Frame, after: Frame, sample: int, share: float) -> Frame:
        index, self._next = self._next, self._next + 1
        captured_ns = before.captured_ns
        if captured_ns:
            captured_ns += (sample - before.sample) * 1_000_000_000 // self.source.sample_rate
        if share in (0.0, 1.0):
            chosen = before if share == 0.0 else after
            return Frame(index, sample, captured_ns, chosen.vertices, chosen.labels)
        vertices = before.vertices + np.float32(share) * (after.vertices - before.vertices)
        return Frame(index, sample, captured_ns, vertices, before.labels)
