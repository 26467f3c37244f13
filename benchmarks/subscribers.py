"""Do subscribers get every frame, soon, whatever they are written in and however many they are?

\b
python benchmarks/subscribers.py --seconds 60

One publisher at 60 fps sends a mesh of 6,172 vertices (MeshTalk's size) over loopback to subscribers in processes of
their own: C++ and C# built from `viewer/unreal` and `viewer/unity` (g++, Mono; one that is not installed is left out),
Python in order, and as many more of the first kind as make --subscribers. All take every frame and read its vertices.

\b
latency    from sending to having read the vertices, one monotonic clock, ms
gaps       frames that never came, of those after the first that did
a stall    a Python subscriber that wants the newest frame sleeps for 5 s, then asks: how old what it gets is, ms
joining    a Python subscriber that connects in the middle: ms until it has the topology and a frame

The last line is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import numpy as np

from made_up_mesh import made_up_topology
from voxmesh.stream import wire
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.publish import Publisher
from voxmesh.stream.types import Frame
from voxmesh.viewer.receive import Receiver

FPS = 60
STALL_S = 5.0
ROOT = Path(__file__).parent.parent


def built(folder: Path) -> dict[str, list[str]]:
    """The commands of the foreign readers, by language, of those whose compiler is there."""
    commands = {}
    if shutil.which("g++"):
        headers, program = ROOT / "viewer/unreal/Source/VoxMesh/Public", folder / "reader"
        source = ROOT / "tests/unreal/reader.cpp"
        words = ["g++", "-std=c++17", "-O2", "-I", headers, source, "-o", program, "-lzmq", "-pthread"]
        subprocess.run(words, check=True)
        commands["C++"] = [str(program), "timed"]
    if shutil.which("mcs") and shutil.which("mono"):
        parser = [ROOT / f"viewer/unity/Runtime/VoxMesh{name}.cs" for name in ("Message", "Json", "Topology")]
        program = folder / "Reader.exe"
        subprocess.run(["mcs", "-nologo", f"-out:{program}", *parser, ROOT / "tests/unity/Reader.cs"], check=True)
        commands["C#"] = ["mono", str(program), "timed"]
    return commands


def in_order(endpoint: str, pipe: Connection) -> None:
    """A Python subscriber that takes every frame: (index, sent, read) each, monotonic ns."""
    with Receiver(endpoint) as receiver:
        pipe.send([(frame.index, frame.published_ns, time.monotonic_ns()) for frame in receiver])


def stalls(endpoint: str, pipe: Connection) -> None:
    """A Python subscriber that sleeps: milliseconds from the sending of what it then gets to its getting it."""
    with Receiver(endpoint) as receiver:
        receiver.latest(10.0)
        time.sleep(STALL_S)
        frame = receiver.latest(1.0)
        pipe.send(None if frame is None else (time.monotonic_ns() - frame.published_ns) / 1e6)


def joins(endpoint: str, pipe: Connection) -> None:
    """A Python subscriber that comes late: milliseconds until it has a topology and a frame."""
    began = time.monotonic()
    with Receiver(endpoint) as receiver:
        receiver.wait_for_topology()
        receiver.latest(10.0)
        pipe.send((time.monotonic() - began) * 1000)


def read(text: str) -> list[tuple[int, ...]]:
    """What a foreign reader printed: index, sent, read of each frame."""
    return [tuple(map(int, line.split())) for line in text.splitlines() if line[:1].isdigit()]


def figures(rows: list[tuple[int, ...]]) -> dict[str, Any]:
    """What one subscriber measured. rows: index, sent, read."""
    ms = np.array([(read - sent) / 1e6 for _, sent, read in rows])
    gaps = rows[-1][0] - rows[0][0] + 1 - len(rows)
    percentiles = {f"p{p}": round(float(np.percentile(ms, p)), 3) for p in (50, 95, 99)}
    return {"frames": len(rows), "gaps": gaps, **percentiles, "max": round(float(ms.max()), 3)}


@click.command(help=__doc__)
@click.option("--seconds", type=click.FloatRange(10), default=60.0, show_default=True)
@click.option("--vertices", type=click.IntRange(20), default=6172, show_default=True)
@click.option("--subscribers", type=click.IntRange(1), default=20, show_default=True)
def main(seconds: float, vertices: int, subscribers: int) -> None:
    hello = wire.TopologyMessage("subscribers", made_up_topology(vertices), 16000, FPS, 1, ARKIT_NAMES)
    spawn = multiprocessing.get_context("spawn")

    def start(target: Any, endpoint: str) -> Connection:
        here, there = spawn.Pipe(duplex=False)
        spawn.Process(target=target, args=(endpoint, there), daemon=True).start()
        return here

    with tempfile.TemporaryDirectory() as folder:
        commands = built(Path(folder))
        with Publisher("tcp://127.0.0.1:*", hello) as publisher:
            names = [*commands, *(["C++"] if "C++" in commands else []) * (subscribers - len(commands) - 1)]
            processes = [
                subprocess.Popen([*commands[name], publisher.endpoint], stdout=subprocess.PIPE, text=True)
                for name in names
            ]
            ordered, stalled = start(in_order, publisher.endpoint), start(stalls, publisher.endpoint)
            until = time.monotonic() + 30
            while publisher.viewers < len(names) + 2 and time.monotonic() < until:
                publisher.poll()
                time.sleep(0.01)
            late = speak(publisher, hello.topology.template, seconds, lambda: start(joins, publisher.endpoint))
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    measured = [figures(read(text)) for text in outputs]
    found = dict(zip(commands, measured, strict=False)) | {"Python": figures(ordered.recv())}
    others = measured[len(commands) :]
    click.echo("| subscriber | frames | gaps | p50, ms | p95 | p99 | max |\n|---|---|---|---|---|---|---|")
    for name, one in found.items():
        click.echo(f"| {name} | " + " | ".join(str(value) for value in one.values()) + " |")
    if others:
        worst = {key: max(one[key] for one in others) for key in ("gaps", "p50", "p95", "p99", "max")}
        click.echo(f"| worst of {len(others)} more | | " + " | ".join(str(value) for value in worst.values()) + " |")
        found["others, worst"] = worst
    about = {"stall_ms": stalled.recv(), "joining_ms": late.recv()}
    click.echo(
        f"\nafter a stall of {STALL_S:g} s: {about['stall_ms']:.1f} ms old; joining: {about['joining_ms']:.0f} ms"
    )
    click.echo("\n" + json.dumps({"seconds": seconds, "vertices": vertices, **about, "subscribers": found}))


def speak(publisher: Publisher, template: np.ndarray, seconds: float, in_the_middle: Any) -> Any:
    """Publish at the pace of the wall clock; returns what `in_the_middle` gave."""
    began, count, result = time.monotonic(), round(seconds * FPS), None
    for index in range(count):
        time.sleep(max(0.0, began + index / FPS - time.monotonic()))
        publisher.poll()
        if index == count // 2:
            result = in_the_middle()
        publisher.publish(
            Frame(index, index * 16000 // FPS, 0, template + np.float32(1e-3 * np.sin(index)), np.zeros(0))
        )
    return result


if __name__ == "__main__":
    main()
