"""Gains of the mouth and of the upper face, by soft masks; blinks that are taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from voxmesh.stream import bundle as bundles
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.region_gain import BORDER_M, Gains, RegionGains
from voxmesh.stream.soft_region import soften
from voxmesh.stream.types import AudioChunk


@pytest.fixture(scope="module")
def face() -> Bundle:
    """The shipped one: masks want a real mesh."""
    return bundles.load()


@pytest.fixture(scope="module")
def regions(face: Bundle) -> RegionGains:
    return RegionGains(face, face.topologies[0])


def pose(face: Bundle, **weights: float) -> np.ndarray:
    """(V, 3) of both sides' shapes, such as eyeBlink=1."""
    names, vertices = face.blendshape_names, face.topologies[0].template.copy()
    for name, weight in weights.items():
        for side in (name,) if name in names else (f"{name}Left", f"{name}Right"):
            vertices += np.float32(weight) * face.deltas[names.index(side)]
    return vertices


def lid_gap_mm(face: Bundle, vertices: np.ndarray) -> float:
    marks = face.topologies[0].landmarks
    return float(vertices[marks["lid_upper_left"], 1] - vertices[marks["lid_lower_left"], 1]) * 1e3


def test_masks_have_soft_borders_and_no_crack(face: Bundle) -> None:
    """0 far out, 1 deep inside, and along any edge no steeper than the border is wide; one place has one value."""
    topology = face.topologies[0]
    template, faces = topology.template, topology.faces
    soft = {name: soften(topology.regions[name], template, BORDER_M) for name in ("mouth", "upper")}
    assert (soft["mouth"] + soft["upper"]).max() < 1 + 1e-5
    for name, values in soft.items():
        hard = topology.regions[name] > 0
        assert values[hard].mean() > 0.9 and values[~hard].mean() < 0.05
        assert values.min() == 0 and values.max() > 0.999
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        length = np.linalg.norm(template[ends[:, 0]] - template[ends[:, 1]], axis=1)
        assert (np.abs(values[ends[:, 0]] - values[ends[:, 1]]) <= 1.1 * length / BORDER_M + 1e-3).all()
    twice = soften(np.tile(topology.regions["mouth"], 2), np.tile(template, (2, 1)), BORDER_M)
    np.testing.assert_array_equal(twice[: len(template)], twice[len(template) :])
    np.testing.assert_allclose(twice[: len(template)], soft["mouth"], atol=1e-6)
    assert not soften(np.zeros(len(template), np.uint8), template, BORDER_M).any()


def test_each_gain_moves_its_own_region(face: Bundle, regions: RegionGains) -> None:
    """The mouth's leaves brows as they are, the upper face's the lips; 0 holds still, 2 doubles, 1 changes nothing."""
    template, marks = face.topologies[0].template, face.topologies[0].landmarks
    said = pose(face, jawOpen=0.3, browInnerUp=0.8, browOuterUp=0.5)
    assert regions.scaled(said, Gains().numbers()) is said
    for mouth, upper in ((0, 1), (1, 0), (1.5, 1), (1, 2), (0.5, 1.5)):
        offsets = regions.scaled(said, Gains(mouth, upper).numbers()) - template
        for name, gain in (("lip_lower_inner", mouth), ("chin", mouth), ("brow_left", upper), ("brow_right", upper)):
            np.testing.assert_allclose(offsets[marks[name]], gain * (said - template)[marks[name]], atol=3e-4)


@pytest.mark.parametrize("gain", [0.5, 1.5, 2.0])
def test_closed_stays_closed(face: Bundle, regions: RegionGains, gain: float) -> None:
    """Lips that touch touch at any gain; a blink is a whole blink, and no more; eyes do not grow."""
    topology = face.topologies[0]
    shut = regions.scaled(pose(face, jawOpen=0.3, mouthClose=0.3), Gains(gain).numbers())
    plain = pose(face, jawOpen=0.3, mouthClose=0.3)
    lips = [topology.landmarks[name] for name in ("lip_upper_inner", "lip_lower_inner")]
    assert np.linalg.norm(np.subtract(*shut[lips])) <= gain * np.linalg.norm(np.subtract(*plain[lips])) + 1e-4
    blinking = pose(face, eyeBlink=1, browInnerUp=0.5)
    wide = regions.scaled(blinking, Gains(1, gain).numbers())
    assert lid_gap_mm(face, wide) == pytest.approx(lid_gap_mm(face, blinking), abs=0.1)
    aside, ball = pose(face, eyeLookInLeft=0.8, eyeLookOutRight=0.8), topology.regions["eyeball"] > 0
    looking = regions.scaled(aside, Gains(1, gain).numbers())
    wanted = topology.template + min(gain, 1.0) * (aside - topology.template)
    np.testing.assert_allclose(looking[ball], wanted[ball], atol=2e-4)


def test_a_large_gain_ends_where_the_mouth_does(face: Bundle, regions: RegionGains) -> None:
    """Lips are not rounded to less than half the mouth, jaws never unhinged; what does so by itself stays as it is."""
    marks = face.topologies[0].landmarks
    rest = pose(face)

    def width(vertices: np.ndarray) -> float:
        return float(np.linalg.norm(vertices[marks["mouth_left"]] - vertices[marks["mouth_right"]]))

    for weights in ({"mouthPucker": 0.9, "mouthFunnel": 0.5}, {"jawOpen": 1.0}):
        said = pose(face, **weights)
        loud = regions.scaled(said, Gains(2).numbers())
        gap, before = (np.linalg.norm(v[marks["lip_upper_inner"]] - v[marks["lip_lower_inner"]]) for v in (loud, said))
        assert width(loud) >= min(0.49 * width(rest), width(said) - 1e-5)
        assert gap <= max(0.92 * width(rest), before + 1e-5)


@pytest.mark.parametrize("weights", [{"eyeBlink": 1.0}, {"eyeBlink": 0.6, "eyeSquint": 0.4, "browDown": 0.5}])
def test_blinks_can_be_taken_away(face: Bundle, regions: RegionGains, weights: dict[str, Any]) -> None:
    """Lids are as open as without the blink, and squints, gaze with its lids, brows and mouth stay as they are."""
    other = {name: weight for name, weight in weights.items() if name != "eyeBlink"} | {"eyeLookDown": 0.6}
    shut = pose(face, jawOpen=0.3, **other, eyeBlink=weights["eyeBlink"])
    without = regions.scaled(shut, Gains(blink=False).numbers())
    np.testing.assert_allclose(without, pose(face, jawOpen=0.3, **other), atol=3e-4)
    assert lid_gap_mm(face, without) - lid_gap_mm(face, shut) > 3


def test_lids_stay_open_while_it_lives(face: Bundle) -> None:
    """The engine's own eyes: with its blinks off they are never half shut, nor ever more shut than with them."""
    silence = AudioChunk(np.zeros(16000 * 6, np.float32), 0)
    gaps = {}
    for blink in (True, False):
        frames = Engine(face, seed=1, gains=Gains(blink=blink)).push(silence)
        gaps[blink] = np.array([lid_gap_mm(face, frame.vertices) for frame in frames])
    assert gaps[False].min() > 0.5 * lid_gap_mm(face, face.topologies[0].template)
    assert (gaps[False] > gaps[True] - 0.3).all()


def test_gains_are_eased(tiny: Bundle) -> None:
    """Between the two gains for 0.3 s, before and after exactly at them; the frame's own motion is what is scaled."""
    samples = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    plain = [f.vertices for f in Engine(tiny).push(AudioChunk(samples, 0))]
    still = [f.vertices for f in Engine(tiny, gains=Gains(0, 0)).push(AudioChunk(samples, 0))]
    engine = Engine(tiny)
    frames = engine.push(AudioChunk(samples[:8000], 0))
    switch = engine.next_frame
    engine.set_gains(Gains(0, 0))
    frames += engine.push(AudioChunk(samples[8000:], 8000))
    got = [f.vertices for f in frames]
    np.testing.assert_array_equal(got[:switch], plain[:switch])
    np.testing.assert_array_equal(got[switch + 18 :], still[switch + 18 :])
    shares = [np.linalg.norm(g - s) / np.linalg.norm(p - s) for g, p, s in zip(got, plain, still, strict=True)]
    assert (np.diff(shares[switch - 1 : switch + 18]) < 0).all() and np.abs(np.diff(shares)).max() < 0.09


@pytest.mark.parametrize("numbers", [{"mouth": 2.1}, {"upper": -0.1}, {"mouth": float("nan")}])
def test_gains_out_of_range_are_refused(numbers: dict[str, float]) -> None:
    """With the value and the range."""
    with pytest.raises(VoxmeshError, match="0 to 2"):
        Gains(**numbers)
