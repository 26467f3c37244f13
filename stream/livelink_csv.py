"""Live Link Face's CSV: what the phone app stores beside a take, read by Unreal's importer, Faceit and many scripts.

`Timecode,BlendShapeCount,` and 61 columns. The timecode is HH:MM:SS:FF.sss, FF counting frames within the second, sss
thousandths of one; ours starts at 00:00:00:00.000. Columns are the packet's, but the app writes JawRight before
JawLeft and MouthRight before MouthLeft here, and so do we: readers that count columns then agree with those that read
names. As in the packet, head and eye rotations are 0.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.livelink import NAMES

_SWAPPED = {"JawLeft": "JawRight", "MouthLeft": "MouthRight"} | {"JawRight": "JawLeft", "MouthRight": "MouthLeft"}
COLUMNS: tuple[str, ...] = tuple(_SWAPPED.get(name, name) for name in NAMES)


def timecode(frame: int, clock: FrameClock) -> str:
    """Of frame `frame`. A second has the rate's whole number of frames, rounded up (29.97: 30, none dropped)."""
    seconds, part = divmod(frame, -(-clock.fps_num // clock.fps_den))
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}:{part:02}.000"


def write_csv(path: Path, weights: np.ndarray, clock: FrameClock) -> None:
    """weights: (T, 52) in ARKIT_NAMES' order, one row a frame of the clock."""
    values = np.zeros((len(weights), len(NAMES)))
    values[:, : weights.shape[1]] = weights
    values = values[:, [NAMES.index(name) for name in COLUMNS]]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("Timecode", "BlendShapeCount", *COLUMNS))
        for frame, row in enumerate(values):
            rows.writerow((timecode(frame, clock), len(COLUMNS), *(f"{value:.8f}" for value in row)))
