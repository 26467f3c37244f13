"""Faults of operation: signals, a full disk, a kill, a terminal that goes away."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path

from live_process import SAMPLE, LiveProcess, Watcher, command
from torture import Row
from virtual_microphone import VirtualMicrophone

END_S = 1.0
"""SIGINT and SIGTERM end it within this, bye included."""


def ends(name: str, live: LiveProcess, seen: Watcher, number: int = signal.SIGTERM) -> Row:
    """Send the signal; the row of how it ended."""
    seen.wait_for(60)
    began = time.monotonic()
    live.process.send_signal(number)
    code = live.wait()
    took_s = time.monotonic() - began
    bye = seen.wait(lambda: seen.ended_ns > 0, 5)
    final = live.final()
    last = bool(seen.arrivals) and seen.arrivals[-1][0] + 1 == final["frames"] + final["skipped"]
    good = code == 0 and bye and last and took_s < END_S
    note = (
        f"ended after {took_s:.2f} s; last frame {'seen' if last else 'NOT seen'}, bye {'seen' if bye else 'NOT seen'}"
    )
    return Row(name, "once", good, seen.missing(), None, note)


def interrupted(folder: Path) -> Row:
    with LiveProcess("--wav", SAMPLE, "--loop") as live, Watcher(live.endpoint) as seen:
        return ends("SIGINT", live, seen, signal.SIGINT)


def terminated(folder: Path) -> Row:
    with LiveProcess("--wav", SAMPLE, "--loop") as live, Watcher(live.endpoint) as seen:
        return ends("SIGTERM", live, seen)


def terminated_with_a_frozen_microphone(folder: Path) -> Row:
    with VirtualMicrophone(folder / "pulse") as microphone:
        with LiveProcess("--mic", "pulse", "--rate", 48000, env=microphone.env) as live, Watcher(live.endpoint) as seen:
            seen.wait_for(30)
            microphone.freeze()
            time.sleep(3.0)
            return ends("SIGTERM while the sound server hangs", live, seen)


def disk_full(folder: Path) -> Row:
    """No file may grow beyond 1 MB: the recording and the take end, the face does not."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        options = ("--record", folder / "heard.wav", "--take", folder / "take")
        with LiveProcess("--wav", SAMPLE, "--loop", "--seconds", 20, *options) as live, Watcher(live.endpoint) as seen:
            code = live.wait()
            seen.wait(lambda: seen.ended_ns > 0, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    final = live.final()
    said = live.warned("cannot go on recording") and live.warned("cannot go on with the take")
    again = subprocess.run(command("replay", folder / "take"), capture_output=True, text=True)
    good = code == 0 and said and final["frames"] + final["skipped"] == 1200 and again.returncode == 0
    return Row("disk full", "recording and take", good, final["skipped"], None, f"take: {again.stdout.strip()}")


def killed(folder: Path) -> Row:
    """kill -9 of `voxmesh record`; what is in the file is replayed."""
    with LiveProcess("--wav", SAMPLE, "--loop", "--take", folder / "take") as live, Watcher(live.endpoint) as seen:
        seen.wait_for(360)
        live.process.kill()
        live.process.wait()
    again = subprocess.run(command("replay", folder / "take"), capture_output=True, text=True)
    kept = int(again.stdout.split()[0]) if again.returncode == 0 else 0
    lost = max(0, seen.arrivals[-1][0] + 1 - kept)
    return Row("kill -9 while recording", "once", kept > 0 and lost <= 75, lost, None, again.stdout.strip())


def log_reader_gone(folder: Path) -> Row:
    """Nobody reads stderr any more."""
    with LiveProcess("--wav", SAMPLE, "--loop") as live, Watcher(live.endpoint) as seen:
        seen.wait_for(60)
        live.process.stderr.close()
        seen.wait_for(300)
        live.process.terminate()
        code = live.process.wait(30)
        bye = seen.wait(lambda: seen.ended_ns > 0, 5)
    good = code == 0 and bye and seen.in_order()
    return Row("whoever reads the log has gone", "5 s", good, seen.missing(), None, f"exit code {code}")


ROWS = [interrupted, terminated, terminated_with_a_frozen_microphone, disk_full, killed, log_reader_gone]
