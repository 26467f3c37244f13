"""The long streams of `benchmarks/six_hours.py`, in short."""

from __future__ import annotations

import six_hours
from voxmesh.stream.bundle import Bundle


def test_minutes_of_faults_lose_nothing_uncounted(tiny: Bundle) -> None:
    """A minute and a half, networks and all: every frame once, in order, finite; every lost sample is counted."""
    report = six_hours.stream(tiny, 90, networks=True, hidden=True)
    assert report.frames > 90 * 60 and report.exact
    assert report.lost_samples > 0
