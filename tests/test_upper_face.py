"""The upper-face benchmark: what it makes of blinks, glances and brows whose times and sizes are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice

from upper_face import Reader, gather, recordings, training_curves
from upper_figures import Upper, blinks, correlation, correlations, episodes, figures, samples, shifts, turned
from voxmesh.model.talker.upper_face import BLINKS_PER_MINUTE, blink_curve, blink_times, upper_face
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle, find, load

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "upper_face.py"
FPS = 60.0


@pytest.fixture(scope="module")
def face() -> Bundle:
    """The shipped face."""
    if not find().is_dir():
        pytest.skip("no bundle ships with this checkout")
    return load()


def trapezium(seconds: float, starts: list[float], ramp_s: float, hold_s: float, top: float = 1.0) -> np.ndarray:
    """Closures that rise and fall in `ramp_s` and stay at `top` for `hold_s` in between."""
    times = np.arange(round(seconds * FPS))[:, None] / FPS - np.array(starts)
    return top * np.clip(np.minimum(times, 2 * ramp_s + hold_s - times) / ramp_s, 0, 1).max(axis=1)


def still(frames: int, closure: np.ndarray | float = 0.0, gaze: np.ndarray | float = 0.0) -> Upper:
    """A face that does nothing else; `closure` is both eyes', `gaze` is yaw."""
    pair, zeros = np.ones((frames, 2)), np.zeros(frames)
    return Upper(FPS, (zeros + closure)[:, None] * pair, 0 * pair, np.stack([zeros + gaze, zeros], axis=1))


def test_known_blinks_are_counted_with_their_durations() -> None:
    """Blinks come out at the times and with the 20 %-to-20 % durations that they were drawn with."""
    starts = [1.0, 1.5, 4.0, 9.0]
    found = blinks(trapezium(10.0, starts, ramp_s=0.1, hold_s=0.05), FPS)
    np.testing.assert_allclose(found[:, 0], np.array(starts) + 0.02, atol=1e-3)
    np.testing.assert_allclose(found[:, 1] - found[:, 0], 0.21, atol=1e-3)


def test_a_lid_that_follows_the_eye_down_is_no_blink() -> None:
    """Lids lowered by a look down are none, short or long; a blink during it counts once, at its own length."""
    glances = np.maximum(trapezium(12.0, [1.0], 0.05, 0.2, 0.45), trapezium(12.0, [4.0], 0.05, 4.0, 0.45))
    assert len(blinks(glances, FPS)) == 0
    blink = trapezium(12.0, [6.0], ramp_s=0.1, hold_s=0.05)
    found = blinks(np.maximum(glances, blink), FPS)
    assert len(found) == 1 and 0.1 < found[0, 1] - found[0, 0] < 0.21
    assert len(blinks(trapezium(12.0, [6.0], 0.1, 0.05, 0.55), FPS)) == 0  # a flutter that does not shut


def test_eyes_that_stay_shut_are_one_long_blink() -> None:
    """Sleep is not taken for the lids' rest beyond a half: three seconds shut are one closure of three seconds."""
    found = blinks(trapezium(12.0, [4.0], ramp_s=0.1, hold_s=3.0), FPS)
    assert len(found) == 1 and found[0, 1] - found[0, 0] == pytest.approx(3.08, abs=0.01)  # from 60 % to 60 %


def test_a_wink_is_no_blink() -> None:
    """Both eyes must shut."""
    shut = trapezium(5.0, [1.0, 3.0], 0.1, 0.05)
    wink = Upper(FPS, np.stack([shut, 0 * shut], axis=1), np.zeros((len(shut), 2)), np.zeros((len(shut), 2)))
    assert figures([samples(wink)])["blinks_per_minute"] == 0
    assert figures([samples(still(len(shut), shut))])["blinks_per_minute"] == pytest.approx(24)


@pytest.mark.parametrize("seed", range(3))
def test_drawn_blinks_are_found(face: Bundle, seed: int) -> None:
    """On the training data's own face, with its glances, squints and brows, every drawn blink is found and no other."""
    frames = 7200
    seen, _ = Reader(face).drawn(upper_face(frames, np.random.default_rng(seed)))
    drawn = np.array(blink_times(frames / FPS, np.random.default_rng(seed), BLINKS_PER_MINUTE["rest"]))
    drawn = drawn[drawn.sum(axis=1) < frames / FPS]  # whole ones
    found = blinks(seen.lids, FPS)
    assert len(found) == len(drawn)
    # What is seen is the part between the crossings of 20 %: it starts a little later and is a quarter shorter.
    assert np.all((found[:, 0] > drawn[:, 0]) & (found[:, 0] < drawn[:, 0] + 0.05))
    ideal = blink_curve(np.arange(0, 0.3, 0.001), [(0.0, 0.3)], np.ones(1))
    share = (ideal > 0.2).mean()
    assert np.median((found[:, 1] - found[:, 0]) / drawn[:, 1]) == pytest.approx(share, abs=0.05)


def test_episodes_need_both_thresholds_and_both_ends() -> None:
    """A run counts once however often it crosses the high one, and not at all when it is cut by an end."""
    x = np.array([2.0, 0, 1, 2, 1.2, 2, 0, 0.9, 0, 2])
    np.testing.assert_allclose(episodes(x, low=0.5, high=1.5), [[1.5, 5.75]])
    assert episodes(x, 0.5, 3.0).shape == (0, 2)


def test_an_eyeball_tells_its_angles(face: Bundle) -> None:
    """A ball turned by 10 degrees to +X, then 6 up, is read so; a moved ball that does not turn reads 0."""
    rest = np.random.default_rng(0).normal(size=(30, 3))
    yaw, pitch = np.radians([10, 6])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    points = np.stack([rest @ (about_y @ about_x).T + 3, rest - 1])
    np.testing.assert_allclose(turned(points, rest), [[10, 6], [0, 0]], atol=1e-9)
    curves = np.zeros((2, len(ARKIT_NAMES)))
    for name in ("eyeLookOutLeft", "eyeLookInRight"):  # to the face's left
        curves[0, ARKIT_NAMES.index(name)] = 1
    for side in ("Left", "Right"):
        curves[1, ARKIT_NAMES.index(f"eyeLookUp{side}")] = 1
    np.testing.assert_allclose(Reader(face).drawn(curves)[0].gaze_deg, [[28, 0], [0, 24]], atol=0.5)


def test_gaze_shifts_are_told_from_drift_and_tremor() -> None:
    """Each jump counts with its size, in its time; slow pursuit and a tremor of half a degree do not."""
    times = np.arange(600) / FPS
    yaw = sum(size * np.clip((times - at) / 0.05, 0, 1) for at, size in ((2.0, 6.0), (5.0, -4.0), (7.0, 0.6)))
    gaze = np.stack([yaw, times], axis=1)  # a degree a second upwards
    spans, degrees, inside = shifts(gaze, FPS)
    assert degrees == pytest.approx([6, 4], abs=0.1)
    assert spans[:, 0] == pytest.approx([2, 5], abs=0.02) and np.diff(spans) == pytest.approx(0.05, abs=0.02)
    assert inside.sum() == 6
    found = figures([samples(Upper(FPS, 0 * gaze, 0 * gaze, gaze * [0.6, 1]))])  # of 3.6 and 2.4 degrees
    assert found["shifts_per_minute"] == pytest.approx(12) and found["far_shifts_per_minute"] == pytest.approx(6)
    tremor = still(600, gaze=0.3 * (-1.0) ** np.arange(600))
    found = figures([samples(tremor)])
    assert found["shifts_per_minute"] == 0 and found["drift_deg_s"] == pytest.approx(36)


def test_brow_raises_are_counted_and_sized() -> None:
    """Raises over 1 mm count once each, with the time they last and the share of time spent above."""
    height = 2 * trapezium(60.0, [5.0, 20.0, 40.0], ramp_s=0.4, hold_s=1.0) + 0.7 * trapezium(60.0, [30.0], 0.4, 1.0)
    brows = np.stack([height, height], axis=1)
    found = figures([samples(Upper(FPS, 0 * brows, brows, 0 * brows))])
    assert found["raises_per_minute"] == 3
    assert found["raise_s"] == pytest.approx([1.6] * 3, abs=0.01)
    assert found["raised_share"] == pytest.approx(3 * 1.4 / 60, abs=0.002)
    assert found["brow_std_mm"] == pytest.approx(height.std())


def test_stretches_are_pooled_by_their_length() -> None:
    """Rates are by the minute of all stretches, and no interval runs from one stretch to the next."""
    one = still(3600, trapezium(60.0, [1.0, 4.0], 0.1, 0.05))
    other = still(1800, trapezium(30.0, [10.0], 0.1, 0.05))
    found = figures([samples(one), samples(other)])
    assert found["blinks_per_minute"] == pytest.approx(2) and found["blinks_by_minute"] == [2, 2, 2]
    assert found["blink_interval_s"] == pytest.approx([3, 3, 3]) and found["blink_interval_mean_s"] == pytest.approx(3)


def test_what_never_happens_has_no_figure() -> None:
    """A face that holds still has rates of 0 and no durations, rather than ones made of nothing."""
    found = figures([samples(still(120))])
    assert found["blinks_per_minute"] == found["raises_per_minute"] == found["shifts_per_minute"] == 0
    assert found["blink_ms"] is None and found["raise_s"] is None and found["blinks_by_minute"] is None


def test_equal_series_correlate_and_independent_ones_do_not() -> None:
    """The table says 1 for the same motion, about 0 for two that share nothing, nothing for one that is constant."""
    rng = np.random.default_rng(1)
    mouth = rng.normal(size=5000)
    runs = {seed: {"mouth": mouth * (seed + 1), "lids": rng.normal(size=5000), "flat": mouth * 0} for seed in range(3)}
    table = correlations(runs)
    assert list(table) == ["0-1", "0-2", "1-2"]
    for found in table.values():
        assert found["mouth"] == pytest.approx(1) and found["flat"] is None
        assert abs(found["lids"]) < 4 / np.sqrt(5000)
    assert correlation(mouth, -mouth) == pytest.approx(-1)


def test_speech_is_looped_to_its_minutes(tmp_path: Path) -> None:
    """A recording at another rate fills the minutes asked for, with a frame of prosody for each frame of audio."""
    soundfile.write(tmp_path / "a.wav", voice(1.51, 22050), 22050)
    speech = gather(iter(recordings(tmp_path) * 5), 0.1)
    assert len(speech.audio) == 96000 and len(speech.energy) == len(speech.pitch) == 360
    assert np.median(speech.pitch[speech.pitch > 0]) == pytest.approx(120)
    np.testing.assert_array_equal(speech.audio[:20000], speech.audio[24800:44800])  # 24160 samples, made whole
    curves = training_curves(3700, 0, None)
    assert [len(piece) for piece in curves] == [3600, 100]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_script_ends_with_one_json_line(face: Bundle, speech: Path) -> None:
    """A few seconds of speech and silence through the shipped face: tables, then every figure in the last line."""
    done = run("--wav", speech, "--speech-minutes", 0.1, "--silence-minutes", 0.05, "--seeds", 2)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    columns = ["live, speech", "live, silence", "live, faint noise", "training, speech", "training, rest"]
    assert list(report["figures"]) == columns
    assert report["correlation"]["live"]["0-1"]["aperture"] > 0.8
    assert set(report["correlation"]["training"]["0-1"]) == {"lids", "brows", "yaw", "pitch"}
    assert set(report["blinks_per_minute"]) == {"speech, seed 0", "speech, seed 1", "silence", "faint noise"}
    rates = report["blinks_per_minute"].values()
    assert report["blinks_in_range"] == all(8 <= rate <= 30 for rate in rates)


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    """What a user can mend is said in one line, with exit code 2."""
    for arguments, message in (
        (("--wav", tmp_path), "no recordings"),
        (("--wav", tmp_path / "none.wav"), "no recordings"),
        (("--bundle", tmp_path), "no bundle"),
    ):
        done = run(*arguments)
        assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
