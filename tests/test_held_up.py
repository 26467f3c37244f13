"""A session that is held up goes on with now: stale frames are computed, counted and not shown; and what it says."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import zmq
from conftest import voice
from test_live import FakePublisher, FakeSource, live, receive_all

from voxmesh.stream import wire
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.freshness import PATIENCE_NS, Freshness
from voxmesh.stream.live import run
from voxmesh.stream.replay import replay
from voxmesh.stream.take import Take, TakeWriter
from voxmesh.stream.take_commands import apply_change
from voxmesh.stream.types import AudioChunk

MS = 1_000_000


def test_late_frames_are_skipped_and_counted() -> None:
    """Those later than the limit; a frame of unknown age is shown."""
    freshness = Freshness(500)
    assert freshness.shows(1, 500 * MS + 1) and freshness.shows(0, 10**15)
    assert not freshness.shows(1, 500 * MS + 2) and freshness.skipped == 1
    assert freshness.shows(600 * MS, 700 * MS) and freshness.skipped == 1


def test_a_machine_that_is_too_slow_lets_sound_pass_and_stays_with_now(tiny: Bundle) -> None:
    """Sound comes half as fast again as it is computed: what is computed is half a second late and a bit, at most."""
    freshness, engine = Freshness(500), Engine(tiny)
    now_ns, ages, indices = 10**12, [], []
    for k in range(2000):
        captured_ns = 10**12 + k * 10 * MS
        now_ns = max(now_ns, captured_ns + 10 * MS)
        engine.passing = freshness.passes(captured_ns, now_ns)
        frames = engine.push(AudioChunk(np.zeros(160, np.float32), k * 160, captured_ns))
        indices += [frame.index for frame in frames]
        if not engine.passing:
            ages.append(now_ns - captured_ns)
        now_ns += (1 if engine.passing else 15) * MS
    assert max(ages) <= 500 * MS + PATIENCE_NS + 15 * MS
    assert freshness.passes(0, 10**15) is False
    assert 400 < len(indices) == engine.next_frame - engine.passed_frames and indices == sorted(set(indices))


NOW_NS = 10**12


def held_up(count: int, late: range) -> list[AudioChunk]:
    """Chunks of 10 ms of a voice; those of `late` were captured a minute ago, the others now."""
    samples = voice(count / 100, 16000)
    return [
        AudioChunk(samples[k * 160 : k * 160 + 160], k * 160, NOW_NS + k * 10 * MS - (60_000 * MS if k in late else 0))
        for k in range(count)
    ]


def test_a_take_of_a_slow_machine_is_replayed_to_the_bit(tmp_path: Path, tiny: Bundle) -> None:
    """Where sound passed without frames it passes again, and no frame is unaccounted for."""
    ticks = itertools.count(NOW_NS, 20 * MS)
    writer, publisher = TakeWriter(tmp_path / "take", 16000, {}), FakePublisher()
    sources = FakeSource(held_up(300, range(50, 150)))
    about = {"stop": Event(), "stale_ms": 500, "sinks": [writer], "now_ns": lambda: next(ticks)}
    live_engine, engine = Engine(tiny), Engine(tiny)
    final = run(sources, live_engine, publisher, **about)
    writer.end()
    writer.close()
    assert final.frames + final.skipped == 180 and final.skipped > 50
    verdict = replay(Take(tmp_path / "take"), engine, partial(apply_change, engine))
    assert verdict.differs is None and verdict.ended and engine.passed_frames > 30
    assert verdict.frames == 180 - live_engine.passed_frames


def test_skipping_changes_no_frame(tiny: Bundle) -> None:
    """What is shown after a hold-up is to the bit what would have been shown without one."""
    publisher, chunks = FakePublisher(), held_up(100, range(30, 70))
    final = run(FakeSource(chunks), Engine(tiny), publisher, stop=Event(), stale_ms=500, now_ns=lambda: NOW_NS)
    engine = Engine(tiny)
    every = [frame for chunk in chunks for frame in engine.push(chunk)] + engine.flush()
    shown = [frame.index for frame in publisher.frames]
    assert len(every) == 60 and final.skipped == 60 - len(shown) and final.frames == len(shown)
    assert shown == [frame.index for frame in every if frame.captured_ns >= NOW_NS]
    assert 20 < final.skipped < 28
    for frame in publisher.frames:
        np.testing.assert_array_equal(frame.vertices, every[frame.index].vertices)


def test_a_process_that_was_stopped_goes_on_with_now(
    tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Callable[..., zmq.Socket]
) -> None:
    """SIGSTOP for two seconds: frames stay in order, those that are missing are the ones it says it skipped.

    And beside it: logs are JSON, metrics are served, SIGTERM ends with bye and exit code 0.
    """
    options = ("--bundle", tiny_bundle, "--stale", 500, "--log", "json", "--metrics", 0)
    with live("--wav", speech, "--loop", "--wait", 60, *options, cwd=tmp_path) as (process, endpoint):
        url = process.stdout.readline().split()[-1]
        socket = subscribe(endpoint)
        socket.rcvtimeo = 60_000
        indices: list[int] = []

        def receive(count: int) -> None:
            until = len(indices) + count
            while len(indices) < until:
                message = wire.unpack(socket.recv())
                if isinstance(message, wire.FrameMessage):
                    indices.append(message.index)

        receive(60)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(2.0)
        os.kill(process.pid, signal.SIGCONT)
        receive(120)
        text = urllib.request.urlopen(url, timeout=60).read().decode()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url.replace("/metrics", "/"), timeout=60)
        os.kill(process.pid, signal.SIGTERM)
        indices += [m.index for m in receive_all(socket) if isinstance(m, wire.FrameMessage)]
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    events = [json.loads(line) for line in errors.splitlines()]
    final = events[-2]
    assert [events[-2]["event"], events[-1]["event"]] == ["status", "stopped"]
    assert indices == sorted(set(indices))
    assert final["skipped"] >= indices[-1] + 1 - len(indices) > 0
    assert final["frames"] == len(indices) == events[-1]["frames"]
    assert "# TYPE voxmesh_latency_seconds histogram" in text and 'voxmesh_latency_seconds_bucket{le="+Inf"}' in text
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(numbers["voxmesh_viewers"]) == 1 and float(numbers["voxmesh_frames_total"]) > 50
