"""Faults of operation: signals, a full disk, a kill, a terminal that goes away."""

from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path

from live_process import SAMPLE, LiveProcess, Watcher, command, end
from torture import Row
from virtual_microphone import VirtualMicrophone
from voxmesh.stream.take import Digest, Take

END_S = 1.0
"""SIGINT and SIGTERM end it within this, bye included."""
FILE = ("--wav", SAMPLE, "--loop")


def ends(name: str, live: LiveProcess, seen: Watcher, number: int = signal.SIGTERM) -> Row:
    """Send the signal; the row of how it ended."""
    seen.wait_for(60)
    ending = end(live, seen, number)
    note = f"ended after {ending.took_s:.2f} s, with the last frame and bye"
    return Row(name, "once", ending.good and ending.took_s < END_S, ending.lost, None, note)


def interrupted(folder: Path) -> Row:
    with LiveProcess(*FILE) as live, Watcher(live.endpoint) as seen:
        return ends("SIGINT", live, seen, signal.SIGINT)


def terminated(folder: Path) -> Row:
    with LiveProcess(*FILE) as live, Watcher(live.endpoint) as seen:
        return ends("SIGTERM", live, seen)


def terminated_with_a_frozen_microphone(folder: Path) -> Row:
    with (
        VirtualMicrophone(folder / "pulse") as microphone,
        LiveProcess("--mic", "pulse", "--rate", 48000, env=microphone.env) as live,
        Watcher(live.endpoint) as seen,
    ):
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
        with LiveProcess(*FILE, "--seconds", 20, *options) as live, Watcher(live.endpoint) as seen:
            ending = end(live, seen, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    said = live.warned("cannot go on recording") and live.warned("cannot go on with the take")
    again = subprocess.run(command("replay", folder / "take"), capture_output=True, text=True)
    good = ending.good and said and again.returncode == 0
    return Row("disk full", "recording and take", good, ending.lost, None, f"take: {again.stdout.strip()}")


def killed(folder: Path) -> Row:
    """kill -9 while a take is written; what is in the file is replayed."""
    with LiveProcess(*FILE, "--take", folder / "take") as live, Watcher(live.endpoint) as seen:
        seen.wait_for(360)
        live.process.kill()
        live.process.wait()
    again = subprocess.run(command("replay", folder / "take"), capture_output=True, text=True)
    kept = max(item.index for item in Take(folder / "take") if isinstance(item, Digest))
    lost = max(0, seen.arrivals[-1][0] - kept)
    good = again.returncode == 0 and lost <= 66  # a second, and what the look-ahead holds back
    return Row("kill -9 while recording", "once", good, lost, None, f"replay: {again.stdout.strip()}")


def log_reader_gone(folder: Path) -> Row:
    """Nobody reads stderr any more."""
    with LiveProcess(*FILE, "--log", "text") as live, Watcher(live.endpoint) as seen:
        seen.wait_for(60)
        live.hang_up()
        seen.wait_for(400)
        live.process.terminate()
        code = live.process.wait(30)
        bye = seen.wait(lambda: seen.ended_ns > 0, 10)
    return Row(
        "whoever reads the log has gone", "7 s", code == 0 and bye and seen.in_order(), 0, None, f"exit code {code}"
    )


ROWS = [interrupted, terminated, terminated_with_a_frozen_microphone, disk_full, killed, log_reader_gone]
