"""`live --window`: a viewer in a process of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from voxmesh.stream import live_command
from voxmesh.stream.live_command import viewer_window


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the interpreter that runs the viewer: writes its process id and arguments, then waits."""
    script = tmp_path / "python"
    script.write_text(
        f'#!/bin/sh\necho $$ "$@" > {tmp_path}/ran.part\nmv {tmp_path}/ran.part {tmp_path}/ran\nsleep 60\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(live_command.sys, "executable", str(script))
    return tmp_path / "ran"


def started(ran: Path) -> list[str]:
    until = time.monotonic() + 10
    while not ran.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return ran.read_text().split()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False


def test_the_window_ends_with_live(python: Path) -> None:
    """It is told where to connect (an address, where live listens on all), and ended when live ends."""
    with viewer_window("tcp://0.0.0.0:5556"):
        process, *arguments = started(python)
        assert arguments == ["-m", "voxmesh.stream.cli", "view", "tcp://127.0.0.1:5556"]
        assert alive(int(process))
    assert not alive(int(process))


def test_closing_the_window_ends_nothing_else(python: Path) -> None:
    """Live goes on, and ends well without it."""
    with viewer_window("tcp://127.0.0.1:5556"):
        process = int(started(python)[0])
        os.kill(process, 15)
        time.sleep(0.1)
