"""The .csv is one that readers of Live Link Face's takes can read."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voxmesh.stream.clock import FrameClock
from voxmesh.stream.livelink_csv import timecode


def test_columns_are_the_apps_and_values_the_npz(
    tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable
) -> None:
    """Header, timecodes, 61 values a row: the .npz's weights under the app's names, rotations 0."""
    for name in ("a.csv", "a.npz"):
        assert cli("animate", speech, "-o", name, "--bundle", tiny_bundle).returncode == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"] and len(header) == 63
    assert header[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert header[23:25] == ["MouthRight", "MouthLeft"]
    assert header[53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"] and header[-1] == "RightEyeRoll"
    assert [row[0] for row in (rows[0], rows[59], rows[60])] == [
        *("00:00:00:00.000", "00:00:00:59.000", "00:00:01:00.000")
    ]
    assert len(rows) == 90 and {row[1] for row in rows} == {"61"}
    assert all(re.fullmatch(r"[01]\.\d{8}", value) for row in rows for value in row[2:])
    with np.load(tmp_path / "a.npz") as npz:
        for name, column in zip(npz["blendshape_names"], npz["blendshapes"].T, strict=True):
            place = header.index(name[0].upper() + name[1:])
            np.testing.assert_allclose([float(row[place]) for row in rows], column, atol=1e-8)
    assert all(float(value) == 0 for row in rows for value in row[54:])


@pytest.mark.parametrize(
    ("frame", "fps", "text"),
    [
        (0, (60, 1), "00:00:00:00.000"),
        (3599, (60, 1), "00:00:59:59.000"),
        (216_000, (60, 1), "01:00:00:00.000"),
        (30, (30000, 1001), "00:00:01:00.000"),
        (26, (25, 1), "00:00:01:01.000"),
    ],
)
def test_timecodes_count_frames(frame: int, fps: tuple[int, int], text: str) -> None:
    """Hours, minutes, seconds, and frames within the second at the clock's rate."""
    assert timecode(frame, FrameClock(16000, *fps)) == text
