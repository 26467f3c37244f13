"""Does time stay true? An hour of sound at 44.1, 48 and 16 kHz through 60, 30, 25 and 29.97 frames a second, and
sound cards whose crystals are off.

\b
python benchmarks/clock_truth.py --minutes 60

All but the networks is real: resampling, features, clocks, the engine's stamps. (They are left out because an hour of
them takes minutes and no network knows the time.) The wall clock is simulated: a card that runs 200 ppm fast delivers
its blocks of 10 ms that much sooner.

\b
frames     how many came out, and how many the clock says
exact      how many depict another sample than floor(t * 16000 / fps): 0
drift      the last frame's time in the sound, less its index / fps, ms: below one sample, which is 0.06
error      of the engine's `captured_ns` against the instant at which the depicted sample entered, ms, the worst
delay      from that instant to the block that let the frame out, ms: in the first minute and in the last

The last line is one JSON object.
"""

from __future__ import annotations

import json
from fractions import Fraction

import click
import numpy as np
from tqdm import tqdm

from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.engine import Engine
from voxmesh.stream.frame_rate import rate_of
from voxmesh.stream.types import AudioChunk, Frame, State

SECOND_NS = 1_000_000_000


class Still:
    """A backend that never moves: every frame is one and the same vertex."""

    def __init__(self, heads: int) -> None:
        self._result = np.zeros((1, 1, 3), np.float32), np.zeros((1, heads), np.int64)

    def identity(self, template: np.ndarray) -> np.ndarray:
        return np.zeros((0, 0), np.float32)

    def step(self, inputs: dict[str, np.ndarray], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        return *self._result, state


def stream(bundle: Bundle, rate: int, fps: tuple[int, int], ppm: float, seconds: int) -> dict[str, float]:
    """What came out of so many seconds of sound, by the card's own count of them."""
    engine = Engine(bundle, source_rate=rate, fps=fps, backend=Still(bundle.heads))
    real_rate = Fraction(rate) * (1 + Fraction(ppm) / 1_000_000)
    block = rate // 100
    samples = np.random.default_rng(0).normal(0, 0.01, block).astype(np.float32)
    count = wrong = 0
    worst_ns = 0
    last: Frame | None = None
    delays: list[float] = []

    def take(frames: list[Frame], now_ns: int | None) -> None:
        nonlocal count, wrong, worst_ns, last
        for frame in frames:
            wrong += frame.index != count or frame.sample != count * 16000 * fps[1] // fps[0]
            count += 1
            entered_ns = frame.sample * SECOND_NS / 16000 * rate / float(real_rate)
            worst_ns = max(worst_ns, abs(frame.captured_ns - 1 - entered_ns))
            if now_ns is not None:
                delays.append((now_ns - entered_ns) / 1e6)
            last = frame

    for start in range(0, seconds * rate, block):
        captured_ns, now_ns = (int(at * SECOND_NS / real_rate) for at in (start, start + block))
        # 0 means that nobody knows when: the stream begins one nanosecond after it.
        take(engine.push(AudioChunk(samples, start, 1 + captured_ns)), now_ns)
    take(engine.flush(), None)
    assert last is not None
    minute = min(len(delays), round(60 * fps[0] / fps[1]))
    return {
        "frames": count,
        "wanted": engine.clock.frames(seconds * 16000),
        "wrong": wrong,
        "drift_ms": round(last.sample / 16.0 - 1000.0 * last.index * fps[1] / fps[0], 4),
        "error_ms": round(worst_ns / 1e6, 4),
        "first_minute_ms": round(float(np.mean(delays[:minute])), 3),
        "last_minute_ms": round(float(np.mean(delays[-minute:])), 3),
    }


@click.command(help=__doc__)
@click.option("--minutes", default=60.0, show_default=True, help="Of sound, in every row.")
def main(minutes: float) -> None:
    bundle = load("instant")
    rows = [(rate, fps, 0) for rate in (44100, 48000, 16000) for fps in ("60", "30", "25", "29.97")]
    rows += [(48000, "60", ppm) for ppm in (-200, 200)]
    found = []
    titles = ("card, Hz", "off, ppm", "fps", "frames", "wanted", "wrong", "drift, ms", "error, ms")
    click.echo("| " + " | ".join((*titles, "delay, ms: first minute", "last")) + " |")
    click.echo("|---" * 10 + "|")
    for rate, fps, ppm in tqdm(rows, desc="streams", unit="hour" if minutes == 60 else "stream"):
        row = stream(bundle, rate, rate_of(fps), ppm, round(60 * minutes))
        found.append({"rate": rate, "ppm": ppm, "fps": fps, **row})
        tqdm.write(f"| {rate} | {ppm} | {fps} | " + " | ".join(str(value) for value in row.values()) + " |")
    click.echo(json.dumps({"minutes": minutes, "streams": found}))


if __name__ == "__main__":
    main()
