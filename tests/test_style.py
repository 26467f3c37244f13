"""Styles: named, blended, from files; and a face that changes its style while it speaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import voice
from styled import SPACE

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.easing import Eased
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.style import StyleSpace, chosen_style, read_style, write_style
from voxmesh.stream.types import AudioChunk, Frame


def play(engine: Engine, samples: np.ndarray, start: int = 0) -> list[Frame]:
    return engine.push(AudioChunk(samples[start:], start)) + engine.flush()


def stacked(frames: list[Frame]) -> np.ndarray:
    return np.stack([frame.vertices for frame in frames])


def test_a_blend_adds_up_what_its_parts_change() -> None:
    """Each part is its difference from neutral, whatever neutral is; a lone name is itself."""
    space = StyleSpace(
        "s", {n: np.array(v, np.float32) for n, v in (("neutral", (1, 1)), ("a", (3, 1)), ("b", (1, 5)))}
    )
    np.testing.assert_allclose(space.blend("a"), (3, 1))
    np.testing.assert_allclose(space.blend("a:0.5, b:0.25"), (2, 2))
    np.testing.assert_allclose(space.strengthened(space.blend("a"), 1.5), (4, 1))
    np.testing.assert_allclose(space.blend("neutral"), space.neutral)


@pytest.mark.parametrize(
    "text", ["", "bored", "sad:", "sad:much", "sad:2", "sad:-1", "sad:nan", "sad,,angry", "../sad"]
)
def test_what_is_no_style_is_refused(text: str, tmp_path: Path) -> None:
    """With an error that says what there is, and nothing outside the folder is looked at."""
    write_style(tmp_path / "sad.style.json", SPACE, SPACE.names["sad"], "a test")
    (tmp_path / "inside").mkdir()
    with pytest.raises(VoxmeshError, match=r"no style|no part|strength"):
        SPACE.blend(text, tmp_path / "inside")


def test_a_style_file_says_the_same_as_what_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path, or by its bare name in the folder, alone and in a blend."""
    monkeypatch.chdir(tmp_path)
    vector = np.array([0.25, 0, 0, 0.5, -1], np.float32)
    write_style(tmp_path / "anna.style.json", SPACE, vector, "a test")
    for text in ("anna", "anna.style.json", str(tmp_path / "anna.style.json")):
        np.testing.assert_allclose(chosen_style(SPACE, text), vector)
    np.testing.assert_allclose(chosen_style(SPACE, "anna:0.5,sad"), 0.5 * vector + SPACE.names["sad"])


@pytest.mark.parametrize(
    "change",
    [{"format": 9}, {"space": "another"}, {"vector": [1, 2]}, {"vector": [1, 2, 3, 4, float("nan")]}, {"vector": "x"}],
)
def test_a_file_of_another_space_is_refused(tmp_path: Path, change: dict) -> None:
    """Another format, space or length, and numbers that are none: the file is named."""
    path = tmp_path / "x.style.json"
    write_style(path, SPACE, SPACE.names["sad"], "a test")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(VoxmeshError, match=r"x\.style\.json"):
        read_style(path, SPACE)


def test_a_change_is_eased_by_the_frames_index() -> None:
    """From the next frame on for 0.3 s, never past its target; a turn on the way goes from where it is."""
    eased = Eased(np.zeros(1), fps=60)
    assert eased.at(0) == 0
    eased.turn(np.ones(1))
    way = np.concatenate([eased.at(i) for i in range(1, 30)])
    assert 0 < way[0] < 0.02 and (way[17:] == 1).all() and way[16] < 1 and (np.diff(way) >= 0).all()
    assert np.abs(np.diff(way)).max() < 0.09
    eased.turn(np.zeros(1), 40)
    assert eased.target == 0 and eased.at(39) == 1
    half = [float(eased.at(i)[0]) for i in range(40, 49)]
    eased.turn(np.ones(1))
    assert half[-1] - 0.02 < eased.at(49) <= 1.0


def test_a_style_is_there_from_the_first_frame(styled: Bundle) -> None:
    """An engine made with a style, or told before it hears anything, starts in it; None is neutral."""
    samples, sad = voice(0.3, 16000), SPACE.names["sad"]
    told = Engine(styled)
    told.set_style(sad)
    np.testing.assert_array_equal(stacked(play(told, samples)), stacked(play(Engine(styled, style=sad), samples)))
    plain = stacked(play(Engine(styled), samples))
    np.testing.assert_array_equal(plain, stacked(play(Engine(styled, style=SPACE.neutral), samples)))
    assert np.abs(stacked(play(Engine(styled, style=sad), samples)) - plain).max() > 1e-3


def test_a_switch_does_not_jump(styled: Bundle) -> None:
    """Beside its own motion, a frame is at most a tenth of the way between two styles from the one before."""
    samples = voice(1.0, 16000)
    engine = Engine(styled, style=SPACE.names["sad"])
    before = engine.push(AudioChunk(samples[:8000], 0))
    engine.set_style(SPACE.names["angry"])
    assert engine.next_frame == len(before)
    frames = stacked(before + play(engine, samples, 8000))
    sad, angry = (stacked(play(Engine(styled, style=SPACE.names[name]), samples)) for name in ("sad", "angry"))
    extra = np.diff(frames - sad, axis=0)
    assert np.abs(extra).max() < 0.1 * np.abs(angry - sad).max()
    np.testing.assert_array_equal(frames[: len(before)], sad[: len(before)])
    np.testing.assert_allclose(frames[len(before) + 18 :], angry[len(before) + 18 :], atol=1e-6)


def test_sessions_have_a_style_each(styled: Bundle) -> None:
    """A batch's rows do as engines of the same styles, also when one changes on the way."""
    samples = voice(0.5, 16000)
    sessions, sad = Sessions(styled), SPACE.names["sad"]
    sessions.open("a")
    sessions.open("b", style=sad)
    got: dict[str, list[Frame]] = {"a": [], "b": []}
    engines = {"a": Engine(styled), "b": Engine(styled, style=sad)}
    wanted: dict[str, list[Frame]] = {"a": [], "b": []}
    for start in range(0, len(samples), 800):
        if start == 4000:
            sessions["a"].manner.set_style(sad)
            engines["a"].set_style(sad)
        chunk = AudioChunk(samples[start : start + 800], start)
        for name in got:
            sessions.push(name, chunk)
            wanted[name] += engines[name].push(chunk)
        while due := sessions.step():
            for name, frame in due:
                got[name].append(frame)
    for name in got:
        np.testing.assert_allclose(stacked(got[name]), stacked(wanted[name]), atol=1e-6)


def test_a_bundle_without_styles_says_so(tiny: Bundle) -> None:
    """It goes on working, takes no style, and the error tells what to do."""
    assert tiny.style is None
    Engine(tiny).set_style(None)
    with pytest.raises(VoxmeshError, match="takes no style"):
        Engine(tiny, style=np.zeros(5, np.float32))
    with pytest.raises(VoxmeshError, match="takes no style"):
        chosen_style(tiny.style, "sad")


def test_a_vector_that_does_not_fit_changes_nothing(styled: Bundle) -> None:
    """Another length is refused, and the stream goes on as it was."""
    samples = voice(0.3, 16000)
    engine = Engine(styled)
    with pytest.raises(VoxmeshError, match="5 finite numbers"):
        engine.set_style(np.zeros(4, np.float32))
    np.testing.assert_array_equal(stacked(play(engine, samples)), stacked(play(Engine(styled), samples)))
