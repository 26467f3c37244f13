"""Does a stream of hours stay what it is in its first minute? Faster than real time, with faults at random.

\b
python benchmarks/six_hours.py                        # the networks left out: minutes
python benchmarks/six_hours.py --hours 1 --networks   # all of it, some 15 times as fast as real time

Sound goes through the live loop itself, publisher, recorder of takes (to /dev/null) and all. The faults: chunks of any
length, lost sound of up to 2 s, sound that comes twice, bursts of NaN, a microphone that is away for up to 20 s,
subscribers that come, stall and go; speech, silence and noise by turns.

\b
frames     how many came out, and how many the clock says: each once, in order, on its exact sample
lost       samples that were lost, by the engine's count and by ours
memory     of the process, MB: after a tenth of the time, at the end, and the most in between
cost       CPU milliseconds a second of sound, the median over the second tenth of the time and over the last

The last line is one JSON object; exit code 1 unless frames and losses are exact, memory grows by less than 5 MB and
cost by less than a fifth.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import click
import numpy as np
import psutil
import zmq
from tqdm import tqdm

from clock_truth import Still
from voxmesh.stream import wire
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.live import run
from voxmesh.stream.publish import Publisher
from voxmesh.stream.stopping import quiet_collector
from voxmesh.stream.take import TakeWriter
from voxmesh.stream.types import AudioChunk, Frame

RATE = 48000
CHUNK = 2400
FAULT_EVERY = 500
"""One chunk in so many has a fault of each kind: of some kind every five seconds."""
GROWTH_MB = 5.0
GROWTH_COST = 1.2


class FaultySource:
    """A Source of `seconds` of sound that came with faults. look: called after each second of it."""

    name, rate, overflows = "faulty", RATE, 0

    def __init__(self, seconds: int, seed: int, look: Looks) -> None:
        self.dropped_samples = self.away_samples = self.sent = 0
        self._end, self._look = seconds * RATE, look
        self._rng = np.random.default_rng(seed)
        t = np.arange(RATE) / RATE
        buzz = np.sin(2 * np.pi * 120 * t) * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
        self._kinds = (0.3 * buzz, np.zeros(RATE), self._rng.normal(0, 0.01, RATE))

    def chunks(self) -> Iterator[AudioChunk | None]:
        rng, at, second = self._rng, 0, 0
        while at < self._end:
            if at // RATE > second:
                second = at // RATE
                self._look.second(second)
            fault = int(rng.integers(0, FAULT_EVERY))
            if fault == 0:
                lost = int(rng.integers(1, 2 * RATE))
                self.dropped_samples += lost
                at += lost
            elif fault == 1:
                away = int(rng.integers(1, 20 * RATE))
                self.dropped_samples += away
                self.away_samples += away
                for start in range(at, at + away, CHUNK):
                    yield AudioChunk(np.zeros(min(CHUNK, at + away - start), np.float32), start)
                at += away
            elif fault == 2:
                yield None
            count = CHUNK if rng.random() < 0.9 else int(rng.integers(1, 4800))
            samples = np.resize(self._kinds[second // 20 % 3], count).astype(np.float32)
            if fault == 3:
                samples[rng.integers(0, count) :] = np.nan
            back = int(rng.integers(0, count)) if fault == 4 and at > count else 0
            yield AudioChunk(samples, at - back)
            at += count - back
        self.sent = at

    def close(self) -> None: ...


class Looks:
    """What is measured each second of sound: memory, CPU time; and a subscriber that comes, stalls and goes."""

    def __init__(self, seconds: int, endpoint: str, progress: tqdm) -> None:
        self.memory_mb, self.cpu_s = np.zeros(seconds + 64), np.zeros(seconds + 64)
        self._process, self._endpoint, self._progress = psutil.Process(), endpoint, progress
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self.last = 0

    def second(self, second: int) -> None:
        second = min(second, len(self.cpu_s) - 1)
        self._progress.update(second - self.last)
        self.memory_mb[self.last + 1 : second + 1] = self._process.memory_info().rss / 1e6
        self.cpu_s[self.last + 1 : second + 1] = time.process_time()
        self.last = second
        there, reads = 10 <= second % 60 < 50, second % 60 >= 30
        if there and self._socket is None:
            self._socket = self._context.socket(zmq.SUB)
            self._socket.linger, self._socket.rcvhwm = 0, 10
            self._socket.subscribe(b"")
            self._socket.connect(self._endpoint)
        elif not there and self._socket is not None:
            self._socket.close()
            self._socket = None
        while reads and self._socket is not None and self._socket.poll(0):
            self._socket.recv()

    def close(self) -> None:
        self._context.destroy(linger=0)


class Counted:
    """A sink that holds frames to the clock."""

    def __init__(self, engine: Engine) -> None:
        self._clock, self.frames, self.wrong = engine.clock, 0, 0

    def heard(self, chunk: AudioChunk) -> None: ...

    def made(self, frames: list[Frame]) -> None:
        for frame in frames:
            exact = frame.index == self.frames and frame.sample == self._clock.sample(frame.index)
            self.wrong += not (exact and np.isfinite(frame.vertices).all())
            self.frames += 1

    def change(self, index: int, name: str, value: object) -> None:
        self.wrong += 1


@dataclass(frozen=True)
class Report:
    """What the help says. cost: (early, late)."""

    hours: float
    seconds_taken: float
    frames: int
    frames_expected: int
    frames_wrong: int
    lost_samples: int
    lost_expected: int
    memory_mb: tuple[float, float, float]
    cost_ms: tuple[float, float]

    @property
    def exact(self) -> bool:
        return (self.frames, self.frames_wrong, self.lost_samples) == (self.frames_expected, 0, self.lost_expected)

    @property
    def flat(self) -> bool:
        memory = max(self.memory_mb[1:]) - self.memory_mb[0] < GROWTH_MB
        return memory and self.cost_ms[1] < GROWTH_COST * self.cost_ms[0]


def stream(bundle: Bundle, seconds: int, networks: bool, seed: int = 0, hidden: bool | None = None) -> Report:
    """Run so many seconds of faulty sound. hidden: no progress bar (None: where there is no terminal)."""
    began = time.monotonic()
    engine = Engine(bundle, source_rate=RATE, backend=None if networks else Still(bundle.heads))
    clock = engine.clock
    hello = wire.TopologyMessage("hours", engine.topology, clock.sample_rate, clock.fps_num, clock.fps_den, ())
    counted, take = Counted(engine), TakeWriter(Path("/dev/null"), RATE, {})
    with Publisher("tcp://127.0.0.1:*", hello) as publisher, tqdm(total=seconds, unit="s", disable=hidden) as bar:
        looks = Looks(seconds, publisher.endpoint, bar)
        source = FaultySource(seconds, seed, looks)
        with quiet_collector():
            run(source, engine, publisher, stop=Event(), sinks=[counted, take])
        looks.close()
    take.close()
    tenth = max(1, seconds // 10)
    cost = 1000 * np.diff(looks.cpu_s[: seconds + 1])
    memory = looks.memory_mb[tenth : looks.last + 1]
    return Report(
        hours=seconds / 3600,
        seconds_taken=round(time.monotonic() - began, 1),
        frames=counted.frames,
        frames_expected=clock.frames(-(-source.sent * clock.sample_rate // RATE)),
        frames_wrong=counted.wrong,
        lost_samples=engine.lost_samples,
        lost_expected=source.dropped_samples - source.away_samples,
        memory_mb=(float(memory[0]), float(memory[-1]), float(memory.max())),
        cost_ms=tuple(float(np.median(part)) for part in (cost[tenth : 2 * tenth], cost[-tenth:])),
    )


@click.command(help=__doc__)
@click.option("--hours", type=click.FloatRange(0.01), default=6.0, show_default=True)
@click.option("--networks", is_flag=True, help="Compute every frame too.")
@click.option("--seed", default=0, show_default=True)
def main(hours: float, networks: bool, seed: int) -> None:
    report = stream(load(), round(hours * 3600), networks, seed)
    early, end, most = report.memory_mb
    click.echo(f"{report.frames} frames of {report.frames_expected}, {report.frames_wrong} of them wrong")
    click.echo(f"{report.lost_samples} samples lost of {report.lost_expected}")
    click.echo(f"memory {early:.1f} MB, at the end {end:.1f}, at most {most:.1f}")
    click.echo(f"cost {report.cost_ms[0]:.2f} ms a second of sound, at the end {report.cost_ms[1]:.2f}")
    click.echo("\n" + json.dumps(asdict(report)))
    sys.exit(0 if report.exact and report.flat else 1)


if __name__ == "__main__":
    main()
