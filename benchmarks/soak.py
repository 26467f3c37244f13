"""Does `voxmesh live` keep up for half an hour? Every frame accounted for, memory flat, latency steady.

\b
python benchmarks/soak.py --minutes 30
python benchmarks/soak.py --minutes 30 --microphone     # through a sound server of our own (PulseAudio)

Runs `voxmesh live --wav FILE --loop`, or into a microphone that hears FILE again and again, in a process of its own,
subscribes to it as a viewer does, and compares what arrives with what the clock says. Once a second: memory (MB), CPU
time (percent of a core) and latency from sound to subscriber (ms, the worst of the second), drawn to the PNG.

The last line is one JSON object; exit code 1 unless every frame came or is counted as skipped, in order, and memory
grew by less than 5 MB between the first tenth and the end.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np
import psutil
from tqdm import tqdm

from chart import Panel, Series, draw_chart
from live_process import SAMPLE, Ending, LiveProcess, Watcher, end
from virtual_microphone import VirtualMicrophone

GROWTH_MB = 5.0


def speak(microphone: VirtualMicrophone, wav: Path, stop: threading.Event) -> None:
    """Say the file again and again."""
    while not stop.is_set():
        player = microphone.play(wav)
        while player.poll() is None and not stop.wait(0.1):
            pass
        player.kill()
        player.wait()


def listen(
    seconds: int, wav: Path, through_microphone: bool, extra: tuple[str, ...]
) -> tuple[np.ndarray, Ending, Watcher]:
    """(seconds, 2) of memory and CPU time, each second; how it ended; what arrived."""
    with ExitStack() as stack:
        env, source = None, ("--wav", wav, "--loop")
        if through_microphone:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voxmesh-soak-")))
            microphone = stack.enter_context(VirtualMicrophone(folder / "pulse"))
            env, source, stop = microphone.env, ("--mic", "pulse", "--rate", 48000), threading.Event()
            threading.Thread(target=speak, args=(microphone, wav, stop), daemon=True).start()
            stack.callback(stop.set)
        live = stack.enter_context(LiveProcess(*source, *extra, env=env))
        seen = stack.enter_context(Watcher(live.endpoint))
        seen.wait_for(60)
        process, rows, began = psutil.Process(live.process.pid), [], time.monotonic()
        for second in tqdm(range(seconds), unit="s", disable=None):
            time.sleep(max(0.0, began + second + 1 - time.monotonic()))
            rows.append((process.memory_info().rss / 1e6, sum(process.cpu_times()[:2])))
        return np.array(rows), end(live, seen), seen


def worst_latencies(seen: Watcher, seconds: int) -> np.ndarray:
    """(seconds,) ms: the highest of each second of arrival; 0 where nothing arrived."""
    arrivals = np.array([(captured, arrived) for _, captured, arrived, _ in seen.arrivals], np.int64)
    second = (arrivals[:, 1] - arrivals[0, 1]) // 1_000_000_000
    worst = np.zeros(max(seconds, int(second.max()) + 1))
    np.maximum.at(worst, second, (arrivals[:, 1] - arrivals[:, 0]) / 1e6)
    return worst[:seconds]


def draw(path: Path, memory_mb: np.ndarray, cpu: np.ndarray, latency_ms: np.ndarray) -> None:
    """Three charts over minutes, a point for each of eight parts of the time."""

    def points(values: np.ndarray, percent: int) -> list[tuple[float, float]]:
        parts = np.array_split(values, min(8, len(values)))
        minutes = np.round(np.cumsum([len(part) for part in parts]) / 60, 2)
        return [(float(x), float(np.percentile(part, percent))) for x, part in zip(minutes, parts, strict=True)]

    panels = []
    for title, values in (
        ("memory, MB", memory_mb),
        ("CPU, percent of a core", cpu),
        ("latency, the worst of each second, ms", latency_ms),
    ):
        series = [Series("median", points(values, 50)), Series("95 %", points(values, 95))]
        panels.append(Panel(title, "minutes", series, from_zero=True))
    draw_chart(panels, path)


@click.command(help=__doc__)
@click.option("--minutes", type=click.FloatRange(0.2), default=30.0, show_default=True)
@click.option("--wav", type=click.Path(path_type=Path, exists=True), default=SAMPLE, help="What is said.")
@click.option("--microphone", is_flag=True, help="Into a microphone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("soak.png"), show_default=True)
@click.argument("extra", nargs=-1)
def main(minutes: float, wav: Path, microphone: bool, output: Path, extra: tuple[str, ...]) -> None:
    seconds = round(minutes * 60)
    rows, ending, seen = listen(seconds, wav, microphone, extra)
    memory_mb, cpu = rows[:, 0], 100 * np.diff(rows[:, 1], prepend=rows[0, 1])
    latency_ms = np.array([(arrived - captured) / 1e6 for _, captured, arrived, _ in seen.arrivals])
    draw(output, memory_mb, cpu, worst_latencies(seen, seconds))
    early = memory_mb[len(memory_mb) // 10]
    report = {
        "minutes": minutes,
        "frames": len(seen.arrivals),
        "skipped": ending.final["skipped"],
        "uncounted": ending.lost - ending.final["skipped"],
        "sound_lost_ms": ending.final["dropped_ms"],
        "xruns": ending.final["xruns"],
        "memory_mb": {"early": early, "end": memory_mb[-1], "most": memory_mb.max()},
        "cpu_percent": round(float(np.median(cpu)), 1),
        "latency_ms": {f"p{p}": round(float(np.percentile(latency_ms, p)), 1) for p in (50, 95, 99)},
    }
    click.echo(f"wrote {output}\n\n{json.dumps(report)}")
    sys.exit(0 if ending.good and memory_mb[-1] - early < GROWTH_MB else 1)


if __name__ == "__main__":
    main()
