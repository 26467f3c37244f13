"""What is said on stderr, and what Prometheus is told."""

from __future__ import annotations

import io
import json
import socket

import numpy as np
import pytest

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.logs import Log
from voxmesh.stream.metrics import MetricsServer, exposition
from voxmesh.stream.telemetry import Telemetry


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_statuses_pile_up_slowly_and_overwrite_each_other_on_a_terminal() -> None:
    """In a file every five seconds; on a terminal over each other, and a warning has a line of its own."""
    now, file, terminal = [0.0], io.StringIO(), Terminal()
    log, shown = Log(stream=file, now_s=lambda: now[0]), Log(stream=terminal, now_s=lambda: now[0])
    for second in range(11):
        now[0] = float(second)
        log.status(f"at {second}", {})
        shown.status(f"at {second}", {})
    log.status("the end", {}, last=True)
    shown.warn("watch out")
    assert file.getvalue().splitlines() == ["at 0", "at 5", "at 10", "the end"]
    assert terminal.getvalue().endswith("\rat 10\x1b[K\nvoxmesh: warning: watch out\n")


def test_json_is_one_object_a_line() -> None:
    """With the time, the event and its fields, on a terminal too; quiet leaves warnings."""
    stream = Terminal()
    log = Log(as_json=True, quiet=True, stream=stream)
    log.status("never", {})
    log.warn('two\nlines and a "quote"')
    (event,) = map(json.loads, stream.getvalue().splitlines())
    assert event["event"] == "warning" and event["message"] == 'two\nlines and a "quote"' and event["time"] > 1e9


def test_a_reader_that_has_gone_stops_nothing() -> None:
    """A closed pipe is not our problem."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Log(stream=Closed()).warn("nobody hears it")


def test_metrics_add_up() -> None:
    """Counters in seconds, buckets that grow, what is unknown left out."""
    telemetry = Telemetry(1000)
    assert "voxmesh_level_dbfs " not in exposition(telemetry.snapshot())
    telemetry.heard(np.ones(500, np.float32), 1500)
    for ms in (1, 3, 90, 5000):
        telemetry.made(2, ms * 1_000_000)
        telemetry.published(1, 1 + ms * 1_000_000)
    text = exposition(telemetry.snapshot(dropped_samples=30, skipped=7, xruns=2))
    assert "\nvoxmesh_audio_seconds_total 2\n" in text and "\nvoxmesh_lost_seconds_total 0.03\n" in text
    assert "\nvoxmesh_level_dbfs 0\n" in text and "\nvoxmesh_frames_skipped_total 7\n" in text
    assert 'voxmesh_frame_seconds_bucket{le="0.004"} 4\n' in text and "voxmesh_frame_seconds_count 8\n" in text
    assert 'voxmesh_latency_seconds_bucket{le="0.1"} 3\n' in text and "voxmesh_latency_seconds_sum 5.094\n" in text
    assert 'voxmesh_latency_seconds_bucket{le="1"} 3\nvoxmesh_latency_seconds_bucket{le="+Inf"} 4\n' in text


def test_a_taken_metrics_port_is_named() -> None:
    """One line that says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VoxmeshError, match=rf"port {port}: .*choose another"):
            MetricsServer(port)
