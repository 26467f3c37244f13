"""From sound to a subscriber's hands, part by part: what a user waits for, and what for.

\b
python benchmarks/latency.py --seconds 30 --bundle instant

A source paced by the wall clock in blocks of 10 ms (or the microphone, with --mic or --virtual-mic), the engine and the
publisher run in one process as `voxmesh live` runs them; a subscriber in this one takes the frames, on the same clock
(CLOCK_MONOTONIC).

\b
look-ahead    declared by the bundle: the frame hears so much past the instant it depicts
block         from the last sample that the frame hears until the block that holds it is over
sound system  with --virtual-mic, from then until the block is in hand: PulseAudio's, ALSA's and PortAudio's own
resample, features, network
              of the push that completes the frame; encoder, context and decoder are the network's parts, by ONNX
              Runtime's own profile of other frames, as shares of the network's time here
serialise     from array to message
socket        from sending to the subscriber's hands
total         from the instant at which the depicted sound entered the microphone to the frame in hand

The first frame is told apart: it also waits for the sound to begin. start_up_s is what the bundle and the engine take,
cold_start_s all from the launch of a Python to the first frame in hand. With --virtual-mic instants are those at which
samples really entered, and stamp_error_ms is how much later the microphone's own stamps are (median); its first two
seconds are not counted. The last line is one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event
from typing import Any

import click
import numpy as np
import zmq

from mendable import mendable
from network_parts import shares
from virtual_sound import RATE, Spoken, virtual_microphone
from voxmesh.stream import wire
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.backend import BACKENDS, DEVICES, open_backend
from voxmesh.stream.bundle import load
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.frame_rate import rate_of
from voxmesh.stream.live import Source, run
from voxmesh.stream.microphone import Microphone
from voxmesh.stream.pacing import PacedFile
from voxmesh.stream.publish import Publisher
from voxmesh.stream.types import AudioChunk

PARTS = ("look-ahead", "block", "sound system", "resample", "features", "network", "serialise", "socket", "total")
PERCENTILES = (50, 95, 99)
SETTLING_S = 2.0
"""Of the virtual microphone, not counted: what piled up in the sound system while it was opened comes late."""
KEPT = 100
"""Blocks of the beginning and of the end that are compared with what was spoken into the virtual microphone."""


@dataclass(frozen=True)
class Row:
    """What the speaking process knows of a frame. Times are monotonic ns.

    sample: that it depicts, at the bundle's rate. end: of the block that completed it, in the source's samples.
    spent: ns by part. over: when that block's last sample had entered, where that is known.
    """

    index: int
    sample: int
    captured: int
    end: int
    handed_over: int
    spent: dict[str, int]
    serialise: int = 0
    over: int | None = None


class Stopwatch:
    """Wraps calls and keeps, by name, the nanoseconds of those since the last `take`."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)

    def timed(self, name: str, call: Callable) -> Callable:
        def measured(*arguments: Any) -> Any:
            began = time.perf_counter_ns()
            try:
                return call(*arguments)
            finally:
                self.spent[name] += time.perf_counter_ns() - began

        return measured

    def take(self) -> dict[str, int]:
        spent, self.spent = dict(self.spent), defaultdict(int)
        return spent


class VirtualMicrophone:
    """A Source: the default microphone, opened when sound is first asked for."""

    name, rate, dropped_samples, overflows = "virtual microphone", RATE, 0, 0

    def chunks(self) -> Iterator[AudioChunk | None]:
        with closing(Microphone(None, RATE)) as microphone:
            yield from microphone.chunks()

    def close(self) -> None: ...


def speak(pipe: Connection, options: dict[str, Any]) -> None:
    """The speaking process: says its endpoint, waits for a subscriber, speaks, and sends what it measured."""
    began = time.monotonic()
    bundle = load(options["bundle"])
    backend = open_backend(bundle, options["backend"], options["threads"], options["device"])
    source: Source = PacedFile(AudioFile(options["wav"]), loop=True)
    if options["virtual_mic"]:
        source = VirtualMicrophone()
    elif options["mic"]:
        source = Microphone(options["mic"])
    fps = rate_of(options["fps"]) if options["fps"] else None
    engine = Engine(bundle, source_rate=source.rate, backend=backend, fps=fps)
    watch, rows = Stopwatch(), []
    first: list[tuple[int, int, np.ndarray]] = []
    last: deque[tuple[int, int, np.ndarray]] = deque(maxlen=KEPT)
    hearing = engine.hearing
    hearing.resampler.push = watch.timed("resample", hearing.resampler.push)  # type: ignore[method-assign]
    hearing.features.push = watch.timed("features", hearing.features.push)  # type: ignore[method-assign]
    backend.step = watch.timed("network", backend.step)  # type: ignore[method-assign]
    wire.pack = watch.timed("serialise", wire.pack)
    push = engine.push

    def pushed(chunk: Any) -> list:
        handed_over = time.monotonic_ns()
        if options["virtual_mic"]:
            first.extend([(chunk.start, handed_over, chunk.samples)] if len(first) < KEPT else [])
            last.append((chunk.start, handed_over, chunk.samples))
        watch.take()
        frames = push(chunk)
        spent = watch.take()
        end = chunk.start + len(chunk.samples)
        rows.extend([Row(frame.index, frame.sample, frame.captured_ns, end, handed_over, spent) for frame in frames])
        return frames

    engine.push = pushed  # type: ignore[method-assign]
    clock = engine.clock
    hello = wire.TopologyMessage(
        "latency", engine.topology, clock.sample_rate, clock.fps_num, clock.fps_den, bundle.blendshape_names
    )
    with closing(source), Publisher("tcp://127.0.0.1:*", hello) as publisher:
        publish, serialised = publisher.publish, {}

        def published(frame: Any) -> int:
            watch.take()
            sent = publish(frame)
            serialised[frame.index] = watch.take().get("serialise", 0)
            return sent

        publisher.publish = published  # type: ignore[method-assign,assignment]
        pipe.send((publisher.endpoint, bundle.features.lookahead_samples, clock.sample_rate))
        run(source, engine, publisher, stop=Event(), wait_s=30.0, samples=round(options["seconds"] * source.rate))
    pipe.send({
        "rows": [replace(row, serialise=serialised.get(row.index, 0)) for row in rows],
        "heard": (first, list(last)),
        "ready_s": time.monotonic() - began - options["seconds"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    })  # fmt: skip


def listen(endpoint: str) -> dict[int, tuple[int, int]]:
    """Receive until goodbye: frame index -> (published, received), monotonic ns."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.linger, socket.rcvhwm, socket.rcvtimeo = 0, 0, 30_000
    socket.subscribe(wire.topic(wire.FRAME))
    socket.subscribe(wire.topic(wire.BYE))
    socket.connect(endpoint)
    received = {}
    try:
        while True:
            data = socket.recv()
            now = time.monotonic_ns()
            message = wire.unpack(data)
            if isinstance(message, wire.ByeMessage):
                return received
            if isinstance(message, wire.FrameMessage):
                received[message.index] = (message.published_ns, now)
    except zmq.Again:
        raise VoxmeshError("no frame came for 30 s: does the source give sound?") from None
    finally:
        context.destroy(linger=0)


def true_rows(said: dict[str, Any], spoken: Spoken, rate: int) -> list[Row]:
    """The rows by the instants at which sound entered the virtual microphone, instead of its own stamps.

    Raises VoxmeshError when sound was lost on the way: then the end does not lie where the beginning says.
    """
    entered = []
    for blocks in said["heard"]:
        (start, *_), (_, handed_over, _) = blocks[0], blocks[-1]
        mono = np.concatenate([samples.reshape(len(samples), -1)[:, 0] for *_, samples in blocks])
        entered.append(spoken.entered(mono, handed_over) - start * 1_000_000_000 // RATE)
    if abs(entered[1] - entered[0]) > 1_000_000:
        raise VoxmeshError(f"{(entered[1] - entered[0]) / 1e6:.1f} ms of sound were lost on the way: a busy machine?")
    return [
        replace(
            row,
            captured=entered[0] + row.sample * 1_000_000_000 // rate,
            over=entered[0] + row.end * 1_000_000_000 // RATE,
        )
        for row in said["rows"]
    ]


def parts(rows: list[Row], received: dict[int, tuple[int, int]], lookahead_ms: float) -> dict[str, np.ndarray]:
    """Milliseconds of each part, one row a frame that arrived, in order of frames."""
    found: dict[str, list[float]] = {name: [] for name in PARTS}
    for row in rows:
        if row.index not in received:
            continue
        published, got = received[row.index]
        over = row.handed_over if row.over is None else row.over
        found["look-ahead"].append(lookahead_ms)
        found["block"].append((over - row.captured) / 1e6 - lookahead_ms)
        found["sound system"].append((row.handed_over - over) / 1e6)
        for name in ("resample", "features", "network"):
            found[name].append(row.spent.get(name, 0) / 1e6)
        found["serialise"].append(row.serialise / 1e6)
        found["socket"].append((got - published) / 1e6)
        found["total"].append((got - row.captured) / 1e6)
    if all(row.over is None for row in rows):
        del found["sound system"]  # nobody knows
    return {name: np.array(values) for name, values in found.items()}


def summary(values: np.ndarray) -> dict[str, float]:
    """p50, p95, p99 and max, ms."""
    found = {f"p{p}": round(float(np.percentile(values, p)), 3) for p in PERCENTILES}
    return {**found, "max": round(float(values.max()), 3)}


@click.command(help=__doc__)
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--wav", type=click.Path(path_type=Path), default="stream/sample.wav", show_default=True)
@click.option("--mic", help="Hear this microphone instead (see `voxmesh devices`).")
@click.option(
    "--virtual-mic", is_flag=True, help="Hear --wav through a PulseAudio of our own, whose instants are known."
)
@click.option("--backend", type=click.Choice(BACKENDS), default="onnx", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True)
@click.option("--fps", help="Frames a second, such as 30 [the bundle's, 60].")
@click.option(
    "--vertices", type=click.IntRange(20), help="A made-up face of so many (MeshTalk's has 6172), random weights."
)
@click.option("--seconds", type=click.FloatRange(min=1), default=30.0, show_default=True)
def main(**options: Any) -> None:
    with mendable("latency"), ExitStack() as stack:
        if options["vertices"]:
            if options["bundle"]:
                raise VoxmeshError("--vertices makes a bundle of its own up: drop --bundle")
            # Here, because the speaking process imports this file too, and is weighed without torch.
            from made_up import make_bundle
            from voxmesh.model.config import ModelConfig

            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "made-up"
            make_bundle(ModelConfig(), options["vertices"], folder)
            options["bundle"] = folder
        if options["device"] != "cpu":
            open_backend(load(options["bundle"]), options["backend"], device=options["device"])  # or say why not
        spoken = stack.enter_context(virtual_microphone(options["wav"])) if options["virtual_mic"] else None
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        process = spawn.Process(target=speak, args=(there, options), daemon=True)
        launched_ns = time.monotonic_ns()
        process.start()
        there.close()
        try:
            endpoint, lookahead, rate = here.recv()
            received = listen(endpoint)
            said = here.recv()
        except EOFError:
            raise VoxmeshError("the speaking process ended early: its error is above") from None
        process.join(30)
        lines = true_rows(said, spoken, rate) if spoken else said["rows"]
        found = parts(lines, received, 1000.0 * lookahead / rate)
        settled = 1 + sum(row.sample < SETTLING_S * rate for row in lines) if spoken else 1
        if settled >= len(found["total"]):
            raise VoxmeshError(f"only {len(found['total'])} frames came: give more --seconds")
        rows = {name: summary(values[settled:]) for name, values in found.items()}
        if options["backend"] == "onnx" and options["device"] == "cpu":
            for name, share in shares(load(options["bundle"])).items():
                rows[f"network: {name}"] = {key: round(value * share, 3) for key, value in rows["network"].items()}
    click.echo("| ms | p50 | p95 | p99 | max |\n|---|---|---|---|---|")
    for name, row in rows.items():
        click.echo(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |")
    about = {
        "frames": len(found["total"]),
        "first_frame_ms": round(float(found["total"][0]), 1),
        "cold_start_s": round((min(got for _, got in received.values()) - launched_ns) / 1e9, 2),
        "start_up_s": round(said["ready_s"], 2),
        "peak_mb": round(said["peak_mb"], 1),
    }
    if spoken:
        late = [stamped.captured - row.captured for stamped, row in zip(said["rows"], lines, strict=True)]
        about["stamp_error_ms"] = round(float(np.median(late)) / 1e6, 2)
    click.echo("\n" + json.dumps({**options, **about, "ms": rows}, default=str))


if __name__ == "__main__":
    main()
