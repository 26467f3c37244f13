"""Faults of sound: what a microphone should never give, from a file that `voxmesh live` speaks from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from live_process import SAMPLE, LiveProcess, Watcher, end
from torture import Row

RATE = 48000


def wild(kind: str, count: int) -> np.ndarray:
    """(count,) float32 of something that is no speech."""
    rng = np.random.default_rng(0)
    made = {
        "DC at 0.9": lambda: np.full(count, 0.9),
        "clipped noise": lambda: np.sign(rng.normal(0, 1, count)),
        "digital silence": lambda: np.zeros(count),
        "whisper at -80 dB": lambda: rng.normal(0, 1e-4, count),
        "shout at 0 dB": lambda: np.clip(rng.normal(0, 1, count), -1, 1),
        "NaN": lambda: np.full(count, np.nan),
        "infinite samples": lambda: np.where(np.arange(count) % 100 == 0, np.inf, 0.01),
        "samples of 3e38": lambda: np.where(np.arange(count) % 2, 3e38, -3e38),
    }
    return made[kind]().astype(np.float32)


KINDS = ("DC at 0.9", "clipped noise", "digital silence", "whisper at -80 dB", "shout at 0 dB", "NaN")
KINDS += ("infinite samples", "samples of 3e38")


def wild_sound(folder: Path) -> Row:
    """A second of each, a second of speech after each; the mouth must move with every one of the latter."""
    speech, rate = soundfile.read(SAMPLE, dtype="float32")
    speech = np.interp(np.arange(RATE) / RATE, np.arange(len(speech)) / rate, speech).astype(np.float32)
    soundfile.write(
        folder / "wild.wav", np.concatenate([part for kind in KINDS for part in (wild(kind, RATE), speech)]), RATE,
        subtype="FLOAT",
    )  # fmt: skip
    with LiveProcess("--wav", folder / "wild.wav", "--stale", 600_000) as live, Watcher(live.endpoint) as seen:
        ending = end(live, seen, None)
    replaced = ending.final["replaced_samples"]
    opening = {index: mm for index, _, _, mm in seen.arrivals}
    still = []
    for number, kind in enumerate(KINDS):
        spoken = [opening[i] for i in range(60 * (2 * number + 1), 60 * (2 * number + 2)) if i in opening]
        if not spoken or not np.isfinite(spoken).all() or np.ptp(spoken) < 3.0:
            still.append(kind)
    good = ending.good and not still and replaced == RATE + RATE // 100
    note = f"{replaced} samples were no numbers, said so" + (f"; no speech after {still}" if still else "")
    return Row(", ".join(KINDS), "1 s each", good, ending.lost, None, note)


ROWS = [wild_sound]
