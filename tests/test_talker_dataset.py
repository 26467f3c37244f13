"""Text to clips on disk: deterministic, on the clock, and split by voice."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain, combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from voxmesh.model.talker import dataset, espeak, festival, flite
from voxmesh.model.talker.augment import augment
from voxmesh.model.talker.command import talker
from voxmesh.model.talker.dataset import SPLITS, frames_of, make_clip, read_dataset, write_dataset
from voxmesh.model.talker.phones import PHONES, from_flite, from_ipa
from voxmesh.model.talker.sentences import SENTENCES
from voxmesh.model.talker.speech import say
from voxmesh.model.talker.text import LANGUAGES, sentence
from voxmesh.model.talker.voices import (
    ESPEAK_LANGUAGES,
    ESPEAK_VARIANTS,
    FESTIVAL_VOICES,
    FLITE_VOICES,
    Voice,
    draw_voice,
    voice_key,
)
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.errors import VoxmeshError

VOWELS = {"AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW", "UE", "OE"}


def same(one: dataset.Clip, other: dataset.Clip) -> bool:
    return (
        one.audio.tobytes() == other.audio.tobytes()
        and one.curves.tobytes() == other.curves.tobytes()
        and (one.phones, one.voice, one.text) == (other.phones, other.voice, other.text)
    )


def test_same_seed_same_clip() -> None:
    """A clip depends on seed, index and split alone, not on what was made before it."""
    first = [make_clip(7, index) for index in range(6)]
    again = [make_clip(7, index) for index in reversed(range(6))][::-1]
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert not same(first[0], make_clip(8, 0)) and not same(first[0], make_clip(7, 0, "test"))


def test_clips_obey_the_clock_and_their_own_phones() -> None:
    """Frames are ceil(samples * 60 / 16000), 3-8.5 s, weights within 0..1, phones ordered and inside the audio."""
    for index in range(12):
        clip = make_clip(11, index)
        assert clip.audio.dtype == np.float32 and np.abs(clip.audio).max() <= 1.0
        assert clip.curves.shape == (frames_of(len(clip.audio)), len(ARKIT_NAMES)) and clip.curves.dtype == np.float32
        assert 2.9 <= len(clip.audio) / 16000 <= 8.5
        assert clip.curves.min() >= 0.0 and clip.curves.max() <= 1.0
        times = [time for _, start, end in clip.phones for time in (start, end)]
        assert all(a <= b + 1e-6 for a, b in pairwise(times))
        assert not times or (times[0] >= 0.2 and times[-1] <= len(clip.audio) / 16000)
        assert {name for name, _, _ in clip.phones} <= PHONES


def test_frames_of_rounds_up() -> None:
    """A last frame that only part of the audio reaches is still a frame."""
    assert [frames_of(samples) for samples in (0, 1, 266, 267, 16000, 16001)] == [0, 1, 1, 2, 60, 61]


def test_phones_are_where_the_sound_is() -> None:
    """Vowels are loud and closures of p, t, k quiet, for every synthesiser: labels do not drift."""
    voices = [Voice("espeak", "en-us+f3", "en"), Voice("flite", "slt", "en"), Voice("espeak", "de", "de", speed=1.1)]
    voices += [Voice("espeak", "en-029+Storm", "en", words_per_minute=rate, speed=0.82) for rate in (90, 300)]
    voices += [
        Voice("festival", name, "en", duration_stretch=1.2, pitch_scale=1.2, speed=0.9)
        for name in ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
    ]
    voices += [Voice("festival", "pc_diphone", "it"), Voice("festival", "czech_ph", "cs")]
    for voice in voices:
        audio, phones = say(["Papa took a copper pot to Peter."], voice)[0]
        power = np.convolve(np.square(audio), np.ones(160) / 160, "same")
        loud = np.median([power[int((a + b) / 2 * 16000)] for name, a, b in phones if name in VOWELS])
        shut = [power[int((a + 0.3 * (b - a)) * 16000)] for name, a, b in phones if name in {"P", "T", "K"}]
        assert np.median(shut) < 0.01 * loud


def test_no_voice_is_in_two_splits() -> None:
    """Splits share no speaker, in the lists and in three thousand draws."""
    for voices in (ESPEAK_VARIANTS, FLITE_VOICES, FESTIVAL_VOICES):
        for one, other in combinations(voices.values(), 2):
            assert not set(one) & set(other)
    assert voice_key(Voice("festival", "cmu_us_slt_arctic_hts", "en")) == voice_key(Voice("flite", "slt", "en"))
    rng = np.random.default_rng(0)
    drawn = [{voice_key(draw_voice(rng, split)) for _ in range(1000)} for split in SPLITS]
    assert all(drawn) and len(set().union(*drawn)) == sum(map(len, drawn))
    with pytest.raises(VoxmeshError, match="validation"):
        draw_voice(rng, "validation")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phone_name_is_known(language: str) -> None:
    """Whatever espeak-ng says in every sentence, mixture and accent of a language is in the inventory."""
    rng = np.random.default_rng(1)
    texts = [*SENTENCES[language], *(sentence(rng, language) for _ in range(25))]
    for accent in ESPEAK_LANGUAGES[language]:
        for take in espeak.speak(texts[:1], accent) + espeak.speak(texts, f"{accent}+m3"):
            assert {phone for name, _, _ in take.phones for phone in from_ipa(name, language)} <= PHONES
            assert len(take.phones) > 3


@pytest.mark.parametrize(
    ("language", "word", "shown", "hidden"),
    [
        ("ca", "la vaca", {"BV"}, {"V"}),
        ("el", "μπάλα", {"B"}, {"BV"}),
        ("hu", "ablak", {"AO", "B"}, {"AA"}),
        ("ja", "ふね", {"BV", "UH", "N"}, {"F"}),
        ("ro", "râu", {"IH", "UH"}, {"UE"}),
        ("ru", "рыба", {"IH", "B"}, {"UE"}),
        ("sw", "mbwa", {"M", "B", "W"}, set()),
        ("tr", "vücut", {"V", "UE"}, set()),
        ("vi", "sư tử", {"IH"}, {"UE"}),
    ],
)
def test_lips_show_what_is_said(language: str, word: str, shown: set[str], hidden: set[str]) -> None:
    """Lips close, round and spread as the language asks, also where espeak-ng's sign says otherwise."""
    phones = {name for name, _, _ in say([word], Voice("espeak", language, language))[0][1]}
    assert shown <= phones and not hidden & phones


def test_flite_names_are_known() -> None:
    """Whatever flite says in English is in the inventory."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        _, _, phones = flite.speak(sentence(rng), "rms")
        assert {from_flite(name) for name, _, _ in phones} <= PHONES


@pytest.mark.parametrize("name", festival.SPEAKERS)
def test_festival_keeps_time(name: str) -> None:
    """Every festival voice gives the same bytes twice, known phones in order inside the audio, and can be slowed."""
    language = festival.SPEAKERS[name].language
    rng = np.random.default_rng(2)
    texts = [sentence(rng, language) for _ in range(8)] + ['Say "ah\\ha" (or not).']
    voice = Voice("festival", name, language, pitch_scale=0.9)
    takes, again = say(texts, voice), say(texts, voice)
    slow = say(texts, replace(voice, duration_stretch=1.3))
    for (audio, phones), (audio_again, phones_again), (_, slowed) in zip(takes, again, slow, strict=True):
        assert audio.tobytes() == audio_again.tobytes() and phones == phones_again
        times = [time for _, start, end in phones for time in (start, end)]
        assert len(phones) > 3 and times[0] >= 0.0 and times[-1] <= len(audio) / 16000
        assert all(a <= b + 1e-6 for a, b in pairwise(times))
        assert {phone for phone, _, _ in phones} <= PHONES
        assert slowed[-1][2] > 1.1 * times[-1]


@pytest.mark.parametrize("name", [name for name in festival.SPEAKERS if not name.endswith("_hts")])
def test_festival_survives_low_slow_voices(name: str) -> None:
    """Short texts below 100 Hz before a long pause, on which bare festival overruns its memory, are spoken too."""
    for text in ("Papa.", "What a.", "Me."):
        samples, rate, phones = festival.speak([text], name, duration_stretch=2.0, pitch=0.5)[0]
        assert len(samples) > 0.2 * rate and phones[-1][2] <= len(samples) / rate


def test_draws_do_not_depend_on_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed draws the same voices on a machine without any synthesiser."""
    voices = [draw_voice(np.random.default_rng(seed), "train") for seed in range(50)]
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: None)
    assert voices == [draw_voice(np.random.default_rng(seed), "train") for seed in range(50)]
    assert {voice.engine for voice in voices} == {"espeak", "flite", "festival"}


def test_every_variant_exists() -> None:
    """Every espeak-ng voice of every split speaks."""
    for variant in chain.from_iterable(ESPEAK_VARIANTS.values()):
        assert len(espeak.speak(["Hello."], f"en-us+{variant}" if variant else "en-us")[0].samples) > 4000


def test_silent_clips_keep_the_mouth_shut() -> None:
    """Some clips are silence or noise alone; no mouth curve moves in them."""
    silent = [clip for clip in (make_clip(1, index) for index in (2, 3, 18)) if not clip.phones]
    assert silent
    mouth = [index for index, name in enumerate(ARKIT_NAMES) if name.startswith(("mouth", "jaw", "tongue"))]
    assert all(clip.curves[:, mouth].max() == 0.0 for clip in silent)


@pytest.mark.parametrize("count", [0, 10, 1000, 48000])
def test_augment_keeps_length_and_range(count: int) -> None:
    """Any length comes back as long, finite, float32, within -1..1, and the same for the same generator."""
    audio = (0.3 * np.random.default_rng(0).normal(size=count)).clip(-1, 1).astype(np.float32)
    for seed in range(12):
        loud = augment(audio, np.random.default_rng(seed))
        assert loud.shape == audio.shape and loud.dtype == np.float32
        assert np.isfinite(loud).all() and (not count or np.abs(loud).max() <= 1.0)
        np.testing.assert_array_equal(loud, augment(audio, np.random.default_rng(seed)))


def test_augment_does_not_shift_time() -> None:
    """The envelope of augmented bursts lines up with the clean one within 2 ms of the best lag."""
    rng = np.random.default_rng(0)
    audio = np.zeros(32000, np.float32)
    for start in range(1600, 30000, 4000):
        audio[start : start + 800] = 0.5 * rng.normal(size=800)
    audio = audio.clip(-1, 1)
    lags = np.arange(-160, 161)
    best = []
    for seed in range(40):
        spectrum = np.fft.rfft(augment(audio, np.random.default_rng(seed)), 65536) * np.conj(np.fft.rfft(audio, 65536))
        correlation = np.fft.irfft(spectrum)
        best.append(abs(lags[np.argmax(correlation[lags])]))
    assert max(best) <= 32


def test_write_resume_read(tmp_path: Path) -> None:
    """A folder holds what make_clip makes, goes on where it stopped, and refuses another seed."""
    write_dataset(tmp_path, 2, 3)
    before = (tmp_path / "000001.npz").stat().st_mtime_ns
    (tmp_path / "000000.npz").unlink()
    write_dataset(tmp_path, 4, 3, workers=2)
    assert (tmp_path / "000001.npz").stat().st_mtime_ns == before
    assert not list(tmp_path.glob("*.partial"))
    clips = read_dataset(tmp_path, "train")
    assert len(clips) == 4 and len(read_dataset(tmp_path, "test")) == 0 and len(clips[1:3]) == 2
    for index, clip in enumerate(clips):
        fresh = make_clip(3, index)
        np.testing.assert_allclose(clip.audio, fresh.audio, atol=1e-4)
        np.testing.assert_allclose(clip.curves, fresh.curves, atol=1e-3)
        assert (clip.voice, clip.text, clip.split) == (fresh.voice, fresh.text, "train")
        assert [name for name, _, _ in clip.phones] == [name for name, _, _ in fresh.phones]
    with pytest.raises(VoxmeshError, match="seed 3"):
        write_dataset(tmp_path, 2, 4)


def test_reading_nothing_says_what_to_do(tmp_path: Path) -> None:
    """A folder without a manifest names the command that makes one."""
    with pytest.raises(VoxmeshError, match="talker make"):
        read_dataset(tmp_path)


def test_missing_synthesisers_name_the_apt_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flite, festival or a voice of espeak-ng the error says exactly what to install, in one line."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(VoxmeshError, match=r"apt-get install -y .*festival festvox-kdlpc16k$"):
        festival.speak(["hello"], "ked_diphone")
    with pytest.raises(VoxmeshError, match="unknown festival voice 'hal'; choose one of kal_diphone"):
        festival.speak(["hello"], "hal")
    with pytest.raises(VoxmeshError, match="apt-get install -y flite"):
        flite.speak("hello", "slt")
    with pytest.raises(VoxmeshError, match="apt-get install -y libespeak-ng1"):
        espeak.speak(["hello"], "no-such-voice")
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: "libnothing-here.so")
    with pytest.raises(VoxmeshError, match="libespeak-ng1 espeak-ng-data"):
        espeak._Library()


def test_commands(tmp_path: Path) -> None:
    """`talker make` fills a folder; `talker say` writes a WAV and its phones."""
    run = CliRunner().invoke
    made = run(talker, ["make", "-o", str(tmp_path / "set"), "--clips", "1", "--seed", "2", "--split", "test"])
    assert made.exit_code == 0, made.output
    assert read_dataset(tmp_path / "set", "test")[0].split == "test"
    said = run(talker, ["say", "Hello there.", "-o", str(tmp_path / "a.wav"), "--phones", str(tmp_path / "a.json")])
    assert said.exit_code == 0, said.output
    phones = json.loads((tmp_path / "a.json").read_text())
    assert [name for name, _, _ in phones][:2] == ["HH", "AX"] and (tmp_path / "a.wav").stat().st_size > 10000
