"""Recorded people in the talker: found in the packages' own layouts, aligned by what the audio stage hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import small_config
from hypothesis import given
from hypothesis import strategies as st

from voxmesh.model import align as aligning
from voxmesh.model.align import align, align_people
from voxmesh.model.checkpoint import Run
from voxmesh.model.prepare import prepare
from voxmesh.model.store import PHONES
from voxmesh.model.talker.dataset import make_clip, write_dataset
from voxmesh.model.talker.people import Recording, lines, listen, recordings, spelled, write_recordings
from voxmesh.model.talker.speech import say
from voxmesh.model.talker.voices import named
from voxmesh.model.train_audio import train_audio
from voxmesh.model.trainer import Training
from voxmesh.stream.errors import VoxmeshError

SCRIPT = """
dialogId("a-m-hi", "font_small", "\\"Hello\\" there")
dialogStr("Kde je \\"ta\\" ryba, mami?")

dialogId("a-v-lost", "font_big", "Never recorded")
dialogStr("Nikdo to neřekl.")
"""


LETTERS = """<klettres><language code="de"><alphabet>
  <sound name="B"   file="de/alpha/b.ogg" />
  <sound name="C" file="de/alpha/lost.ogg" />
</alphabet></language></klettres>"""
SAID = "games/fillets-ng/sound/pond/cs/a-m-hi.ogg"


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of two lines, of which one was recorded (stereo, 22050 Hz, Ogg Vorbis), and one spoken letter."""
    folder = tmp_path_factory.mktemp("share")
    fish = folder / "games" / "fillets-ng"
    (fish / "script" / "pond").mkdir(parents=True)
    (fish / "script" / "pond" / "dialogs_cs.lua").write_text(SCRIPT, "utf-8")
    (fish / "sound" / "pond" / "cs").mkdir(parents=True)
    samples, _ = say(["Kde je ta ryba, mami?"], named("cs"))[0]
    stereo = np.repeat(np.interp(np.arange(0, len(samples), 16000 / 22050), np.arange(len(samples)), samples), 2)
    soundfile.write(fish / "sound" / "pond" / "cs" / "a-m-hi.ogg", stereo.reshape(-1, 2), 22050)
    (folder / "klettres" / "de" / "alpha").mkdir(parents=True)
    (folder / "klettres" / "de" / "sounds.xml").write_text(LETTERS, "utf-8")
    soundfile.write(folder / "klettres" / "de" / "alpha" / "b.ogg", say(["b"], named("de"))[0][0], 16000)
    return folder


def test_recorded_lines_are_found_with_their_text(share: Path) -> None:
    """A line counts when its recording is there; quotes in its text are the text's own; letters are lower case."""
    line, letter = lines(share)
    assert (line.path, line.speaker, line.language) == (SAID, "cs:small", "cs")
    assert line.text == 'Kde je "ta" ryba, mami?'
    assert (letter.path, letter.speaker, letter.text) == ("klettres/de/alpha/b.ogg", "de:letters", "b")


def test_a_recording_is_heard_at_16_khz_mono(share: Path) -> None:
    """22050 Hz stereo comes as 16 kHz mono of the same length in seconds."""
    samples = listen(SAID, share)
    said, _ = say(["Kde je ta ryba, mami?"], named("cs"))[0]
    assert samples.dtype == np.float32 and abs(len(samples) - len(said)) < 160 and 0.05 < np.abs(samples).max() <= 1.1


def test_missing_recordings_say_what_to_install(tmp_path: Path) -> None:
    """Without the packages both ways in say how to get them."""
    for attempt in (lambda: lines(tmp_path), lambda: listen("sound/x.ogg", tmp_path)):
        with pytest.raises(VoxmeshError, match=r"system-packages\.sh train"):
            attempt()


def test_texts_are_spelled_without_doubles() -> None:
    """A long consonant over a word's edge is one phone, and there are no silences."""
    (phones,) = spelled(["dům má"], "cs")
    names = [name for name, _ in phones]
    assert names.count("M") == 1 and "SIL" not in names and all(0.01 < seconds < 0.5 for _, seconds in phones)


@given(
    names=st.lists(st.sampled_from([name for name in PHONES if name != "SIL"]), min_size=1, max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_alignment_recovers_known_times(names: list[str], seed: int) -> None:
    """Scores that clearly show a sequence give its times to the frame, silences between phones included."""
    names = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    rng = np.random.default_rng(seed)
    truth, spans, at = [], [], 0
    for name in names:
        silent = int(rng.integers(2, 6)) if rng.random() < 0.4 else 0
        long = int(rng.integers(2, 9))
        truth += [0] * silent + [PHONES.index(name)] * long
        spans.append((name, (at + silent) / 60, (at + silent + long) / 60))
        at += silent + long
    truth += [0] * 3
    scores = rng.normal(0.0, 0.5, (len(truth), len(PHONES)))
    scores[np.arange(len(truth)), truth] += 8.0
    found, fit = align(scores, names, 60.0, [1] * len(names))
    assert [name for name, *_ in found] == names and fit == 0.0
    assert np.allclose([span[1:] for span in found], [span[1:] for span in spans])


def test_too_short_for_its_text_fits_not_at_all() -> None:
    """Three frames cannot hold four phones: no times, and a fit that no threshold admits."""
    assert align(np.zeros((3, len(PHONES))), ["P", "AA", "M", "AA"], 60.0, [1] * 4) == ([], -np.inf)


def test_a_phone_that_nobody_hears_keeps_its_least_length() -> None:
    """Where the scores show no trace of an m, it still gets the frames it must have, at least."""
    scores = np.full((30, len(PHONES)), -8.0)
    scores[:15, PHONES.index("AA")] = scores[15:, PHONES.index("IY")] = 0.0
    found, fit = align(scores, ["AA", "M", "IY"], 60.0, [2, 4, 2])
    (_, start, end) = found[1]
    assert round((end - start) * 60) == 4 and 11 <= round(start * 60) <= 15 and -2.0 < fit < 0.0


def test_a_run_aligns_what_it_can_follow(share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every phone of an accepted line gets frames in order and inside the recording."""
    monkeypatch.setattr(aligning, "_WORST_FIT", -9.0)  # two steps of training follow nobody
    write_dataset(tmp_path / "data", 2, 1, "train")
    run = Run(tmp_path / "run")
    prepare(run, tmp_path / "data", small_config(), variants=1, workers=1)
    train_audio(run, Training(steps=2, batch=2, frames=32, warmup_steps=1))
    one = align_people(run, workers=1, folder=share)[0]
    assert [name for name, *_ in one.phones] == [name for name, _ in spelled(["Kde je ta ryba, mami?"], "cs")[0]]
    edges = [edge for _, *span in one.phones for edge in span]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= len(listen(one.path, share)) * 60 / 16000 + 1


def test_marks_survive_writing(tmp_path: Path) -> None:
    """What is written is read again, and the same marks are the same bytes."""
    marks = [Recording("sound/x.ogg", "cs:small", "cs", [("P", 3, 7), ("AA", 7, 12)])]
    for name in ("one", "other"):
        write_recordings(marks, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert recordings(tmp_path / "one") == tuple(marks)


def test_shipped_marks_are_sound() -> None:
    """The marks in the package: known phones in time order, thousands of lines, many speakers."""
    shipped = recordings()
    assert len(shipped) > 2500 and len({one.language for one in shipped}) > 10
    assert len({one.speaker for one in shipped}) >= 16
    for one in shipped:
        edges = [edge for _, *span in one.phones for edge in span]
        assert edges == sorted(edges) and edges[0] >= 0
        assert {name for name, *_ in one.phones} <= set(PHONES)


def test_nobody_of_them_is_held_out() -> None:
    """People speak in the train split only."""
    with pytest.raises(VoxmeshError, match="train split only"):
        make_clip(1, 0, "test", people=True)
