"""`voxmesh live` in a process of its own with a viewer of ours on it: what faults are done to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from voxmesh.stream import wire
from voxmesh.viewer.receive import Receiver

SAMPLE = Path(__file__).parent.parent / "stream" / "sample.wav"
PATIENCE_S = 60.0


def command(*arguments: object) -> list[str]:
    """The command line that runs this checkout's voxmesh."""
    return [sys.executable, "-m", "voxmesh.stream.cli", *map(str, arguments)]


class LiveProcess:
    """Use as a context manager. arguments: of `voxmesh live`, beside those that this one gives.

    endpoint, control, url: where it publishes, answers (with --control) and its metrics are. events: what it logs, as
    `--log json` objects.
    """

    def __init__(self, *arguments: object, env: dict[str, str] | None = None) -> None:
        words = ("--listen", "tcp://127.0.0.1:*", "--wait", 60, "--metrics", 0, "--log", "json", *arguments)
        env = {**(env or os.environ), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command("live", *words), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.events: list[dict[str, Any]] = []
        self.other: list[str] = []
        self._gone = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        self.endpoint = self.control = self.url = ""
        while not self.url:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"voxmesh live did not start: {self.other}")
            if line.startswith("publishing"):
                self.endpoint = "tcp://" + line.split("tcp://")[1].split(",")[0]
            elif line.startswith("control on"):
                self.control = line.split()[-1]
            elif line.startswith("metrics on"):
                self.url = line.split()[-1]

    def _read(self) -> None:
        for line in self.process.stderr:
            if self._gone.is_set():
                break
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.other.append(line.rstrip())
        self.process.stderr.close()

    def hang_up(self) -> None:
        """After the next line nobody reads its log any more."""
        self._gone.set()

    def final(self) -> dict[str, Any]:
        """The last status."""
        return next((event for event in reversed(self.events) if event["event"] == "status"), {})

    def warned(self, words: str) -> float:
        """When it warned so (seconds since 1970), 0 if it did not."""
        return next((event["time"] for event in self.events if words in event.get("message", "")), 0.0)

    def wait_for_warning(self, words: str) -> float:
        """`warned`, once it has, or 0 after PATIENCE_S."""
        until = time.monotonic() + PATIENCE_S
        while not (at := self.warned(words)) and time.monotonic() < until:
            time.sleep(0.005)
        return at

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code, once it ended."""
        code = self.process.wait(timeout_s)
        until = time.monotonic() + 5
        while not any(event["event"] == "stopped" for event in self.events) and time.monotonic() < until:
            time.sleep(0.01)
        return code

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Ending:
    """How a session ended. final: its last status. lost: frames that the watcher never got; if `good` all of them are
    skipped ones, which also says that frames came in order, then bye, and that the exit code was 0.
    """

    final: dict[str, Any]
    lost: int
    took_s: float
    good: bool


def end(live: LiveProcess, seen: Watcher, number: int | None = signal.SIGTERM) -> Ending:
    """Send it the signal, if any, and wait until it has ended."""
    began = time.monotonic()
    if number is not None:
        live.process.send_signal(number)
    code = live.wait()
    took_s = time.monotonic() - began
    bye = seen.wait(lambda: seen.ended_ns > 0, 10)
    final = live.final()
    lost = final["frames"] + final["skipped"] - len(seen.arrivals)
    return Ending(final, lost, took_s, code == 0 and bye and seen.in_order() and lost == final["skipped"])


class Watcher:
    """A viewer that takes every frame in a thread of its own. Use as a context manager, or `stop` it.

    arrivals: (index, captured_ns, arrived_ns, opening) of each frame; opening: between the lips, mm. ended_ns: when bye
    came, 0 before. template_mm: the opening at rest.
    """

    def __init__(self, endpoint: str) -> None:
        self.arrivals: list[tuple[int, int, int, float]] = []
        self.ended_ns = 0
        self._receiver = Receiver(endpoint)
        self._landmarks = self._receiver.wait_for_topology(PATIENCE_S).topology.landmarks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.is_set():
            frame = self._receiver.next(0.1)
            if frame is not None:
                self.arrivals.append((frame.index, frame.captured_ns, time.monotonic_ns(), self._opening(frame)))
            elif self._receiver.ended:
                self.ended_ns = self.ended_ns or time.monotonic_ns()

    def _opening(self, frame: wire.FrameMessage) -> float:
        upper, lower = (frame.vertices[self._landmarks[f"lip_{side}_inner"]] for side in ("upper", "lower"))
        return 1000.0 * float(upper[1] - lower[1])

    def wait(self, what: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Whether `what` became true in time."""
        until = time.monotonic() + timeout_s
        while not what():
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    def wait_for(self, count: int) -> None:
        """Until so many more frames have come. Raises RuntimeError when they do not."""
        target = len(self.arrivals) + count
        if not self.wait(lambda: len(self.arrivals) >= target):
            raise RuntimeError("frames have stopped")

    def in_order(self) -> bool:
        return bool((np.diff([arrival[0] for arrival in self.arrivals]) > 0).all())

    def longest_pause_s(self, since_ns: int, until_ns: int | None = None) -> float:
        """In which nothing arrived, from one time to another, or to the last arrival."""
        until_ns = until_ns or self.arrivals[-1][2]
        at = [arrival[2] for arrival in list(self.arrivals) if since_ns <= arrival[2] <= until_ns]
        return float(np.diff([since_ns, *at, until_ns]).max()) / 1e9

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._receiver.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
