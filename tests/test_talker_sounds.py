"""Made-up sounds and where they are put: between the words, never over them, and the mouth stays out of it."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.model.talker import ambience, pauses, throat_sounds
from voxmesh.model.talker.dataset import frames_of, make_clip
from voxmesh.model.talker.music import music
from voxmesh.model.talker.synthesis import SAMPLE_RATE, pulses, sculpt, shaped_noise
from voxmesh.stream.arkit import ARKIT_NAMES

MOUTH = [index for index, name in enumerate(ARKIT_NAMES) if name.startswith(("mouth", "jaw", "tongue", "cheekPuff"))]
THROAT = {"breath": throat_sounds.breath, **{name: one[0] for name, one in throat_sounds.OTHER_SOUNDS.items()}}
PHONES = [("AA", 0.6, 0.9), ("M", 0.9, 1.0), ("T", 2.4, 2.5), ("IY", 2.52, 2.8)]


def _speech() -> np.ndarray:
    audio = np.zeros(4 * SAMPLE_RATE, np.float32)
    for _, start, end in PHONES:
        audio[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)] = 0.25
    return audio


@pytest.mark.parametrize("name", THROAT)
def test_throat_sounds_are_short_bounded_and_repeatable(name: str) -> None:
    """Every sound of a throat is finite, peaks at 1, lasts under 3 s and is the same for the same generator."""
    for seed in range(15):
        sound = THROAT[name](np.random.default_rng(seed))
        assert sound.ndim == 1 and 0.01 < len(sound) / SAMPLE_RATE < 3.0
        assert np.isfinite(sound).all() and np.abs(sound).max() == pytest.approx(1.0, abs=1e-6)
        np.testing.assert_array_equal(sound, THROAT[name](np.random.default_rng(seed)))
    assert not np.array_equal(THROAT[name](np.random.default_rng(0)), THROAT[name](np.random.default_rng(1)))


@pytest.mark.parametrize("name", ambience.BACKGROUNDS)
def test_backgrounds_have_unit_power_at_any_length(name: str) -> None:
    """Every background fills exactly what is asked for with finite sound of unit power, the same for the same seed."""
    make = ambience.BACKGROUNDS[name][0]
    for count in (16, 1000, 40001):
        sound = make(count, np.random.default_rng(count))
        assert sound.shape == (count,) and np.isfinite(sound).all()
        assert np.mean(np.square(sound)) == pytest.approx(1.0, rel=1e-3)
        np.testing.assert_array_equal(sound, make(count, np.random.default_rng(count)))


def test_noise_has_the_asked_spectrum() -> None:
    """Shaped noise carries its power where the gain is, not elsewhere."""
    sound = shaped_noise(32000, np.random.default_rng(0), lambda f: ((f > 1000) & (f < 2000)).astype(float))
    power = np.abs(np.fft.rfft(sound * np.hanning(32000))) ** 2
    assert power[2000:4000].sum() > 0.99 * power.sum()


def test_pulses_carry_their_pitch() -> None:
    """The closed form has every harmonic of its pitch as loud and nothing between them."""
    power = np.abs(np.fft.rfft(pulses(np.full(16000, 200.0)) * np.hanning(16000))) ** 2
    harmonics = power[200:7800:200]
    assert harmonics.min() > 0.9 * harmonics.max()
    assert power[300:7800:200].max() < 1e-4 * harmonics.max()


def test_a_flat_moving_filter_changes_nothing() -> None:
    """Overlapping windows add up to the source where gains are 1, whatever the length."""
    for count in (1, 300, 5000):
        source = np.random.default_rng(count).normal(size=count)
        np.testing.assert_allclose(sculpt(source, np.ones((3, 513))), source, atol=1e-9)


def test_breaths_are_noise_and_hums_are_low() -> None:
    """A breath has no pitch; a hum keeps nearly all of its power under 1 kHz, as behind closed lips."""
    for seed in range(10):
        sound = throat_sounds.breath(np.random.default_rng(seed))
        correlation = np.fft.irfft(np.abs(np.fft.rfft(sound, 65536)) ** 2)
        assert correlation[40:230].max() < 0.5 * correlation[0]  # 70-400 Hz
        low = throat_sounds.hum(np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(low)) ** 2
        assert power[: int(1000 * len(low) / SAMPLE_RATE)].sum() > 0.9 * power.sum()


def test_music_has_notes() -> None:
    """Music differs from noise: most of its power sits in few frequencies, and seeds differ in key and tempo."""
    tonal = []
    for seed in range(8):
        power = np.sort(np.abs(np.fft.rfft(music(48000, np.random.default_rng(seed)))) ** 2)[::-1]
        tonal.append(power[:500].sum() / power.sum())  # of 24001
    assert np.median(tonal) > 0.6


def test_inserted_sounds_leave_every_phone_alone() -> None:
    """Over many seeds sounds come into the gaps, often, and no sample of a phone nor within 15 ms of one changes."""
    audio, changed = _speech(), np.zeros(4 * SAMPLE_RATE, bool)
    near = np.zeros_like(changed)
    for _, start, end in PHONES:
        near[int((start - 0.015) * SAMPLE_RATE) : int((end + 0.015) * SAMPLE_RATE)] = True
    filled = 0
    for seed in range(60):
        out = pauses.fill_pauses(audio, PHONES, np.random.default_rng(seed))
        assert out.shape == audio.shape and out.dtype == np.float32 and np.isfinite(out).all()
        different = out != audio
        assert not (different & near).any()
        changed |= different
        filled += different.any()
    assert filled > 40 and changed[~near].mean() > 0.9


def test_no_gap_no_sound() -> None:
    """Speech whose gaps are all under a quarter of a second comes back as it was."""
    phones = [("AA", 0.2, 1.9), ("M", 2.1, 3.85)]
    audio = np.full(4 * SAMPLE_RATE, 0.2, np.float32)
    for seed in range(10):
        np.testing.assert_array_equal(pauses.fill_pauses(audio, phones, np.random.default_rng(seed)), audio)


def test_levels_of_breaths_are_below_speech() -> None:
    """Breaths keep to their range under the speech's peak; a cough may be louder than speech, by no more than 9 dB."""
    audio = _speech()
    loudest = [np.abs(pauses.fill_pauses(audio, PHONES, np.random.default_rng(seed))).max() for seed in range(200)]
    assert max(loudest) <= 0.25 * 10 ** (9 / 20) + 1e-6 and np.mean(np.array(loudest) > 0.26) > 0.01
    assert throat_sounds.BREATH_DB[1] < -6.0


def test_pauses_vary_up_to_two_seconds() -> None:
    """Most pauses are under 0.7 s, a fair share reaches on to 2 s, none is longer or shorter than 50 ms."""
    rng = np.random.default_rng(0)
    drawn = np.array([pauses.pause_s(rng) for _ in range(2000)])
    assert drawn.min() >= 0.05 and drawn.max() <= 2.0
    assert 0.2 < np.mean(drawn > 0.7) < 0.3 and np.mean(drawn > 1.5) > 0.05


def test_filling_pauses_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same clip with and without sounds in its pauses has the same phones and the same curves."""
    with_sounds = [make_clip(21, index) for index in range(6)]
    monkeypatch.setattr("voxmesh.model.talker.dataset.fill_pauses", lambda audio, phones, rng: audio)
    without = [make_clip(21, index) for index in range(6)]
    assert any(not np.array_equal(a.audio, b.audio) for a, b in zip(with_sounds, without, strict=True))
    for one, other in zip(with_sounds, without, strict=True):
        assert one.phones == other.phones and one.text == other.text
        np.testing.assert_array_equal(one.curves, other.curves)


def test_the_mouth_is_shut_wherever_nobody_speaks() -> None:
    """Mouth curves are exactly 0 in clips without speech and in the middle of every long gap of the others."""
    speechless = gaps = 0
    for index in range(40):
        clip = make_clip(33, index)
        if not clip.phones:
            speechless += 1
            assert clip.curves[:, MOUTH].max() == 0.0 and len(clip.curves) == frames_of(len(clip.audio))
        for start, end in pauses.gaps(clip.phones, len(clip.audio) / SAMPLE_RATE):
            inside = clip.curves[int((start + 0.2) * 60) + 1 : int((end - 0.25) * 60), MOUTH]
            gaps += len(inside) > 0
            assert not len(inside) or inside.max() < 1e-3
    assert speechless >= 1 and gaps > 30


def test_clips_without_speech_are_varied_and_bounded() -> None:
    """Silence, quiet and loud sound all occur, never over full scale."""
    levels = []
    for seed in range(40):
        sound = pauses.without_speech(48000, np.random.default_rng(seed))
        assert sound.dtype == np.float32 and sound.shape == (48000,) and np.abs(sound).max() <= 1.0
        levels.append(20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-9))
    assert min(levels) < -100 and sum(level > -35 for level in levels) > 5
