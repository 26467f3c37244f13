"""How many live avatars a machine holds: sessions batched in one process, against a process for each.

\b
python benchmarks/throughput.py --cores 0 --cores 0,1 --seconds 10

Each session hears 16 kHz sound paced by the wall clock, all due at the same instants (the worst case), and publishes
vertices. The bundle's networks run at its own 60 fps; at 30 fps every second frame is published. A frame is late when
it leaves after the next one is due. `held` is the largest number of sessions with no late frame, by doubling and
halving; two cores hold two batched processes. Workers are pinned to the cores they are told (Linux).

On a machine that does other work, late frames tell of that work. So there is also CPU time, which does not count
waiting for a turn: what a frame of a session costs, and how many sessions that would fill the cores (`cpu limit`).
The last line is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from dataclasses import asdict, dataclass, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import click
import numpy as np
import soundfile

from mendable import mendable
from voxmesh.stream.backend import DEVICES, open_backend
from voxmesh.stream.bundle import find, load
from voxmesh.stream.publish import Publisher
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.types import AudioChunk
from voxmesh.stream.wire import TopologyMessage

PUBLISHED = {60: 1, 30: 2}
WARM_UP = 30
"""Frames that are not counted."""


@dataclass(frozen=True)
class Trial:
    """What one worker does: `sessions` on `cores` for `seconds`, publishing `fps`, networks on `device`."""

    bundle: str | None
    sessions: int
    cores: tuple[int, ...]
    seconds: float
    fps: int
    device: str


@dataclass(frozen=True)
class Outcome:
    """frames: made, of all sessions. late: of those. cpu_ms: processor time a frame of one session took."""

    frames: int
    late: int
    cpu_ms: float


def work(trial: Trial, ready: Barrier, results: multiprocessing.SimpleQueue) -> None:
    """One worker process: speaks and puts its Outcome."""
    os.sched_setaffinity(0, trial.cores)
    bundle = load(trial.bundle)
    clock = bundle.features.clock
    sound, rate = soundfile.read(find().parent / "sample.wav", dtype="float32")
    assert rate == clock.sample_rate
    sessions = Sessions(bundle, open_backend(bundle, device=trial.device))
    with Publisher("tcp://127.0.0.1:*", None) as publisher:
        for i in range(trial.sessions):
            session = sessions.open(f"s{i}", seed=i, identity=i % len(bundle.topologies))
            about = (clock.sample_rate, clock.fps_num, clock.fps_den, bundle.blendshape_names)
            publisher.add(TopologyMessage(f"s{i}", session.topology, *about))
        total, frames, late, began_cpu = WARM_UP + round(trial.seconds * clock.fps), 0, 0, 0
        ready.wait()
        began = time.monotonic_ns()
        for tick in range(total):
            if tick == WARM_UP:
                frames, late, began_cpu = 0, 0, time.process_time_ns()
            start, end = clock.sample(tick), clock.sample(tick + 1)
            due = began + end * 1_000_000_000 // clock.sample_rate
            while (wait := due - time.monotonic_ns()) > 0:
                time.sleep(wait / 1e9)
            for i in range(trial.sessions):
                # Another place in the sentence for each.
                samples = np.take(sound, np.arange(start, end) + 5000 * i, mode="wrap")
                sessions.push(f"s{i}", AudioChunk(samples, start, due))
            publisher.poll()
            while batch := sessions.step():
                for name, frame in batch:
                    if frame.index % PUBLISHED[trial.fps] == 0:
                        publisher.publish(frame, session=name)
                    late += time.monotonic_ns() > due + 1_000_000_000 // trial.fps
                frames += len(batch)
        cpu = time.process_time_ns() - began_cpu
    results.put(Outcome(frames, late, cpu / 1e6 / max(1, frames)))


def together(trials: list[Trial]) -> Outcome:
    """Run workers at the same time: their frames and late frames added, their cost a frame on average."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(len(trials)), context.SimpleQueue()
    workers = [context.Process(target=work, args=(trial, ready, results), daemon=True) for trial in trials]
    for worker in workers:
        worker.start()
    try:
        outcomes = [results.get() for _ in workers]
    finally:
        for worker in workers:
            worker.join(10)
            worker.kill()
    frames = sum(o.frames for o in outcomes)
    return Outcome(frames, sum(o.late for o in outcomes), sum(o.cpu_ms * o.frames for o in outcomes) / frames)


def divided(trial: Trial, batched: bool) -> list[Trial]:
    """The workers that share a trial's sessions: one a core, or one a session."""
    workers = min(len(trial.cores), trial.sessions) if batched else trial.sessions
    return [
        replace(trial, sessions=len(range(i, trial.sessions, workers)), cores=(trial.cores[i % len(trial.cores)],))
        for i in range(workers)
    ]


def held(trial: Trial, batched: bool, most: int) -> dict:
    """The largest number of sessions with no late frame, and what each number that was tried gave.

    trial: all but its number of sessions.
    """
    tried: dict[int, Outcome] = {}

    def holds(count: int) -> bool:
        tried[count] = together(divided(replace(trial, sessions=count), batched))
        return tried[count].late == 0

    good, bad = 0, 1
    while bad <= most and holds(bad):
        good, bad = bad, 2 * bad
    bad = min(bad, most + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    cheapest = min(outcome.cpu_ms for outcome in tried.values())
    network_fps = load(trial.bundle).features.clock.fps
    return {
        "cores": len(trial.cores),
        "fps": trial.fps,
        "batched": batched,
        "held": good,
        "cpu_ms": round(cheapest, 3),
        "cpu_limit": int(1000 * len(trial.cores) / network_fps / cheapest),
        "tried": {count: asdict(outcome) for count, outcome in sorted(tried.items())},
    }


@click.command(help=__doc__)
@click.option("--bundle", help="Bundle: a folder, default or instant.")
@click.option("--cores", multiple=True, default=("0", "0,1"), show_default=True, help="Sets of cores, by number.")
@click.option("--fps", multiple=True, type=click.Choice(["30", "60"]), default=("60", "30"), show_default=True)
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help="Of the networks.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=10.0, show_default=True, help="Of each trial.")
@click.option("--most", type=click.IntRange(1), default=64, show_default=True, help="Sessions to try at most.")
@click.option("--sessions", type=click.IntRange(1), help="Try only this many, held or not.")
def main(
    bundle: str | None,
    cores: tuple[str, ...],
    fps: tuple[str, ...],
    device: str,
    seconds: float,
    most: int,
    sessions: int | None,
) -> None:
    rows = []
    click.echo("| cores | fps | sessions | held | CPU ms a frame | cpu limit |\n|---|---|---|---|---|---|")
    with mendable("throughput"):
        open_backend(load(bundle), device=device)  # what will not do is told here, and not by a worker
        for numbers in cores:
            pinned = tuple(int(number) for number in numbers.split(","))
            for rate in fps:
                trial = Trial(bundle, sessions or 1, pinned, seconds, int(rate), device)
                for batched in (True, False):
                    if sessions:
                        one = together(divided(trial, batched))
                        row = {
                            "cores": len(pinned),
                            "fps": int(rate),
                            "batched": batched,
                            "tried": {sessions: asdict(one)},
                        }
                        row |= {"held": f"{sessions}: {one.late} of {one.frames} late", "cpu_ms": round(one.cpu_ms, 3)}
                        row["cpu_limit"] = int(1000 * len(pinned) / load(bundle).features.clock.fps / one.cpu_ms)
                    else:
                        row = held(trial, batched, most)
                    rows.append(row)
                    how = "batched" if batched else "a process each"
                    click.echo(
                        f"| {row['cores']} | {rate} | {how} | {row['held']} | {row['cpu_ms']} | {row['cpu_limit']} |"
                    )
    about = {"bundle": str(Path(bundle).name) if bundle else "default", "device": device, "load": os.getloadavg()[0]}
    click.echo("\n" + json.dumps({**about, "seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
