"""What a speaking face can be told: by options when it begins, over the control socket while it runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import voice
from styled import SPACE
from test_live import live

from voxmesh.stream import bundle as bundles
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.control import ask
from voxmesh.stream.directions import Directions
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.region_gain import Gains
from voxmesh.stream.style import write_style
from voxmesh.stream.types import AudioChunk

CHUNK = 160
"""Less than a frame: something can be told before any of them."""


def play(engine: Engine, changes: dict[int, list[tuple[str, Any]]], directions: Directions) -> np.ndarray:
    """Vertices of a second; changes: those told before the frame of that index."""
    samples, handlers, frames = voice(1.0, 16000), directions.handlers(), []
    for start in range(0, len(samples), CHUNK):
        for name, value in changes.pop(engine.next_frame, ()):
            handlers[name](value)
        frames += engine.push(AudioChunk(samples[start : start + CHUNK], start))
    assert not changes
    return np.stack([frame.vertices for frame in frames + engine.flush()])


def test_what_was_told_can_be_told_again(styled: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes of a session, told to another engine before the same frames, make the same frames to the bit."""
    monkeypatch.chdir(tmp_path)
    write_style(tmp_path / "anna.style.json", SPACE, SPACE.blend("sad:0.3,angry:0.7"), "a test")
    notes: dict[int, list[tuple[str, Any]]] = {}
    engine = Engine(styled, seed=3)
    directions = Directions(engine, note=lambda index, name, value: notes.setdefault(index, []).append((name, value)))
    told = {12: [("style", "cheerful:0.5,sad")], 21: [("mouth-gain", 0.5), ("blink", "off"), ("style-strength", 1.5)]}
    told |= {36: [("style", "anna"), ("upper-gain", 2)]}
    first = play(engine, told, directions)
    assert sorted(notes) == [12, 21, 36] and len(notes[21]) == 3
    (tmp_path / "anna.style.json").unlink()
    again = Engine(styled, seed=3)
    np.testing.assert_array_equal(play(again, dict(notes), Directions(again)), first)
    assert engine.manner.gains == Gains(0.5, 2, False)
    plain = Engine(styled, seed=3)
    assert (play(plain, {}, Directions(plain)) != first).any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("style", "bored"),
        ("style", 3),
        ("style", [1, 2]),
        ("style", [0, 0, 0, 0, "1"]),
        ("style", "../anna"),
        ("style-strength", 1.6),
        ("mouth-gain", "loud"),
        ("upper-gain", -1),
        ("blink", True),
    ],
)
def test_what_cannot_be_done_changes_nothing(styled: Bundle, name: str, value: Any) -> None:
    """An error that says what may be given, no note, and the face goes on as it was."""
    engine = Engine(styled, style=SPACE.names["sad"])
    notes: list[Any] = []
    directions = Directions(engine, "sad", note=lambda *note: notes.append(note))
    before = [directions.handlers()[each](None) for each in ("style", "style-strength", "mouth-gain", "blink")]
    with pytest.raises(VoxmeshError):
        directions.handlers()[name](value)
    assert not notes
    assert before == [directions.handlers()[each](None) for each in ("style", "style-strength", "mouth-gain", "blink")]
    assert before == ["sad", 1.0, 1.0, "auto"]
    sad = Engine(styled, style=SPACE.names["sad"])
    np.testing.assert_array_equal(play(engine, {}, directions), play(sad, {}, Directions(sad)))


def test_a_bundle_without_styles_still_has_gains(tiny: Bundle) -> None:
    """Its style cannot be changed, which is said; its regions can."""
    handlers = Directions(Engine(tiny)).handlers()
    with pytest.raises(VoxmeshError, match="no style"):
        handlers["style"]("sad")
    with pytest.raises(VoxmeshError, match="no style"):
        handlers["style-strength"](0.5)
    assert handlers["mouth-gain"](0.5) == 0.5


def test_options_set_the_manner(tmp_path: Path, styled_bundle: Path, speech: Path, cli: Callable) -> None:
    """`animate` with style, strength and gains makes the frames of an engine that was made with them."""
    style = (
        "--style",
        "sad:0.5,angry",
        "--style-strength",
        1.5,
        "--mouth-gain",
        0.5,
        "--upper-gain",
        2,
        "--blink",
        "off",
    )
    result = cli("animate", speech, "-o", "a.npz", "--bundle", styled_bundle, *style)
    assert result.returncode == 0, result.stderr
    styled = bundles.load(styled_bundle)
    vector = SPACE.strengthened(SPACE.blend("sad:0.5,angry"), 1.5)
    engine = Engine(styled, style=vector, gains=Gains(0.5, 2, False))
    frames = engine.push(AudioChunk(soundfile.read(speech, dtype="float32")[0], 0)) + engine.flush()
    with np.load(tmp_path / "a.npz") as npz:
        np.testing.assert_array_equal(npz["vertices"], np.stack([frame.vertices for frame in frames]))
    wrong = cli("animate", speech, "-o", "b.npz", "--bundle", styled_bundle, "--style", "bored")
    assert wrong.returncode == 2 and "no style 'bored': there are neutral, cheerful" in wrong.stderr


def test_a_running_stream_changes_its_manner(tmp_path: Path, styled_bundle: Path, speech: Path, cli: Callable) -> None:
    """`live --control`: each request is answered with what is, a mistake with why; a replay makes the same changes."""
    write_style(tmp_path / "anna.style.json", SPACE, SPACE.blend("sad:0.3,angry:0.7"), "a test")
    options = ("--style", "anna", "--bundle", styled_bundle, "--take", "session.take")
    with live("--wav", speech, "--loop", "--control", "tcp://127.0.0.1:*", *options, cwd=tmp_path) as (process, _):
        endpoint = process.stdout.readline().split()[2]

        def told(name: str, value: Any = None) -> Any:
            return ask(endpoint, name, value, timeout_s=60)

        assert told("style") == "anna" and told("styles") == list(SPACE.names)
        assert told("style", "cheerful:0.5,sad:0.3") == "cheerful:0.5,sad:0.3"
        assert told("style-strength", 0.5) == told("style-strength") == 0.5
        assert told("mouth-gain", 1.5) == 1.5 and told("blink", "off") == told("blink") == "off"
        with pytest.raises(VoxmeshError, match="0 to 2"):
            told("upper-gain", 3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    (tmp_path / "anna.style.json").unlink()
    again = cli("replay", "session.take", "--quiet", timeout=120)
    assert again.returncode == 0 and "the same to the bit" in again.stdout, again.stdout + again.stderr
