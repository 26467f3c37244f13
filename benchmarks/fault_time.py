"""Faults that take hours: simulated, faster than real time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from six_hours import stream
from torture import Row
from voxmesh.stream.bundle import load
from voxmesh.stream.cadence import Cadence

HOURS = 6


def six_hours(folder: Path) -> Row:
    """The networks left out, so that it takes minutes."""
    report = stream(load(), HOURS * 3600, networks=False)
    early, _, most = report.memory_mb
    note = (
        f"{report.frames} frames exact; {report.lost_samples} samples lost, all counted; memory {early:.1f} MB, "
        f"{most:.1f} at most; cost {report.cost_ms[0]:.1f} ms a second, {report.cost_ms[1]:.1f} at the end; "
        f"took {report.seconds_taken:.0f} s"
    )
    lost = report.frames_expected - report.frames
    return Row(f"{HOURS} hours, faults at random", "every 5 s", report.exact and report.flat, lost, None, note)


def crystal_off(folder: Path) -> Row:
    """Sound cards that are 300 ppm fast and slow, and times that wander by 20 ms: nothing is taken for a loss."""
    rng, lost = np.random.default_rng(0), 0
    for ppm in (-300, 300):
        cadence, period = Cadence(48000), float(10_000_000 * (1 - Fraction(ppm, 1_000_000)))
        wander = rng.integers(-20_000_000, 20_000_000, HOURS * 360_000)
        for k in range(HOURS * 360_000):
            cadence.place(480, int(k * period) + int(wander[k]))
        lost += cadence.lost
    return Row("sound card 300 ppm off", f"{HOURS} hours", lost == 0, 0, None, f"{lost} samples taken for lost")


ROWS = [crystal_off, six_hours]
