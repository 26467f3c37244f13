"""Faults of the machine and of viewers: too busy, stopped, slow, stuck, dying, many."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import zmq

from live_process import SAMPLE, LiveProcess, Watcher
from torture import Row
from virtual_microphone import VirtualMicrophone

FRESH_MS = 250
"""Sound that is shown after at most this is now; the look-ahead is 100 of it."""


def stopped(folder: Path, *source: object, env: dict[str, str] | None = None) -> Row:
    """SIGSTOP for 2 s."""
    with LiveProcess(*source, env=env) as live, Watcher(live.endpoint) as seen:
        seen.wait_for(120)
        os.kill(live.process.pid, signal.SIGSTOP)
        time.sleep(2.0)
        resumed_ns = time.monotonic_ns()
        os.kill(live.process.pid, signal.SIGCONT)

        def now() -> int:
            """When the first frame came that is not late, 0 before."""
            late = (a for a in list(seen.arrivals) if a[2] > resumed_ns)
            return next((at for _, captured, at, _ in late if at - captured < FRESH_MS * 10**6), 0)

        caught_up = seen.wait(lambda: now() > 0)
        seen.wait_for(120)
        live.process.terminate()
        code, final = live.wait(), live.final()
        seen.wait(lambda: seen.ended_ns > 0, 5)
    good = caught_up and code == 0 and seen.in_order() and seen.missing() == final["skipped"]
    name = f"engine stopped (SIGSTOP), {'microphone' if env else 'file'}"
    note = f"{final['skipped']} skipped, said so; {final['dropped_ms']:.0f} ms of sound counted lost"
    return Row(name, "2 s", good, seen.missing(), (now() - resumed_ns) / 1e9, note)


def engine_stopped(folder: Path) -> Row:
    return stopped(folder, "--wav", SAMPLE, "--loop")


def engine_stopped_at_a_microphone(folder: Path) -> Row:
    with VirtualMicrophone(folder / "pulse") as microphone:
        return stopped(folder, "--mic", "pulse", "--rate", 48000, env=microphone.env)


def cores_busy(folder: Path) -> Row:
    """Three times as many busy processes as there are cores."""
    with LiveProcess("--wav", SAMPLE, "--loop") as live, Watcher(live.endpoint) as seen:
        seen.wait_for(60)
        count = 3 * (os.cpu_count() or 1)
        busy = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(count)]
        began_ns = time.monotonic_ns()
        time.sleep(10.0)
        for one in busy:
            one.kill()
            one.wait()
        over_ns = time.monotonic_ns()
        seen.wait_for(120)
        live.process.terminate()
        code, final = live.wait(), live.final()
        seen.wait(lambda: seen.ended_ns > 0, 5)
    fresh = (at for _, captured, at, _ in seen.arrivals if at > over_ns and at - captured < FRESH_MS * 10**6)
    worst_s = seen.longest_pause_s(began_ns, over_ns)
    good = code == 0 and seen.in_order() and seen.missing() == final["skipped"]
    note = f"{final['skipped']} skipped, said so; longest pause {1000 * worst_s:.0f} ms"
    return Row("all cores busy", f"{count} processes, 10 s", good, seen.missing(), (next(fresh) - over_ns) / 1e9, note)


SUBSCRIBE = (
    "import sys, zmq; s = zmq.Context().socket(zmq.SUB); s.rcvhwm = 1; s.subscribe(b''); s.connect(sys.argv[1]); "
)
READ = "\nwhile 1: s.recv()"
SLOW = "import time\nwhile 1: s.recv(); time.sleep(0.2)"
STUCK = "import time; time.sleep(1000)"


def viewers(folder: Path, fault: str, count: int, code: str, seconds: float, dying: bool = False) -> Row:
    """Beside one that takes every frame, `count` others; dying: killed and replaced all the time."""
    with LiveProcess("--wav", SAMPLE, "--loop") as live, Watcher(live.endpoint) as seen:
        words = [sys.executable, "-c", SUBSCRIBE + code, live.endpoint]
        process = psutil.Process(live.process.pid)
        seen.wait_for(120)
        others = [subprocess.Popen(words) for _ in range(count)]
        until, before_mb, most_mb = time.monotonic() + seconds, process.memory_info().rss / 1e6, 0.0
        while time.monotonic() < until:
            most_mb = max(most_mb, process.memory_info().rss / 1e6)
            time.sleep(0.25)
            if dying:
                others[0].kill()
                others.pop(0).wait()
                others.append(subprocess.Popen(words))
        for one in others:
            one.kill()
            one.wait()
        seen.wait_for(60)
        live.process.terminate()
        exit_code, final = live.wait(), live.final()
        seen.wait(lambda: seen.ended_ns > 0, 5)
    # What a stuck one may hold: the high-water mark's worth of frames; all of them share those.
    good = exit_code == 0 and seen.in_order() and seen.missing() == final["skipped"] and most_mb - before_mb < 60
    note = f"memory {before_mb:.0f} to {most_mb:.0f} MB at most; {final['overruns']} overruns of theirs"
    return Row(fault, f"{count}, {seconds:g} s", good, seen.missing(), None, note)


def no_viewer(folder: Path) -> Row:
    with LiveProcess("--wav", SAMPLE, "--loop", "--seconds", 5) as live:
        code, final = live.wait(), live.final()
    good = code == 0 and final["overruns"] == 0 and final["frames"] + final["skipped"] == 300
    return Row("no viewer", "5 s", good, final["skipped"], None, f"{final['frames']} frames for nobody")


def viewer_slow(folder: Path) -> Row:
    return viewers(folder, "viewer that takes 5 frames a second", 1, SLOW, 8)


def viewers_stuck(folder: Path) -> Row:
    return viewers(folder, "viewers that never read", 3, STUCK, 12)


def viewers_dying(folder: Path) -> Row:
    return viewers(folder, "viewers killed, four a second", 3, READ, 8, dying=True)


def viewers_100(folder: Path) -> Row:
    """A hundred sockets of ours: as many processes would need another machine."""
    with LiveProcess("--wav", SAMPLE, "--loop", "--vertices", "int16") as live, Watcher(live.endpoint) as seen:
        process = psutil.Process(live.process.pid)
        seen.wait_for(120)
        before_mb = process.memory_info().rss / 1e6
        with zmq.Context() as context:
            sockets = [context.socket(zmq.SUB) for _ in range(100)]
            for socket in sockets:
                socket.linger, socket.rcvhwm = 0, 2
                socket.subscribe(b"")
                socket.connect(live.endpoint)
            until, most_mb, got = time.monotonic() + 10, before_mb, set()
            while time.monotonic() < until:
                for number, socket in enumerate(sockets):
                    if socket.poll(0):
                        socket.recv()
                        got.add(number)
                most_mb = max(most_mb, process.memory_info().rss / 1e6)
            for socket in sockets:
                socket.close()
        seen.wait_for(60)
        live.process.terminate()
        code, final = live.wait(), live.final()
        seen.wait(lambda: seen.ended_ns > 0, 5)
    good = code == 0 and len(got) == 100 and seen.in_order() and seen.missing() == final["skipped"]
    note = f"memory {before_mb:.0f} to {most_mb:.0f} MB at most; {final['overruns']} overruns of theirs"
    return Row("a hundred viewers", "10 s", good and most_mb - before_mb < 100, seen.missing(), None, note)


ROWS = [
    engine_stopped, engine_stopped_at_a_microphone, cores_busy, no_viewer, viewer_slow, viewers_stuck, viewers_dying,
    viewers_100,
]  # fmt: skip
