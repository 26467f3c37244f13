"""How far sound and face are apart in `voxmesh view --sound`: what is heard while a frame is drawn.

\b
python benchmarks/sound_offset.py --seconds 20

`voxmesh live --send-audio` speaks in a process of its own. This one receives, plays and draws as `voxmesh view --sound`
does, only that drawing is writing down the instant. The loudspeaker is a PulseAudio of our own that exists only here,
whose samples are heard at known instants. For every frame the sound that is heard when it is drawn is looked up in what
was said: its offset is how much further that is than the sound that the frame depicts.

Positive: the face is late. Frames in silence tell nothing and are left out. A screen's own delay, and the drawing's,
come on top. ITU-R BT.1359: viewers notice sound from 45 ms ahead of its picture (125 behind), and accept 90 (185).
The last line is one JSON object.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

from mendable import mendable
from virtual_sound import RATE, Played, as_written, virtual_loudspeaker
from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.loudspeaker import Loudspeaker
from voxmesh.viewer.receive import Receiver

EACH = 3
"""Every third sample is compared: speech at 16 kHz has no more."""
WINDOW = RATE // EACH // 20
"""Of them are looked up: 50 ms around the instant."""
REACH = RATE // EACH // 4
"""How far from where it should be sound is looked for: 250 ms."""
ALIKE = 0.9
"""Correlation below which it is not taken for found."""


def draw(endpoint: str, seconds: float) -> list[tuple[int, int, int]]:
    """Play and draw what comes: (instant, ns; sample that the frame depicts; its rate) of each frame."""
    drawn = []
    with Receiver(endpoint, sound=True) as receiver, Loudspeaker(receiver) as frames:
        began = None
        patience = time.monotonic() + 60
        while began is None or time.monotonic() < began + seconds:
            frame = frames.latest(0.05)
            if frame is not None:
                drawn.append((time.monotonic_ns(), frame.sample, frame.sample_rate))
                began = began or time.monotonic()
            elif began is None and time.monotonic() > patience:
                raise VoxmeshError("nothing was heard for a minute")
    return drawn


def offsets(drawn: list[tuple[int, int, int]], said: np.ndarray, played: Played) -> np.ndarray:
    """(n,) milliseconds, of the frames whose sound is found. said: (N,) what goes round and round, at RATE."""
    found = []
    for instant, sample, rate in drawn:
        at = (instant - played.began) * RATE // 1_000_000_000
        heard = played.sound[max(0, at - EACH * WINDOW // 2) : at + EACH * WINDOW // 2 : EACH].astype(np.float64)
        if len(heard) < WINDOW or heard.std() < 100:
            continue
        around = sample * RATE // rate + EACH * np.arange(-REACH - WINDOW // 2, REACH + WINDOW // 2)
        likeness = alike(heard, np.take(said, around, mode="wrap").astype(np.float64))
        if likeness.max() > ALIKE:
            found.append((int(likeness.argmax()) - REACH) * 1000 * EACH / RATE)
    return np.array(found)


def alike(heard: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(len(place) - len(heard) + 1,) correlation coefficients of `heard` with `place` from each of its samples on."""
    heard = (heard - heard.mean()) / np.linalg.norm(heard - heard.mean())
    ones = np.ones(len(heard))
    spread = np.correlate(place**2, ones) - np.correlate(place, ones) ** 2 / len(heard)
    return np.correlate(place, heard) / np.sqrt(np.maximum(spread, 1.0))


@click.command(help=__doc__)
@click.option("--wav", type=click.Path(path_type=Path), default="stream/sample.wav", show_default=True)
@click.option("--bundle", help="Bundle: a folder, default or instant.")
@click.option("--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True)
def main(wav: Path, bundle: str | None, seconds: float) -> None:
    with mendable("sound_offset"), virtual_loudspeaker() as finished:
        words = ["--wav", str(wav), "--loop", "--send-audio", "--listen", "tcp://127.0.0.1:*", "--wait", "30"]
        words += ["--bundle", bundle] if bundle else []
        command = [sys.executable, "-m", "voxmesh.stream.cli", "live", "--quiet", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as live:
            try:
                assert live.stdout is not None
                endpoint = re.search(r"tcp://[^,]+", live.stdout.readline())
                if endpoint is None:
                    raise VoxmeshError("`voxmesh live` did not start: its error is above")
                drawn = draw(endpoint[0], seconds)
            finally:
                live.terminate()
        played = finished()
    found = offsets(drawn, as_written(wav), played)
    if not len(found):
        raise SystemExit("sound_offset: error: nothing of what was said was heard")
    p5, p50, p95 = np.percentile(found, (5, 50, 95))
    click.echo("| offset, ms (face late: positive) | p5 | p50 | p95 |\n|---|---|---|---|")
    click.echo(f"| {len(found)} of {len(drawn)} frames | {p5:.1f} | {p50:.1f} | {p95:.1f} |")
    about = {"frames": len(drawn), "found": len(found), "seconds": seconds}
    figures = {"p5": round(p5, 2), "p50": round(p50, 2), "p95": round(p95, 2)}
    click.echo("\n" + json.dumps({**about, "offset_ms": figures}))


if __name__ == "__main__":
    main()
