"""Phones to mouth curves: what must touch touches, what is silent is shut, and nothing jerks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxmesh.model.talker.articulation import articulate, columns, split
from voxmesh.model.talker.phones import PARTS, PHONES, from_flite, from_ipa
from voxmesh.model.talker.targets import CONTACT_POSE, SEALED, TARGETS

FPS = 60
OPENERS = ("mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthShrugUpper", "tongueOut")
Phones = list[tuple[str, float, float]]


def curve(curves: np.ndarray, shape: str) -> np.ndarray:
    """The left or only column of a shape, (frames,)."""
    return curves[:, columns(shape)[0]]


def string(names: list[str], seconds: list[float], start: float = 0.3) -> tuple[Phones, int]:
    """Phones one after another and enough frames for them and 0.5 s more."""
    edges = start + np.concatenate([[0.0], np.cumsum(seconds)])
    phones = [(name, float(a), float(b)) for name, a, b in zip(names, edges, edges[1:], strict=False)]
    return phones, int(np.ceil((edges[-1] + 0.5) * FPS))


@st.composite
def phone_strings(draw: st.DrawFn) -> tuple[Phones, int]:
    names = draw(st.lists(st.sampled_from(sorted(PHONES)), min_size=1, max_size=25))
    seconds = draw(st.lists(st.floats(0.03, 0.25), min_size=len(names), max_size=len(names)))
    return string(names, seconds)


@given(phone_strings())
@settings(max_examples=120, deadline=None)
def test_every_bilabial_seals_the_lips(drawn: tuple[Phones, int]) -> None:
    """Within each p, b, m some frame has jawOpen == mouthClose and every opener at exactly 0."""
    phones, frames = drawn
    curves = articulate(phones, frames)
    gap = curve(curves, "jawOpen") - curve(curves, "mouthClose")
    for shape in OPENERS:
        gap = gap + curve(curves, shape)
    for name, start, end in split(phones):
        if name in SEALED:  # a short closure holds from up to 55 ms before its release
            near = gap[max(0, int((start - 0.06) * FPS)) : int(np.ceil(end * FPS)) + 1]
            assert near.min() == 0.0


@given(phone_strings())
@settings(max_examples=120, deadline=None)
def test_curves_stay_in_range_and_smooth(drawn: tuple[Phones, int]) -> None:
    """Every weight is within 0..1 and bends no more than two of the fastest ramps at once: never a jump."""
    phones, frames = drawn
    curves = articulate(phones, frames, amplitude=1.15)
    assert curves.dtype == np.float32 and curves.shape == (frames, 52)
    assert curves.min() >= 0.0 and curves.max() <= 1.0
    # A raised cosine of 0.9 in 60 ms bends by at most 0.9 pi^2 / 2 (frame / 60 ms)^2 = 0.34; two may overlap.
    assert np.abs(np.diff(curves, 2, axis=0)).max() < 2 * 0.9 * np.pi**2 / 2 / (0.06 * FPS) ** 2


def test_closure_is_reached_before_the_burst_and_held() -> None:
    """In "apa" and "aba" the lips are sealed for 50-100 ms, all of it before the burst."""
    for name in ("P", "B"):
        phones, frames = string(["AA", name, "AA"], [0.15, 0.09, 0.15])
        curves = articulate(phones, frames)
        opening = curve(curves, "jawOpen") - curve(curves, "mouthClose") + curve(curves, "mouthLowerDown")
        sealed = np.flatnonzero(opening[27:36] == 0.0) + 27
        assert 3 <= len(sealed) <= 6
        assert sealed[-1] / FPS < phones[1][2]
        assert opening[24] > 0.05 and opening[37] > 0.05


def test_labiodentals_touch_the_teeth() -> None:
    """f and v hold the lower lip rolled in and the jaw nearly shut, whatever is around them."""
    for name in ("F", "V"):
        for vowel in ("AA", "IY", "UW"):
            phones, frames = string([vowel, name, vowel], [0.12, 0.09, 0.12])
            curves = articulate(phones, frames)
            middle = round((phones[1][1] + phones[1][2]) / 2 * FPS)
            for shape in ("mouthRollLower", "jawOpen"):
                assert curve(curves, shape)[middle] == pytest.approx(CONTACT_POSE[shape], abs=0.02)


def test_silence_is_shut() -> None:
    """The mouth is at rest until 100 ms before speech, 120 ms after it, and in pauses of 200 ms and more."""
    phones, _ = string(["AA", "T", "OW"], [0.12, 0.08, 0.15], start=0.6)
    more, frames = string(["S", "IY", "M", "AA"], [0.1, 0.1, 0.1, 0.1], start=phones[-1][2] + 0.22)
    curves = articulate(phones + more, frames)
    time = np.arange(frames) / FPS
    still = np.delete(curves, columns("mouthPucker"), axis=1)
    pause = (time >= phones[-1][2] + 0.1) & (time <= more[0][1] - 0.1)
    assert pause.sum() >= 1
    for quiet in ((time < 0.5), (time > more[-1][2] + 0.12), pause):
        assert np.abs(still[quiet]).max() < 0.02
    assert curves[time < 0.39].max() == 0.0
    assert articulate([], 30).max() == 0.0


def test_rounding_anticipates() -> None:
    """Before an initial w the lips protrude while the jaw still rests, and inside "su" before the s ends."""
    phones, frames = string(["W", "IY"], [0.1, 0.15], start=0.5)
    curves = articulate(phones, frames)
    early = int(0.40 * FPS)
    assert curve(curves, "mouthPucker")[early] > 0.1 and curve(curves, "jawOpen")[early] < 0.005
    spread, _ = string(["S", "IY"], [0.12, 0.15])
    rounded, frames = string(["S", "UW"], [0.12, 0.15])
    late = int(0.40 * FPS)
    pucker, flat = (curve(articulate(phones, frames), "mouthPucker")[late] for phones in (rounded, spread))
    assert pucker > flat + 0.05


def test_fast_speech_moves_less() -> None:
    """A short vowel between closed consonants opens less than a long one (undershoot)."""
    slow, frames = string(["S", "AA", "S"], [0.1, 0.2, 0.1])
    fast, _ = string(["S", "AA", "S"], [0.06, 0.06, 0.06])
    assert curve(articulate(fast, frames), "jawOpen").max() < 0.85 * curve(articulate(slow, frames), "jawOpen").max()


def test_open_vowels_open_more() -> None:
    """Jaw heights keep their order: AA > EH > IH > IY, and only rounded vowels pucker."""

    def peak(vowel: str, shape: str) -> float:
        phones, frames = string(["T", vowel, "T"], [0.08, 0.2, 0.08])
        return float(curve(articulate(phones, frames), shape)[20:32].max())

    heights = [peak(vowel, "jawOpen") for vowel in ("AA", "EH", "IH", "IY")]
    assert heights == sorted(heights, reverse=True)
    assert peak("UW", "mouthPucker") > 0.4 > 0.1 > peak("IY", "mouthPucker")


def test_stress_digits_and_recogniser_names_are_known() -> None:
    """Names as in published alignments ("AH0", "sil", "pau") are accepted; an unknown one is refused."""
    articulate([("AH0", 0.1, 0.2), ("sil", 0.2, 0.3), ("ZH", 0.3, 0.4)], 30)
    assert from_flite("pau") == "SIL" and from_flite("ax") == "AX"
    assert from_ipa("aɪə") == ("AY", "AX") and from_ipa("ɔ̃") == ("AO",) and from_ipa("") == ()
    with pytest.raises(KeyError):
        from_flite("QQ")
    with pytest.raises(KeyError):
        from_ipa("☃")


def test_every_phone_has_a_target_or_parts() -> None:
    """The inventory, the targets and the split phones fit each other without gaps."""
    assert set(TARGETS) | set(PARTS) | {"SIL"} == PHONES
    assert all(part in TARGETS for parts in PARTS.values() for part in parts)
