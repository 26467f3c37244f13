"""Does a face that changes its style every two seconds jump, cost more or run late?

\b
python benchmarks/styles_live.py --minutes 5 --plain BUNDLE

\b
jumps  as fast as it goes: millimetres that the fastest vertex moves from one frame to the next, in the half second
       after a switch (it is eased for 0.3 s, and the decoder remembers some frames) and elsewhere; and while one style
       is kept, for the same sound
cost   milliseconds a frame while one style is kept, with a switch every two seconds, with gains of both regions, with
       blinks off, and of a bundle that takes no style (--plain); in turns, so that others are equally busy for all
late   `voxmesh live --control` in a process of its own, in real time, told another style every two seconds, and told
       none: frames that a subscriber has in hand later than look-ahead, block and one frame after their sound

The last line is one JSON object.
"""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from live_process import LiveProcess
from mendable import mendable
from timing import load_average, time_in_turns
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.control import ask
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.region_gain import AS_IT_IS, Gains
from voxmesh.stream.types import AudioChunk
from voxmesh.viewer.receive import Receiver

SWITCH_S, AFTER_S = 2.0, 0.5
BLOCK_MS = 10.0
SAMPLE = Path(__file__).parent.parent / "stream" / "sample.wav"
PARTS = ("jumps", "cost", "late")


class Speaker:
    """An engine that hears a file over and over, and is told the next of `styles` every SWITCH_S."""

    def __init__(self, bundle: Bundle, wav: Path, styles: list[np.ndarray], gains: Gains = AS_IT_IS) -> None:
        with AudioFile(wav) as audio:
            self._samples, rate = np.concatenate(list(audio.blocks())), audio.rate
        self.engine = Engine(bundle, source_rate=rate, seed=1, gains=gains, style=styles[0] if styles else None)
        self._styles, self._size, self._at = styles, rate // round(self.engine.clock.fps), 0
        self._due = self._every = round(SWITCH_S * self.engine.clock.fps)
        self.switched = self._told = 0

    def push(self) -> list:
        """About a frame of sound -> its frames."""
        if len(self._styles) > 1 and self.engine.next_frame >= self._due:
            self.switched, self._due = self.engine.next_frame, self._due + self._every
            self._told += 1
            self.engine.set_style(self._styles[self._told % len(self._styles)])
        block = np.take(self._samples, np.arange(self._at, self._at + self._size), axis=0, mode="wrap")
        self._at += self._size
        return self.engine.push(AudioChunk(block, self._at - self._size))


def moves(speaker: Speaker, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) millimetres of the fastest vertex from the frame before, and (T,) frames since the last switch."""
    before, fastest, since = None, np.zeros(frames), np.zeros(frames, int)
    for _ in tqdm(count(), total=frames, desc="jumps", leave=False):
        for frame in speaker.push():
            if frame.index >= frames:
                return fastest[1:], since[1:]
            if before is not None:
                fastest[frame.index] = 1e3 * float(np.sqrt(((frame.vertices - before) ** 2).sum(1).max()))
            before, since[frame.index] = frame.vertices, frame.index - speaker.switched
    raise AssertionError


def jumps(bundle: Bundle, wav: Path, seconds: float) -> dict[str, object]:
    styles = list(bundle.style.names.values())
    fps = bundle.features.clock.fps
    # Every style after every other, in the end.
    order = [styles[i] for i in np.random.default_rng(0).permutation(np.tile(np.arange(len(styles)), 20))]
    fastest, since = moves(Speaker(bundle, wav, order), round(seconds * fps))
    kept = [moves(Speaker(bundle, wav, [style]), round(seconds * fps / len(styles)))[0] for style in styles]
    near = (since < AFTER_S * fps) & (np.arange(len(since)) > SWITCH_S * fps)
    most = float(np.concatenate([fastest[~near], *kept]).max())
    return {
        "switches": int(((since == 0) & near).sum()),
        "mm_after_a_switch": spread(fastest[near]),
        "mm_elsewhere": spread(fastest[~near]),
        "mm_one_style_kept": spread(np.concatenate(kept)),
        "frames_after_a_switch_that_move_more_than_any_elsewhere": int((fastest[near] > most).sum()),
    }


def spread(values: np.ndarray) -> dict[str, float]:
    names = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
    return {name: round(float(np.percentile(values, q)), 3) for name, q in names.items()}


def cost(bundle: Bundle, plain: Bundle | None, wav: Path, frames: int) -> dict[str, object]:
    styles = list(bundle.style.names.values())
    speakers = {
        "one style kept": Speaker(bundle, wav, styles[1:2]),
        "a switch every 2 s": Speaker(bundle, wav, styles),
        "gains of both regions": Speaker(bundle, wav, [], Gains(1.3, 1.5)),
        "blinks off": Speaker(bundle, wav, [], Gains(blink=False)),
    }
    if plain is not None:
        speakers["no styles"] = Speaker(plain, wav, [])
    times = time_in_turns({name: speaker.push for name, speaker in speakers.items()}, frames)
    return {name: each.summary() for name, each in times.items()}


def late(bundle: Bundle, wav: Path, seconds: float, told: bool) -> dict[str, object]:
    arguments = ("--control", "tcp://127.0.0.1:*", "--bundle", bundle.folder, "--quiet")
    names, over, latency_ms = list(bundle.style.names), threading.Event(), []
    answers: list[str] = []

    def tell() -> None:
        while told and not over.wait(SWITCH_S):
            answers.append(ask(live.control, "style", names[len(answers) % len(names)], timeout_s=30))

    teller = threading.Thread(target=tell)
    with (
        LiveProcess("--wav", wav, "--loop", "--seconds", seconds, *arguments) as live,
        Receiver(live.endpoint) as receiver,
    ):
        try:
            teller.start()
            while not receiver.ended:
                if (frame := receiver.next(30.0)) is not None:
                    latency_ms.append((time.monotonic_ns() - frame.captured_ns) / 1e6)
            missed = receiver.missed
        finally:
            over.set()
            teller.join()
    clock = bundle.features.clock
    bound_ms = bundle.features.lookahead_ms + BLOCK_MS + 1000 / clock.fps
    return {
        "styles_told": len(answers),
        "frames": len(latency_ms),
        "missed": missed,
        "late": int((np.array(latency_ms) > bound_ms).sum()),
        "bound_ms": round(bound_ms, 1),
        "latency_ms": spread(np.array(latency_ms)),
    }


@click.command(help=__doc__)
@click.option("--bundle", type=click.Path(path_type=Path), help="One that takes styles [the shipped one].")
@click.option("--plain", type=click.Path(path_type=Path), help="One of the same size that takes none.")
@click.option("--wav", type=click.Path(path_type=Path), default=SAMPLE, help="What is said [the bundled sentence].")
@click.option("--minutes", type=click.FloatRange(0.1), default=5.0, show_default=True)
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="May be repeated [all].")
def main(bundle: Path | None, plain: Path | None, wav: Path, minutes: float, parts: tuple[str, ...]) -> None:
    with mendable("styles_live"):
        styled, parts = load(bundle), parts or PARTS
        if styled.style is None:
            raise VoxmeshError(f"{styled.folder} takes no style: choose another --bundle")
        measures = {
            "jumps": partial(jumps, styled, wav, 60 * minutes),
            "cost": partial(cost, styled, None if plain is None else load(plain), wav, round(600 * minutes)),
            "late": lambda: {
                "styles told": late(styled, wav, 60 * minutes, True),
                "none told": late(styled, wav, 60 * minutes, False),
            },
        }
        report = {part: measures[part]() for part in parts}
        click.echo(json.dumps({"minutes": minutes, "load_average": load_average(), **report}))


if __name__ == "__main__":
    main()
