"""A take: it survives what happens to files, and shows whether frames are the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_live import live

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.directions import Directions
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.replay import replay
from voxmesh.stream.take import Change, Digest, End, Take, TakeWriter
from voxmesh.stream.take_commands import apply_change
from voxmesh.stream.types import AudioChunk, Frame

RATE = 8000


def frame(index: int, value: float) -> Frame:
    return Frame(index, index, 0, np.full((5, 3), value, np.float32), np.arange(4))


def made_up(path: Path, seconds: int = 3) -> None:
    """Ten chunks and ten frames a second, every other chunk in stereo, a change before frame 7."""
    writer = TakeWriter(path, RATE, {"colour": "blue"})
    samples = voice(seconds, RATE)
    for index, start in enumerate(range(0, len(samples), 800)):
        part = samples[start : start + 800]
        writer.heard(AudioChunk(part if index % 2 else np.stack([part, part], 1), start, 5 + start))
        if index == 7:
            writer.change(7, "style", [0.5, -1.0])
        writer.made([frame(index, index / 10)])
    writer.end()
    writer.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("take") / "whole.take"
    made_up(path)
    return path


def test_a_take_gives_back_what_went_in(whole: Path) -> None:
    """Chunks to the bit, frames as digests, the first of each second whole, changes where they happened."""
    take = Take(whole)
    items = list(take)
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    heard = np.concatenate([c.samples if c.samples.ndim == 1 else c.samples[:, 1] for c in chunks])
    np.testing.assert_array_equal(heard, voice(3, RATE))
    assert [(c.start, c.captured_ns, c.samples.ndim) for c in chunks[:2]] == [(0, 5, 2), (800, 805, 1)]
    digests = [item for item in items if isinstance(item, Digest)]
    assert [d.index for d in digests] == list(range(30)) and len({d.digest for d in digests}) == 30
    assert [d.index for d in digests if d.vertices is not None] == [0, 10, 20]
    np.testing.assert_array_equal(digests[10].vertices, frame(10, 1.0).vertices)
    change = Change(7, "style", [0.5, -1.0])
    at = items.index(change)
    assert (items[at - 1].start, items[at + 1].index) == (7 * 800, 7) and items[-1] == End()
    assert (take.settings, take.rate, take.torn) == ({"colour": "blue"}, RATE, 0)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_torn_or_damaged_take_is_read_up_to_there(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Wherever it ends, or a byte is wrong: the whole seconds before that, the first of a chunk's items never alone."""
    content = bytearray(whole.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    path = tmp_path / "torn.take"
    path.write_bytes(content)
    try:
        items = [item for item in Take(path) if isinstance(item, AudioChunk)]
    except VoxmeshError as error:
        assert str(path) in str(error)
        assert at < 200  # the settings themselves
        return
    assert [item.start for item in items] == [k * 800 for k in range(len(items))]
    assert len(items) in (0, 10, 20)


def test_a_take_of_nothing_says_so(tmp_path: Path) -> None:
    """A missing file, an empty one, another one, a folder that cannot be written to."""
    for name, content in (("empty", b""), ("other", b"RIFF" * 100)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VoxmeshError, match="no take"):
            Take(tmp_path / name)
    with pytest.raises(VoxmeshError, match="cannot read"):
        Take(tmp_path / "gone")
    with pytest.raises(VoxmeshError, match="cannot write"):
        TakeWriter(tmp_path / "gone" / "x", RATE, {})


def test_a_full_disk_ends_the_take_and_nothing_else(tmp_path: Path) -> None:
    """It says so once; what comes after is taken and forgotten."""
    said: list[str] = []
    writer = TakeWriter(tmp_path / "x.take", RATE, {}, said.append)
    writer._file.close()
    writer._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    for second in range(5):
        writer.heard(AudioChunk(np.zeros(RATE, np.float32), second * RATE))
        writer.made([frame(second, 0.0)])
    writer.close()
    assert len(said) == 1 and "cannot go on" in said[0] and "No space left" in said[0]


def session(path: Path, engine: Engine, changed: Callable[[int, float], float] = lambda index, value: value) -> None:
    """Two seconds of a live session, cut off: no end. changed: what the take claims of a frame's height."""
    writer, samples = TakeWriter(path, RATE, {}), voice(2.0, RATE)
    for start in range(0, len(samples), 80):
        chunk = AudioChunk(samples[start : start + 80], start)
        writer.heard(chunk)
        frames = engine.push(chunk)
        for one in frames:
            one.vertices[:, 1] = [changed(one.index, y) for y in one.vertices[:, 1]]
        writer.made(frames)
    writer.close()


def test_replaying_tells_the_first_frame_that_differs(tmp_path: Path, tiny: Bundle) -> None:
    """All the same with the same seed; with another, or one frame moved by 2 mm, which frame, and by how much."""
    session(tmp_path / "same", Engine(tiny, source_rate=RATE, seed=3))
    verdict = replay(Take(tmp_path / "same"), Engine(tiny, source_rate=RATE, seed=3))
    assert (verdict.differs, verdict.millimetres, verdict.ended) == (None, None, False)
    assert verdict.frames > 100 and verdict.seconds == 2.0
    assert replay(Take(tmp_path / "same"), Engine(tiny, source_rate=RATE, seed=4)).differs is not None

    def moved(index: int, y: float) -> float:
        return y + 0.002 * (index in (56, 57, 58, 59))

    session(tmp_path / "moved", Engine(tiny, source_rate=RATE), moved)
    found = replay(Take(tmp_path / "moved"), Engine(tiny, source_rate=RATE))
    assert found.differs == 56 and found.frames == verdict.frames


def test_a_difference_has_a_size(tmp_path: Path, tiny: Bundle) -> None:
    """In millimetres, from the frames that the take holds whole."""
    session(tmp_path / "take", Engine(tiny, source_rate=RATE), lambda index, y: y + 0.002)
    verdict = replay(Take(tmp_path / "take"), Engine(tiny, source_rate=RATE))
    assert verdict.differs == 0 and verdict.millimetres == pytest.approx(2.0, abs=0.01)


def test_changes_are_made_when_they_were(tmp_path: Path, tiny: Bundle) -> None:
    """Before the sound that came after them."""
    writer, heard = TakeWriter(tmp_path / "take", RATE, {}), []
    for start in range(0, RATE, 800):
        if start == 4000:
            writer.change(24, "style", "sad")
        writer.heard(AudioChunk(np.zeros(800, np.float32), start))
    writer.close()
    engine = Engine(tiny, source_rate=RATE)
    replay(Take(tmp_path / "take"), engine, lambda name, value: heard.append((name, value, engine.hearing.received)))
    assert heard == [("style", "sad", 4000)]


def test_what_a_session_was_told_it_is_told_again(tmp_path: Path, tiny: Bundle) -> None:
    """A gain that changed in the middle: the same to the bit, and not without the change."""
    writer, engine, samples = TakeWriter(tmp_path / "take", RATE, {}), Engine(tiny, source_rate=RATE), voice(2.0, RATE)
    directions = Directions(engine, note=writer.change)
    for start in range(0, len(samples), 80):
        if start == 8000:
            directions.handlers()["mouth-gain"](0.5)
        writer.heard(AudioChunk(samples[start : start + 80], start))
        writer.made(engine.push(AudioChunk(samples[start : start + 80], start)))
    writer.close()
    again = Engine(tiny, source_rate=RATE)
    assert replay(Take(tmp_path / "take"), again, partial(apply_change, again)).differs is None
    assert replay(Take(tmp_path / "take"), Engine(tiny, source_rate=RATE)).differs is not None


def test_a_killed_session_is_replayed_to_the_bit(tmp_path: Path, tiny_bundle: Path, cli: Callable) -> None:
    """kill -9 of a session, `voxmesh replay`: every frame up to the last whole second, and the sound to the bit."""
    soundfile.write(tmp_path / "say.wav", voice(5.0, 48000), 48000, subtype="FLOAT")
    options = ("--bundle", tiny_bundle, "--seed", 9, "--fps", 25, "--take", "s.take")
    with live("--wav", "say.wav", "--loop", *options, cwd=tmp_path) as (process, _):
        until = time.monotonic() + 60
        while (tmp_path / "s.take").stat().st_size < 600_000 and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    again = cli("replay", "s.take", "--wav", "heard.wav")
    assert again.returncode == 0, again.stderr
    assert "cut off" in again.stdout and "the same to the bit" in again.stdout
    heard = soundfile.read(tmp_path / "heard.wav", dtype="float32")[0]
    assert len(heard) >= 2 * 48000
    np.testing.assert_array_equal(heard, np.resize(voice(5.0, 48000), len(heard)))
    content = bytearray((tmp_path / "s.take").read_bytes())
    (tmp_path / "other.take").write_bytes(content.replace(b'"seed": 9', b'"seed": 8'))
    assert cli("replay", "other.take").returncode == 2  # its checksum is wrong: no settings


def test_record_is_live_and_replay_says_what_differs(tmp_path: Path, tiny_bundle: Path, cli: Callable) -> None:
    """`record` takes live's options; `replay` of another bundle's face says which frame, with exit code 1."""
    soundfile.write(tmp_path / "say.wav", voice(1.2, 16000), 16000)
    options = ("--wav", "say.wav", "--listen", "tcp://127.0.0.1:*", "--bundle", tiny_bundle)
    recorded = cli("record", "s.take", *options)
    assert recorded.returncode == 0, recorded.stderr
    same = cli("replay", "s.take")
    assert same.returncode == 0 and same.stdout == "72 frames of 1.2 s: the same to the bit\n"
    other = cli("replay", "s.take", "--bundle", "instant")
    assert other.returncode == 1 and "is not the bundle of this take" in other.stderr
    assert "frame 0 is the first that differs" in other.stdout
