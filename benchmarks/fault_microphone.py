"""Faults of a real recording: a sound server of our own is killed, stopped, told to take the microphone away."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from live_process import SAMPLE, LiveProcess, Watcher, end
from torture import Row
from virtual_microphone import VirtualMicrophone

Deed = Callable[[VirtualMicrophone], object]
CADENCE_S = 1.0
"""A face that stands still for longer than this has frozen (half of it passes before silence is heard)."""
SECOND_NS = 1_000_000_000


def away(folder: Path, fault: str, seconds: float, take: Deed, give: Deed, *mic: object) -> Row:
    """Speech into a microphone that is taken away for so long and given back. mic: options that choose it."""
    with (
        VirtualMicrophone(folder / "pulse") as microphone,
        LiveProcess(*mic, "--rate", 48000, env=microphone.env) as live,
        Watcher(live.endpoint) as seen,
    ):
        speaker = microphone.play(SAMPLE)
        seen.wait_for(120)
        took_ns = time.monotonic_ns()
        take(microphone)
        time.sleep(seconds)
        give(microphone)
        gave_ns, gave_s = time.monotonic_ns(), time.time()
        back_s = live.wait_for_warning("is back")
        back_ns = max(gave_ns, gave_ns + int((back_s - gave_s) * 1e9))
        seen.wait(lambda: seen.arrivals[-1][1] >= back_ns)
        shown_ns = seen.arrivals[-1][2]
        seen.wait_for(60)
        speaker.kill()
        speaker.wait()
        ending = end(live, seen)
    pause_s = seen.longest_pause_s(took_ns + SECOND_NS, gave_ns)
    rest = [mm for _, captured, _, mm in seen.arrivals if took_ns + 2 * SECOND_NS < captured < gave_ns]
    note = (
        f"{ending.final['dropped_ms'] / 1000:.1f} s of sound counted lost; meanwhile longest pause "
        f"{pause_s * 1000:.0f} ms, lips {max(rest, default=0):.1f} mm apart at most"
    )
    good = ending.good and back_s > 0 and pause_s < CADENCE_S
    return Row(fault, f"{seconds:g} s", good, ending.lost, (shown_ns - gave_ns) / 1e9, note)


def microphone_unplugged(folder: Path) -> Row:
    deeds = VirtualMicrophone.unplug, VirtualMicrophone.plug_in
    return away(folder, "microphone unplugged and back", 5.0, *deeds, "--mic", "pulse")


def sound_server_frozen(folder: Path) -> Row:
    deeds = VirtualMicrophone.freeze, VirtualMicrophone.thaw
    return away(folder, "sound server stopped (SIGSTOP)", 4.0, *deeds, "--mic", "pulse")


def microphone_taken(folder: Path) -> Row:
    def suspend(on: str) -> Deed:
        return lambda microphone: microphone.control("suspend-source", "vmic", on)

    return away(folder, "microphone suspended for another program", 4.0, suspend("1"), suspend("0"), "--mic", "pulse")


def default_microphone_changed(folder: Path) -> Row:
    """Unplugged; what is plugged in has another name and another rate, and is the default."""
    deeds = VirtualMicrophone.unplug, lambda microphone: microphone.plug_in("other", 44100)
    return away(folder, "another default microphone, 44.1 kHz", 4.0, *deeds)


ROWS = [microphone_unplugged, sound_server_frozen, microphone_taken, default_microphone_changed]
