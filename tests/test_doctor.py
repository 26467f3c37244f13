"""`voxmesh doctor`: what is missing is named with what to do, and only what stops voxmesh fails."""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from voxmesh.stream.doctor import FAIL, NOTE, OK, examine


def test_everything_is_looked_at(cli: Callable, tiny_bundle: Path) -> None:
    """Here, with neither screen nor sound card nor GPU, voxmesh works: exit code 0, notes that say what to do."""
    result = cli("doctor", "--bundle", tiny_bundle, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    for what in ("runtime", "bundle", "GPU", "microphone", "display", "port 5556", "viewer", "train"):
        assert f"  {what} " in result.stdout
    lines = result.stdout.splitlines()
    assert all(after.lstrip().startswith("->") for line, after in pairwise(lines) if line.startswith(NOTE))


def test_a_bundle_that_will_not_do_fails(cli: Callable, tmp_path: Path) -> None:
    """Exit code 1, and what load says of it."""
    result = cli("doctor", "--bundle", tmp_path, timeout=300)
    assert result.returncode == 1 and "FAIL  bundle" in result.stdout and "bundle.json is not there" in result.stdout


def test_a_taken_port_and_a_missing_screen_are_notes(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is named with what it is for; one that is free is fine."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with socket.socket() as taken, socket.socket() as other:
        for one in (taken, other):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        found = {one.what: one for one in examine(tiny_bundle, {port: "frames", free: "control"})}
    assert found[f"port {port}"].state == NOTE and "frames" in found[f"port {port}"].found
    assert found[f"port {free}"].state == OK
    assert found["display"].state == NOTE and "--web" in found["display"].advice
    assert not [one for one in found.values() if one.state == FAIL]
