"""The lip-sync benchmark: what it makes of a face that knows nothing, one that knows all, and one that is late."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from bootstrap import Figure, auc, estimate, median, ratio, share
from lip_figures import KINDS, apart, by_phone, frames_within, nonspeech_samples, pauses, speech_samples
from lip_sync import figures, pooled
from mouth import Motion, articulated, measure, rest_points
from voxmesh.model.talker.articulation import Phone, articulate
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle, find, load
from voxmesh.stream.topology import LANDMARKS

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "lip_sync.py"
FPS = 60.0
ARPABET = [
    *("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW", "B", "CH", "D", "DH"),
    *("F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
]
AUCS = ("bilabial", "labiodental", "rounded", "spread", "open")


@pytest.fixture(scope="module")
def face() -> Bundle:
    """The shipped face."""
    if not find().is_dir():
        pytest.skip("no bundle ships with this checkout")
    return load()


def chatter(rng: np.random.Generator, count: int, names: list[str] = ARPABET, pause_s: float = 0.5) -> list[Phone]:
    """Phones drawn at random, 50 to 200 ms each, with a pause before, after every 25th and room after the last."""
    phones, now = [], pause_s
    for index in range(count):
        end = now + rng.uniform(0.05, 0.2)
        phones.append((str(rng.choice(names)), now, end))
        now = end + pause_s * (index % 25 == 24)
    return phones


def frames_of(phones: list[Phone]) -> int:
    return int((phones[-1][2] + 0.5) * FPS)


def wandering(rng: np.random.Generator, frames: int, smooth_frames: float = 4.0) -> Motion:
    """A face whose landmarks drift about their places, 3 mm and 70 ms at a time, knowing nothing of any phone."""
    rest = rng.normal(0, 0.03, (len(LANDMARKS), 3))
    noise = gaussian_filter1d(rng.normal(size=(frames, *rest.shape)), smooth_frames, axis=0)
    return measure(rest + 0.003 * noise / noise.std(), rest, FPS)


def delayed(motion: Motion, frames: float) -> Motion:
    """The same motion, later."""
    at = np.arange(len(motion))
    return replace(motion, aperture=np.interp(at - frames, at, motion.aperture))


def value(figure: Figure | None) -> float:
    assert figure is not None
    return figure.value


@pytest.mark.parametrize("seed", range(3))
def test_a_face_that_moves_at_random_scores_a_half(seed: int) -> None:
    """No AUC rewards a face for moving: with names drawn at random, each is 0.5 within chance."""
    rng = np.random.default_rng(seed)
    phones = chatter(rng, 5000)
    motion = wandering(rng, frames_of(phones))
    samples = speech_samples(phones, motion, motion)
    for name in AUCS:
        targets, contrasts = map(len, samples[name])
        # Names are exchangeable, so U has the variance of Mann and Whitney's null, however smooth the motion.
        chance = np.sqrt((targets + contrasts + 1) / (12 * targets * contrasts))
        assert chance < 0.025
        assert abs(value(estimate(KINDS[name], samples[name])) - 0.5) < 4 * chance, name


def test_the_articulation_model_scores_one(face: Bundle) -> None:
    """The yardstick can be reached: the model that knows the phones tells them apart, on time and smoothly."""
    phones = chatter(np.random.default_rng(0), 600)
    motion = articulated(face, phones, frames_of(phones))
    found = {name: value(f) for name, f in figures(speech_samples(phones, motion, motion)).items() if f}
    assert min(found["bilabial"], found["labiodental"], found["spread"], found["rounded"]) > 0.97
    assert found["open"] > 0.9
    assert found["lag_ms"] == 0 and found["jitter"] == 1 and found["silence"] == 1 and found["sealed"] == 1
    assert found["false_closure"] == 0 and found["blinks_per_minute"] == 0


def test_lips_that_meet_close_every_time(face: Bundle) -> None:
    """Lips that touch at every p b m, without rolling in, score a closure rate of 1; open lips score 0."""
    names = [name for name in ARPABET if name not in ("F", "V")]  # the only phones that must roll the lip
    phones = chatter(np.random.default_rng(1), 300, names)
    curves = articulate(phones, frames_of(phones))
    curves[:, ARKIT_NAMES.index("mouthRollLower")] = 0
    rest, vertices = rest_points(face)
    motion = measure(rest + np.tensordot(curves, face.deltas[:, vertices], 1), rest, FPS)
    found = figures(speech_samples(phones, motion, motion))
    assert value(found["closure_rate"]) == 1 and value(found["false_closure"]) == 0
    ajar = replace(motion, aperture=motion.aperture + 0.1)
    found = figures(speech_samples(phones, ajar, motion))
    assert value(found["closure_rate"]) == 0 and value(found["silence"]) == 0


@pytest.mark.parametrize("late_ms", [-50, 0, 30, 50, 120])
def test_a_late_face_is_told_how_late(face: Bundle, late_ms: int) -> None:
    """Lag is the delay of the mouth behind the articulation, in ms, between frames too."""
    phones = chatter(np.random.default_rng(2), 120)
    model = articulated(face, phones, frames_of(phones))
    samples = speech_samples(phones, delayed(model, late_ms * FPS / 1000), model)
    assert value(figures(samples)["lag_ms"]) == pytest.approx(late_ms, abs=2)


def test_a_trembling_mouth_has_jitter(face: Bundle) -> None:
    """Jitter grows with what is added to the articulation model's motion, and is blind to where the face is held."""
    phones = chatter(np.random.default_rng(3), 60)
    model = articulated(face, phones, frames_of(phones))
    rough = replace(model, jerk=3 * model.jerk, aperture=model.aperture + 1)
    assert value(figures(speech_samples(phones, rough, model))["jitter"]) == pytest.approx(3)


def test_figures_do_not_depend_on_the_mesh_size() -> None:
    """A head twice as large that moves twice as far scores the same: lengths are shares of the mouth's width."""
    rng = np.random.default_rng(4)
    phones = chatter(rng, 100)
    rest = rng.normal(0, 0.03, (len(LANDMARKS), 3))
    points = rest + gaussian_filter1d(rng.normal(0, 0.01, (frames_of(phones), *rest.shape)), 4, axis=0)
    small, large = measure(points, rest, FPS), measure(2 * points, 2 * rest, FPS)
    one, other = speech_samples(phones, small, small), speech_samples(phones, large, small)
    for name in set(one) - {"blinks_per_minute"}:  # a blink is in mm
        for a, b in zip(one[name], other[name], strict=True):
            np.testing.assert_allclose(b, a, atol=1e-9, err_msg=name)


values = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@given(values, values)
def test_auc_counts_pairs(targets: list[int], contrasts: list[int]) -> None:
    """The AUC is the share of (target, contrast) pairs with the target above, ties half, counted one by one."""
    pairs = [(t > c) + (t == c) / 2 for t in targets for c in contrasts]
    figure = estimate(auc, (np.array(targets), np.array(contrasts)))
    assert value(figure) == pytest.approx(np.mean(pairs))


@given(values, st.data())
def test_weights_are_repeats(items: list[int], data: st.DataObject) -> None:
    """A weight of k is the item k times: so a resample is scored as the phones it drew would be."""
    repeats = data.draw(st.lists(st.integers(0, 3), min_size=len(items), max_size=len(items)).filter(any))
    plain, again = np.array(items), np.repeat(items, repeats)
    weights = np.array([repeats], float)
    once = np.ones((1, len(again)))
    assert median([plain], [weights]) == pytest.approx(float(np.median(again)))
    assert share([plain > 2], [weights]) == pytest.approx(float((again > 2).mean()))
    pairs = np.stack([plain, plain + 1], axis=1)
    assert ratio([pairs], [weights]) == pytest.approx(again.sum() / (again + 1).sum())
    two = [plain, plain[::-1]]
    assert auc(two, [weights, weights[:, ::-1]]) == pytest.approx(auc([again, again], [once, once])[0])


def test_the_interval_is_as_wide_as_chance() -> None:
    """The bootstrap interval holds the estimate, is that of a binomial for a share, and comes out the same again."""
    hits = np.arange(400) < 120
    figure = estimate(share, (hits,))
    assert figure is not None and figure.counts == (400,) and figure.low < figure.value == 0.3 < figure.high
    assert (figure.high - figure.low) / 2 == pytest.approx(1.96 * np.sqrt(0.3 * 0.7 / 400), rel=0.1)
    assert estimate(share, (hits,)) == figure
    rng = np.random.default_rng(5)
    figure = estimate(auc, (rng.normal(0.5, 1, 50), rng.normal(0, 1, 300)))
    assert figure is not None and figure.low < figure.value < figure.high


def test_an_empty_group_gives_no_figure() -> None:
    """A clip without a phone of the kind has no figure, rather than one made of nothing."""
    assert estimate(auc, (np.zeros(0), np.ones(3))) is None
    assert estimate(ratio, (np.zeros((3, 2)),)) is None
    still = measure(np.zeros((120, len(LANDMARKS), 3)), np.eye(len(LANDMARKS), 3), FPS)
    found = figures(speech_samples([("AA", 0.5, 0.7)], still, still))
    assert found["bilabial"] is None and found["lag_ms"] is None and found["jitter"] is None


def test_contrasts_that_hold_a_target_are_left_out() -> None:
    """A phone within 40 ms of a target is no contrast, one just beyond is; nobody else is dropped."""
    names = ["P", "AA", "S", "T", "IY"]
    phones = [("P", 1.0, 1.1), ("AA", 1.1, 1.13), ("S", 1.139, 1.2), ("T", 1.2, 1.3), ("IY", 0.8, 0.961)]
    far = dict(zip(names, apart(phones, np.array([name == "P" for name in names])), strict=True))
    assert far == {"P": False, "AA": False, "S": False, "T": True, "IY": False}
    assert apart([*phones[:4], ("IY", 0.8, 0.96)], np.array([True, *[False] * 4]))[4]
    motion = wandering(np.random.default_rng(6), 120)
    samples = speech_samples(sorted(phones, key=lambda phone: phone[1]), motion, motion)
    assert [len(group) for group in samples["bilabial"]] == [1, 1]


def test_each_figure_compares_its_own_phones() -> None:
    """Every figure counts the phones that it names and no others: f v, say, are not told from p b m."""
    order = ["P", "AH", "F", "N", "IY", "UW", "S", "AE", "TH", "V", "M"]
    phones = [(name, 0.2 * i, 0.2 * i + 0.1) for i, name in enumerate(order, 1)]
    motion = wandering(np.random.default_rng(11), frames_of(phones))
    samples = speech_samples(phones, motion, motion)
    counts = {name: tuple(map(len, samples[name])) for name in samples if KINDS[name] in (auc, median)}
    assert counts == {
        **{"bilabial": (2, 9), "labiodental": (2, 7), "rounded": (1, 3), "spread": (1, 1), "open": (1, 7)},
        **{"bilabial_aperture": (2,), "open_aperture": (2,)},
    }
    assert len(samples["closure_rate"][0]) == 2 and len(samples["false_closure"][0]) == 1


def test_a_mouth_is_measured_from_its_landmarks() -> None:
    """Apertures, width, forward offset, tuck and third difference are those of a face built to have them."""
    rest = np.zeros((len(LANDMARKS), 3))
    at = {name: index for index, name in enumerate(LANDMARKS)}
    rest[at["mouth_left"], 0], rest[at["mouth_right"], 0] = 0.025, -0.025
    rest[at["teeth_upper"], 2] = -0.005
    points = np.repeat(rest[None], 10, axis=0)
    time = np.arange(10)
    points[:, at["lip_lower_inner"], 1] -= 0.01
    points[:, at["lip_upper_inner"], 2] += 0.002
    points[:, at["mouth_left"], 0] += 0.001 * time**3
    points[:, at["lid_upper_left"], 1] += 0.006
    motion = measure(points, rest, FPS)
    assert motion.aperture == pytest.approx(np.full(10, np.hypot(0.01, 0.002) / 0.05))
    assert motion.width == pytest.approx(1 + 0.001 * time**3 / 0.05)
    assert motion.protrusion == pytest.approx(np.full(10, 0.001 / 0.05))
    assert motion.tuck == pytest.approx(np.full(10, np.hypot(0.01, 0.005) / 0.05))
    assert motion.jerk == pytest.approx(np.full(7, 0.001 * 6 / 4 / 0.05))  # one of four landmarks, third difference 6
    assert motion.lids_mm == pytest.approx(np.full(10, 3.0))


def test_windows_hold_the_frames_in_them() -> None:
    """A window is the frames whose time is within it, both edges included, and never empty."""
    assert frames_within(0.1, 0.2, 60.0, 100) == slice(6, 13)
    assert frames_within(0.101, 0.199, 60.0, 100) == slice(7, 12)
    assert frames_within(0.018, 0.030, 60.0, 100) == slice(1, 2)
    assert frames_within(-0.04, 0.0, 60.0, 100) == slice(0, 1)
    assert frames_within(1.9, 2.4, 60.0, 100) == slice(99, 100)


def test_every_frame_belongs_to_one_phone() -> None:
    """Sums by phone lose and double no frame, for phones too short to hold one as well."""
    phones = [("AA", 0.2, 0.3), ("B", 0.3, 0.305), ("T", 0.305, 0.31), ("S", 0.9, 1.4)]
    sums = by_phone(np.ones((60, 2)), phones, FPS)
    assert sums.tolist() == [[18, 18], [1, 1], [35, 35], [6, 6]]


def test_pauses_are_the_long_gaps() -> None:
    """Silences of 300 ms count, before the first phone and after the last one too; shorter ones do not."""
    phones = [("AA", 0.4, 0.6), ("T", 0.6, 0.7), ("S", 0.9, 1.0), ("M", 1.35, 1.4)]
    assert pauses(phones, 1.6) == [(0.0, 0.4), (1.0, 1.35)]


def test_a_pause_may_close_and_open_at_its_ends() -> None:
    """The mouth has 120 ms to close after a phone and to open before one; in between it must stay shut."""
    phones = [("AA", 0.0, 0.5), ("AA", 1.5, 2.0)]
    time = np.arange(120) / FPS
    still = wandering(np.random.default_rng(7), 120)

    def silence(shut_from: float, shut_to: float, name: str = "silence") -> float:
        aperture = np.where((time > shut_from) & (time < shut_to), 0.0, 0.2)
        return value(figures(speech_samples(phones, replace(still, aperture=aperture), still))[name])

    assert silence(0.6, 1.4) == 1 and silence(0.6, 1.4, "silence_whole") == 0
    assert silence(0.7, 1.4) == 0 and silence(0.6, 1.3) == 0
    assert silence(0.49, 1.51, "silence_whole") == 1


def test_music_and_blinks_are_counted_by_the_second() -> None:
    """Where nobody speaks, the figures are the time nearly shut and the blinks; clips are pooled by their length."""
    still = wandering(np.random.default_rng(8), 120)
    aperture = np.where(np.arange(120) < 90, 0.01, 0.2)
    lids = np.where(np.isin(np.arange(120), (0, 1, 30, 31, 80)), 1.0, 9.0)
    samples = nonspeech_samples(replace(still, aperture=aperture, lids_mm=lids), loudest=0.3)
    found = figures(samples)
    assert value(found["quiet_share"]) == 0.75 and value(found["blinks_per_minute"]) == 60
    assert [name for name, figure in found.items() if figure] == ["blinks_per_minute", "quiet_share"]
    longer = nonspeech_samples(wandering(np.random.default_rng(9), 240), loudest=1e6)
    assert value(figures(pooled([samples, longer]))["quiet_share"]) == pytest.approx((90 + 240) / 360)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def recording(folder: Path, name: str, phones: object, seconds: float = 3.0) -> None:
    soundfile.write(folder / f"{name}.wav", voice(seconds, 16000), 16000)
    (folder / f"{name}.phones.json").write_text(json.dumps(phones))


def test_the_script_ends_with_one_json_line(face: Bundle, tmp_path: Path) -> None:
    """A folder of speech and noise is animated by the shipped face; the last line holds every figure."""
    phones = [phone for phone in chatter(np.random.default_rng(10), 40) if phone[2] < 2.9]
    recording(tmp_path, "speech", phones)
    recording(tmp_path, "music", [], 1.5)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["clips"] == 2 and report["phones"] == len(phones) and report["seconds"] == 4.5
    assert set(report["overall"]) == set(KINDS) and set(report["files"]) == {"speech", "music"}
    assert report["files"]["music"]["bilabial"] is None and report["files"]["speech"]["quiet_share"] is None
    lag = report["overall"]["lag_ms"]
    assert lag["n"] == len(phones) and lag["low"] <= lag["high"] and report["overall"]["quiet_share"]["n"] == 2
    assert report["overall"]["bilabial"]["contrasts"] < len(phones)


WRONG = {
    "no recordings": None,
    "is missing": "delete",
    "not a list of phones": {"P": [0, 1]},
    "not a list of phones (": [["P", 0.1]],
    "which ARPAbet has not": [["QQ", 0.1, 0.2]],
    "in time order": [["P", 0.3, 0.4], ["AA", 0.1, 0.2]],
    "are these its phones": [["P", 7.0, 7.1]],
}


@pytest.mark.parametrize("message", WRONG)
def test_bad_input_is_one_clear_line(message: str, tmp_path: Path) -> None:
    """What a user can mend is said in one line, with exit code 2."""
    if WRONG[message] is not None:
        recording(tmp_path, "clip", WRONG[message], 0.5)
    if WRONG[message] == "delete":
        (tmp_path / "clip.phones.json").unlink()
    done = run(tmp_path)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
