"""Faults of a real recording: a sound server of our own is killed, stopped, told to take the microphone away."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from live_process import SAMPLE, LiveProcess, Watcher
from torture import Row
from virtual_microphone import VirtualMicrophone

CADENCE_S = 1.0
"""A face that stands still for longer than this has frozen (half of it passes before silence is heard)."""


def away(
    folder: Path,
    fault: str,
    seconds: float,
    take: Callable[[VirtualMicrophone], None],
    give: Callable[[VirtualMicrophone], None],
) -> Row:
    """Speech into a microphone that is taken away for so long and given back."""
    with VirtualMicrophone(folder / "pulse") as microphone:
        with LiveProcess("--mic", "pulse", "--rate", 48000, env=microphone.env) as live, Watcher(live.endpoint) as seen:
            speaker = microphone.play(SAMPLE)
            seen.wait_for(120)
            took_ns = time.monotonic_ns()
            take(microphone)
            time.sleep(seconds)
            gave_ns, gave_s = time.monotonic_ns(), time.time()
            give(microphone)
            ready_ns = time.monotonic_ns()
            back = lambda: [e for e in live.events if "is back" in e.get("message", "") and e["time"] >= gave_s]  # noqa: E731
            came_back = seen.wait(lambda: bool(back()))
            back_ns = gave_ns + int((back()[0]["time"] - gave_s) * 1e9) if came_back else ready_ns
            seen.wait(lambda: seen.arrivals[-1][1] >= back_ns)
            shown_ns = seen.arrivals[-1][2]
            seen.wait_for(60)
            pause_s = seen.longest_pause_s(took_ns + 10**9, gave_ns)
            rest = [opening for _, captured, _, opening in seen.arrivals if took_ns + 2 * 10**9 < captured < gave_ns]
            live.process.terminate()
            code = live.wait()
            seen.wait(lambda: seen.ended_ns > 0, 5)
            speaker.kill()
            speaker.wait()
            final = live.final()
    lost, skipped = seen.missing(), final.get("skipped", 0)
    good = came_back and code == 0 and seen.in_order() and pause_s < CADENCE_S and lost == skipped
    note = f"{final['dropped_ms'] / 1000:.1f} s of sound counted lost; longest pause {pause_s * 1000:.0f} ms"
    if rest:
        note += f"; lips {max(rest):.1f} mm apart at most"
    recovery_s = (shown_ns - max(gave_ns, min(ready_ns, back_ns))) / 1e9
    return Row(fault, f"{seconds:g} s", good, lost, recovery_s, note)


def microphone_unplugged(folder: Path) -> Row:
    return away(folder, "microphone unplugged and back", 5.0, VirtualMicrophone.unplug, VirtualMicrophone.plug_in)


def microphone_frozen(folder: Path) -> Row:
    return away(folder, "sound server stopped (SIGSTOP)", 4.0, VirtualMicrophone.freeze, VirtualMicrophone.thaw)


def microphone_taken(folder: Path) -> Row:
    return away(
        folder,
        "microphone suspended, as for another program",
        4.0,
        lambda microphone: microphone.control("suspend-source", "vmic", "1"),
        lambda microphone: microphone.control("suspend-source", "vmic", "0"),
    )


def default_device_changed(folder: Path) -> Row:
    """The default microphone goes away for good, and another is the default."""
    with VirtualMicrophone(folder / "pulse") as microphone:
        with LiveProcess("--rate", 48000, env=microphone.env) as live, Watcher(live.endpoint) as seen:
            seen.wait_for(60)
            microphone.control("load-module", "module-null-sink", "sink_name=other", "rate=44100", "norewinds=1")
            microphone.control("set-default-source", "other.monitor")
            began_ns = time.monotonic_ns()
            microphone.control("unload-module", "module-remap-source")
            microphone.control("unload-module", "module-null-sink")
            microphone.control("load-module", "module-null-sink", "sink_name=other", "rate=44100", "norewinds=1")
            microphone.control("set-default-source", "other.monitor")
            done_ns = time.monotonic_ns()
            time.sleep(4)
            seen.wait_for(60)
            pause_s = seen.longest_pause_s(began_ns)
            live.process.terminate()
            code = live.wait()
            final = live.final()
    after = next((at for _, captured, at, _ in seen.arrivals if captured > done_ns), done_ns)
    good = code == 0 and seen.in_order() and pause_s < CADENCE_S and seen.missing() == final["skipped"]
    note = f"{final['dropped_ms'] / 1000:.1f} s of sound counted lost; longest pause {pause_s * 1000:.0f} ms"
    return Row("default microphone removed, another is default", "once, 48 to 44.1 kHz", good, seen.missing(),
               (after - done_ns) / 1e9, note)  # fmt: skip


ROWS = [microphone_unplugged, microphone_frozen, microphone_taken, default_device_changed]
