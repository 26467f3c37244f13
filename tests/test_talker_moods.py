"""Moods: the same speech with another face, whose lips still touch where they must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from voxmesh.model.talker.articulation import articulate, columns
from voxmesh.model.talker.dataset import make_clip, read_dataset, write_dataset
from voxmesh.model.talker.moods import AXES, STRONGEST, draw_style, express, named_styles
from voxmesh.model.talker.phones import PHONES
from voxmesh.model.talker.targets import CONTACT_POSE, SEAL_PRESS
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.errors import VoxmeshError

MOODS = AXES[:-1]
styles = arrays.arrays(np.float32, len(AXES), elements=st.floats(0.0, STRONGEST, width=32))


def spoken(names: list[str]) -> np.ndarray:
    """Curves of phones of 100 ms each, with silence around."""
    phones = [(name, 0.3 + 0.1 * i, 0.4 + 0.1 * i) for i, name in enumerate(names)]
    return articulate(phones, 60 + 6 * len(names))


@given(st.lists(st.sampled_from(sorted(PHONES)), min_size=1, max_size=12), styles, st.floats(-1.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_lips_touch_in_every_mood(names: list[str], style: np.ndarray, articulated: float) -> None:
    """Whatever the mood, p b m seal, f v have the lip on the teeth, and weights stay weights."""
    style[-1] = articulated
    plain = spoken([*names, "B", "AA", "F"])
    moody = express(plain, style)
    assert moody.min() >= 0.0 and moody.max() <= 1.0
    sealed = plain[:, columns("mouthPress")[0]] > SEAL_PRESS - 1e-4
    held = plain[:, columns("mouthRollLower")[0]] > CONTACT_POSE["mouthRollLower"] - 1e-4
    assert sealed.any() and held.any()
    np.testing.assert_allclose(moody[sealed, columns("mouthClose")], moody[sealed, columns("jawOpen")], atol=1e-3)
    for opener in ("mouthFunnel", "mouthLowerDown", "mouthUpperUp"):
        assert moody[sealed][:, columns(opener)].max() < 2e-3
    for shape in CONTACT_POSE:
        np.testing.assert_allclose(moody[held][:, columns(shape)], plain[held][:, columns(shape)], atol=2e-3)


def test_no_mood_changes_nothing() -> None:
    """The neutral style gives back the talker's own curves."""
    plain = spoken(["M", "AA", "F"])
    np.testing.assert_array_equal(express(plain, named_styles()["neutral"]), plain)


@pytest.mark.parametrize("mood", MOODS)
def test_a_mood_is_in_mouth_and_upper_face(mood: str) -> None:
    """Each mood moves brows or lids and the mouth, twice as far when it is twice as strong, no other shape at rest."""
    plain = spoken(["HH", "AA", "L", "OW"])
    half, whole = (express(plain, strength * named_styles()[mood]) - plain for strength in (0.4, 0.8))
    upper = np.array([name.startswith(("eye", "brow", "cheekSquint", "noseSneer")) for name in ARKIT_NAMES])
    for part in (upper, ~upper):
        assert 0.02 < np.abs(half[:, part]).max() < np.abs(whole[:, part]).max()


def test_moods_are_drawn_alone_together_and_not_at_all() -> None:
    """Styles that clips draw are neutral, of one mood and of two, each mood as often, within their bounds."""
    drawn = np.stack([draw_style(np.random.default_rng(i)) for i in range(600)])
    moods = drawn[:, :-1]
    count = (moods > 0).sum(1)
    assert np.bincount(count).tolist() == pytest.approx([210, 300, 90], abs=45)
    assert moods.min() == 0.0 and moods.max() <= STRONGEST and np.abs(drawn[:, -1]).max() <= 1.0
    assert ((moods > 0).sum(0) > 90).all()
    assert (drawn == 0).all(1).sum() > 60


def test_moods_leave_the_sound_and_the_words_alone(tmp_path: Path) -> None:
    """A clip made with moods sounds as without, and a folder made without can be read as if made with."""
    index = next(i for i in range(9) if draw_style(np.random.default_rng([4, i, 0, *b"mood"])).any())
    plain, moody = (make_clip(4, index, moods=moods) for moods in (False, True))
    np.testing.assert_array_equal(plain.audio, moody.audio)
    assert plain.phones == moody.phones and not plain.style.any() and moody.style.any()
    assert np.abs(plain.curves - moody.curves).max() > 0.05
    write_dataset(tmp_path / "plain", index + 1, 4)
    given_one = read_dataset(tmp_path / "plain", moods=True)[index]
    np.testing.assert_array_equal(given_one.style, moody.style)
    np.testing.assert_allclose(given_one.curves, moody.curves, atol=2e-3)
    np.testing.assert_allclose(given_one.calm, plain.curves, atol=2e-3)
    write_dataset(tmp_path / "moody", index + 1, 4, moods=True)
    made_so = read_dataset(tmp_path / "moody")[index]
    np.testing.assert_allclose(made_so.curves, moody.curves, atol=2e-3)
    np.testing.assert_allclose(made_so.calm, plain.curves, atol=2e-3)
    with pytest.raises(VoxmeshError, match="without moods"):
        write_dataset(tmp_path / "plain", 1, 4, moods=True)
