"""Codecs, telephone lines, lost packets and rooms: they spoil the sound and leave its time alone."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.model.talker.augment import drift
from voxmesh.model.talker.codecs import CODECS, lose_packets, round_trip, telephone, through_codec
from voxmesh.model.talker.rooms import reverberate, room_response

RATE = 16000


def _bursts(count: int) -> np.ndarray:
    """Soft noise bursts, a twentieth of a second each, four a second."""
    rng = np.random.default_rng(0)
    audio = np.zeros(count)
    for start in range(1600, count - 2000, 4000):
        audio[start : start + 800] = 0.25 * np.convolve(rng.normal(size=800), np.ones(4) / 2.0, "same")
    return audio.clip(-1.0, 1.0)


def _lag(out: np.ndarray, audio: np.ndarray) -> int:
    """Samples that `out` comes later than `audio`: the peak of their cross-correlation."""
    size = 1 << (2 * len(audio)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(out, size) * np.conj(np.fft.rfft(audio, size)))
    peak = int(np.argmax(correlation))
    return peak - size if peak > size // 2 else peak


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("level", [0.0, 0.6, 1.0])
def test_codecs_keep_length_and_time(name: str, level: float) -> None:
    """Each codec at its best, middle and smallest comes back as long, within 2 ms, changed, yet the same sound."""
    for count in (33333, 48000):
        audio = _bursts(count)
        out = round_trip(audio, name, level)
        assert out.shape == audio.shape and np.isfinite(out).all()
        assert abs(_lag(out, audio)) <= 32
        assert np.mean(np.square(out - audio)) > 1e-6
        assert np.corrcoef(out, audio)[0, 1] > 0.4


@pytest.mark.parametrize("name", CODECS)
def test_codecs_repeat_themselves(name: str) -> None:
    """The same samples give the same samples again, also where the file holds a random serial number."""
    audio = _bursts(16000)
    np.testing.assert_array_equal(round_trip(audio, name, 0.7), round_trip(audio, name, 0.7))


@pytest.mark.parametrize("count", [16, 300, 5000])
def test_short_sounds_survive_any_codec(count: int) -> None:
    """Sounds shorter than a codec's frame come back as long as they went in, silence as silence."""
    for name in CODECS:
        assert round_trip(np.full(count, 0.1), name).shape == (count,)
        assert np.abs(round_trip(np.zeros(count), name)).max() < 0.01


def test_a_random_codec_keeps_the_scale() -> None:
    """Sound of any scale comes back at that scale: the level that the codec saw is undone."""
    audio = 1e-3 * _bursts(32000)
    for seed in range(10):
        out = through_codec(audio, np.random.default_rng(seed))
        assert 0.2 < np.std(out) / np.std(audio) < 1.5 and abs(_lag(out, audio)) <= 32


def test_a_telephone_passes_its_band_alone() -> None:
    """1 kHz stays, 60 Hz and 6 kHz all but vanish, and nothing is delayed."""
    time = np.arange(32000) / RATE
    for seed in range(5):
        rms = [
            np.std(telephone(np.sin(2 * np.pi * hertz * time), np.random.default_rng(seed))[4000:-4000])
            for hertz in (60.0, 1000.0, 6000.0)
        ]
        assert rms[1] > 0.65 and rms[0] < 0.1 and rms[2] < 0.25
        assert abs(_lag(telephone(_bursts(32000), np.random.default_rng(seed)), _bursts(32000))) <= 1


def test_lost_packets_are_short_and_few() -> None:
    """Dropouts change at most a sixth of the samples, in whole packets of 20-60 ms; the rest is untouched."""
    audio = np.random.default_rng(0).normal(size=8 * RATE)
    seen = 0
    for seed in range(20):
        out = lose_packets(audio, np.random.default_rng(seed))
        changed = np.flatnonzero(out != audio)
        seen += len(changed)
        assert out.shape == audio.shape and len(changed) < len(audio) / 6
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (out != audio).astype(int), [0]])))
        runs = edges[1::2] - edges[0::2]
        assert all(any(run % packet == 0 for packet in (320, 480, 640, 960)) for run in runs)
    assert seen > RATE


def test_rooms_begin_with_the_direct_sound_and_lose_highs_first() -> None:
    """A response starts with its largest tap; on average its late part is darker than its early one."""
    darker = []
    for seed in range(30):
        response = room_response(np.random.default_rng(seed))
        assert response[0] == 1.0 and np.abs(response[1:]).max() < 1.0 and np.isfinite(response).all()
        late = len(response) // 2
        early_power, late_power = (
            np.abs(np.fft.rfft(part, 16384)) ** 2 for part in (response[640:late], response[late:])
        )
        share = [power[4096:].sum() / power.sum() for power in (early_power, late_power) if power.sum() > 0]
        darker.append(share[-1] - share[0])
        out = reverberate(_bursts(24000), np.random.default_rng(seed))
        assert out.shape == (24000,) and abs(_lag(out, _bursts(24000))) <= 2
    assert np.mean(darker) < -0.05


def test_a_drifting_zero_is_slow() -> None:
    """What a drifting zero adds is nearly all under 30 Hz, is often there, and stays within bounds."""
    audio, added = _bursts(32000), 0
    for seed in range(40):
        zero = drift(audio, np.random.default_rng(seed)) - audio
        added += np.abs(zero).max() > 0.0
        assert np.isfinite(zero).all() and np.abs(zero).max() < 6.0 * np.abs(audio).max()
        steady = zero[1000:] - zero[1000:].mean()  # after the jump
        power = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
        assert power[60:].sum() <= 0.02 * power.sum() + 1e-12
    assert added > 25
