"""Milliseconds of calls that are made in turns, so that a busy machine is equally busy for all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDS = 10
WARM_UP = 3
"""Calls of a turn that are not counted: the one before had the caches."""


@dataclass(frozen=True)
class Times:
    """Milliseconds of one kind of call: by the clock on the wall, and of this thread's own work."""

    wall_ms: np.ndarray
    cpu_ms: np.ndarray

    def summary(self) -> dict[str, float]:
        """p50 and p99 on the wall; the p50 of this thread's work, which others on the machine do not lengthen."""
        p50, p99 = np.percentile(self.wall_ms, (50, 99))
        return {
            "p50": round(float(p50), 4),
            "p99": round(float(p99), 4),
            "cpu_p50": round(float(np.median(self.cpu_ms)), 4),
        }


def time_calls(call: Callable[[], object], count: int, warm_up: int = WARM_UP) -> Times:
    """`count` calls, one after the other, after `warm_up` that are not counted."""
    for _ in range(warm_up):
        call()
    # Filled, not only reserved: memory that is measured meanwhile must not grow with them.
    wall, cpu = np.full(count, 0.0), np.full(count, 0.0)
    for i in range(count):
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        call()
        cpu[i], wall[i] = time.thread_time_ns() - worked, time.perf_counter_ns() - began
    wall /= 1e6
    cpu /= 1e6
    return Times(wall, cpu)


def time_in_turns(calls: dict[str, Callable[[], object]], count: int) -> dict[str, Times]:
    """`count` calls of each at least, in ROUNDS turns."""
    each = -(-count // ROUNDS)
    found: dict[str, list[Times]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            found[name].append(time_calls(call, each))
    return {
        name: Times(np.concatenate([t.wall_ms for t in turns]), np.concatenate([t.cpu_ms for t in turns]))
        for name, turns in found.items()
    }


def load_average() -> float | None:
    """Processes that wanted a core over the last minute, where the system tells."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
