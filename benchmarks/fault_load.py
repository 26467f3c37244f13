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

from live_process import SAMPLE, LiveProcess, Watcher, end
from torture import Row
from virtual_microphone import VirtualMicrophone

FRESH_NS = 500_000_000
"""Sound that is shown after at most this is now: `--stale`'s default."""
FILE = ("--wav", SAMPLE, "--loop")


def first_fresh_ns(seen: Watcher, since_ns: int) -> int:
    """When the first frame came after that time that is not late; 0 when none has."""
    after = (arrival for arrival in list(seen.arrivals) if arrival[2] > since_ns)
    return next((at for _, captured, at, _ in after if at - captured < FRESH_NS), 0)


def stopped(name: str, *source: object, env: dict[str, str] | None = None) -> Row:
    """SIGSTOP for 2 s."""
    with LiveProcess(*source, env=env) as live, Watcher(live.endpoint) as seen:
        seen.wait_for(120)
        os.kill(live.process.pid, signal.SIGSTOP)
        time.sleep(2.0)
        resumed_ns = time.monotonic_ns()
        os.kill(live.process.pid, signal.SIGCONT)
        caught_up = seen.wait(lambda: first_fresh_ns(seen, resumed_ns) > 0)
        seen.wait_for(60)
        ending = end(live, seen)
    note = f"{ending.final['skipped']} skipped, said so; {ending.final['dropped_ms']:.0f} ms of sound counted lost"
    recovery_s = (first_fresh_ns(seen, resumed_ns) - resumed_ns) / 1e9
    return Row(f"engine stopped (SIGSTOP), {name}", "2 s", ending.good and caught_up, ending.lost, recovery_s, note)


def engine_stopped(folder: Path) -> Row:
    return stopped("file", *FILE)


def engine_stopped_at_a_microphone(folder: Path) -> Row:
    with VirtualMicrophone(folder / "pulse") as microphone:
        return stopped("microphone", "--mic", "pulse", "--rate", 48000, env=microphone.env)


def cores_busy(folder: Path) -> Row:
    """Three times as many busy processes as there are cores."""
    with LiveProcess(*FILE) as live, Watcher(live.endpoint) as seen:
        seen.wait_for(60)
        count = 3 * (os.cpu_count() or 1)
        busy = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(count)]
        began_ns = time.monotonic_ns()
        time.sleep(10.0)
        for one in busy:
            one.kill()
            one.wait()
        over_ns = time.monotonic_ns()
        caught_up = seen.wait(lambda: first_fresh_ns(seen, over_ns) > 0)
        ending = end(live, seen)
    pause_ms = 1000 * seen.longest_pause_s(began_ns, over_ns)
    note = f"{ending.final['skipped']} skipped, said so; longest pause {pause_ms:.0f} ms"
    recovery_s = (first_fresh_ns(seen, over_ns) - over_ns) / 1e9
    return Row("all cores busy", f"{count} processes, 10 s", ending.good and caught_up, ending.lost, recovery_s, note)


SUBSCRIBE = "import sys, zmq; s = zmq.Context().socket(zmq.SUB); s.rcvhwm = 1; s.subscribe(b''); s.connect(sys.argv[1])"
READS = f"{SUBSCRIBE}\nwhile 1: s.recv()"
SLOW = f"{SUBSCRIBE}\nimport time\nwhile 1: s.recv(); time.sleep(0.2)"
STUCK = f"{SUBSCRIBE}\nimport time\ntime.sleep(1000)"
HELD_MB = 60.0
"""What viewers that do not read may make it hold: the high-water mark's worth of frames, which they share."""


def viewers(fault: str, count: int, code: str, seconds: float, dying: bool = False) -> Row:
    """Beside one that takes every frame, `count` others; dying: killed and replaced all the time."""
    with LiveProcess(*FILE) as live, Watcher(live.endpoint) as seen:
        words = [sys.executable, "-c", code, live.endpoint]
        process = psutil.Process(live.process.pid)
        seen.wait_for(120)
        others = [subprocess.Popen(words) for _ in range(count)]
        before_mb = most_mb = process.memory_info().rss / 1e6
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            most_mb = max(most_mb, process.memory_info().rss / 1e6)
            time.sleep(0.25)
            if dying:
                others[0].kill()
                others.pop(0).wait()
                others.append(subprocess.Popen(words))
        ending = end(live, seen)
        for one in others:
            one.kill()
            one.wait()
    note = f"memory {before_mb:.0f} to {most_mb:.0f} MB at most; {ending.final['overruns']} overruns of theirs"
    good = ending.good and most_mb - before_mb < HELD_MB
    return Row(fault, f"{count}, {seconds:g} s", good, ending.lost, None, note)


def no_viewer(folder: Path) -> Row:
    with LiveProcess(*FILE, "--seconds", 5, "--wait", 0) as live:
        code, final = live.wait(), live.final()
    good = code == 0 and final["overruns"] == 0 and final["frames"] + final["skipped"] == 300
    return Row("no viewer", "5 s", good, final["skipped"], None, f"{final['frames']} frames for nobody")


def viewer_slow(folder: Path) -> Row:
    return viewers("viewer that takes 5 frames a second", 1, SLOW, 8)


def viewers_stuck(folder: Path) -> Row:
    return viewers("viewers that never read", 3, STUCK, 12)


def viewers_dying(folder: Path) -> Row:
    return viewers("viewers killed, some four a second", 3, READS, 8, dying=True)


def viewers_100(folder: Path) -> Row:
    """A hundred sockets of ours: as many processes would need another machine."""
    with LiveProcess(*FILE) as live, Watcher(live.endpoint) as seen, zmq.Context() as context:
        process = psutil.Process(live.process.pid)
        seen.wait_for(120)
        before_mb = most_mb = process.memory_info().rss / 1e6
        sockets = [context.socket(zmq.SUB) for _ in range(100)]
        for socket in sockets:
            socket.linger, socket.rcvhwm = 0, 2
            socket.subscribe(b"")
            socket.connect(live.endpoint)
        until, got = time.monotonic() + 10, set()
        while time.monotonic() < until:
            for number, socket in enumerate(sockets):
                if socket.poll(0):
                    socket.recv()
                    got.add(number)
            most_mb = max(most_mb, process.memory_info().rss / 1e6)
        for socket in sockets:
            socket.close()
        ending = end(live, seen)
    note = f"memory {before_mb:.0f} to {most_mb:.0f} MB at most; {ending.final['overruns']} overruns of theirs"
    good = ending.good and len(got) == len(sockets) and most_mb - before_mb < HELD_MB
    return Row("a hundred viewers", "10 s", good, ending.lost, None, note)


ROWS = [
    engine_stopped,
    engine_stopped_at_a_microphone,
    cores_busy,
    no_viewer,
    viewer_slow,
    viewers_stuck,
    viewers_dying,
    viewers_100,
]
