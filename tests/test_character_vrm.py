"""VRM avatars: expressions of both versions move a character as ARKit's shapes would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from character_helpers import mask, write_gltf

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.character_import import Imported, import_character, read
from voxmesh.stream.character_vrm import stand_ins
from voxmesh.stream.vowels import VOWELS, VRM0, VRM1

VERTICES, FACES, BUMPS = mask()
TARGETS = {f"Fcl_{i}": delta for i, delta in enumerate(BUMPS.values())}
"""The mask's shapes under names that tell nothing: an open jaw, two blinks, two smiles, a brow."""
LOOKS = {"A": {0: 1.0}, "I": {3: 0.6, 4: 0.6}, "Blink": {1: 1.0, 2: 1.0}, "Blink_L": {1: 1.0}, "Blink_R": {2: 1.0}}
"""Expression -> {morph target: weight}."""


def vrm0(looks: dict[str, dict[int, float]], custom: str) -> dict:
    groups = [
        {
            "name": name,
            "presetName": name.lower(),
            "binds": [{"mesh": 0, "index": i, "weight": 100 * w} for i, w in x.items()],
        }
        for name, x in looks.items()
    ]
    groups.append({"name": custom, "presetName": "unknown", "binds": [{"mesh": 0, "index": 5, "weight": 50}]})
    groups.append({"name": "Neutral", "presetName": "neutral", "binds": []})
    return {"VRM": {"specVersion": "0.0", "blendShapeMaster": {"blendShapeGroups": groups}}}


def vrm1(looks: dict[str, dict[int, float]], custom: str) -> dict:
    def bound(binds: dict[int, float]) -> dict:
        return {"morphTargetBinds": [{"node": 0, "index": i, "weight": w} for i, w in binds.items()]}

    preset = {VRM1[VRM0.index(name)]: bound(binds) for name, binds in looks.items()}
    expressions = {"preset": {**preset, "neutral": {}}, "custom": {custom: bound({5: 0.5})}}
    return {"VRMC_vrm": {"specVersion": "1.0", "expressions": expressions}}


def imported(path: Path, bundle: Bundle, extensions: dict) -> Imported:
    """The mask as a VRM: a 0.x faces -Z, so it is turned half round first."""
    half = np.array([-1, 1, -1]) if "VRM" in extensions else np.ones(3)
    shapes = {name: delta * half for name, delta in TARGETS.items()}
    write_gltf(path, [(VERTICES * half, FACES, shapes, {})], extensions=extensions, extensionsUsed=list(extensions))
    return import_character(read(path), bundle)


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load()


@pytest.mark.parametrize("version", [vrm0, vrm1])
def test_expressions_stand_for_what_is_missing(tmp_path: Path, shipped: Bundle, version: object) -> None:
    """Vowels move the mouth, blinks each lid, an expression of ARKit's name its own shape; the face looks along +Z."""
    made = imported(tmp_path / "a.vrm", shipped, version(LOOKS, "BrowInnerUp"))
    topology = made.character.topology
    np.testing.assert_allclose(topology.template, VERTICES, atol=1e-6)
    moves = dict(zip(ARKIT_NAMES, made.character.deltas, strict=True))
    np.testing.assert_allclose(moves["jawOpen"], 1.2 * BUMPS["jawOpen"], atol=1e-6)
    np.testing.assert_allclose(moves["mouthClose"], -moves["jawOpen"], atol=1e-6)
    spread = 0.3 * 0.6 * (BUMPS["mouthSmileLeft"] + BUMPS["mouthSmileRight"]) - 0.4 * BUMPS["jawOpen"]
    np.testing.assert_allclose(moves["mouthStretchLeft"], spread, atol=1e-6)
    for side in ("Left", "Right"):
        np.testing.assert_allclose(moves[f"eyeBlink{side}"], BUMPS[f"eyeBlink{side}"], atol=1e-6)
    np.testing.assert_allclose(moves["browInnerUp"], 0.5 * BUMPS["browInnerUp"], atol=1e-6)
    text = "\n".join(made.lines)
    assert "jawOpen = 1.2 vrm.A\n" in text and "browInnerUp = vrm.BrowInnerUp\n" in text


def test_shapes_of_arkit_come_first(tmp_path: Path, shipped: Bundle) -> None:
    """With a jawOpen of its own ("perfect sync") vowels are left out, or the mouth would open twice."""
    made = imported(tmp_path / "a.vrm", shipped, vrm0(LOOKS, "JawOpen"))
    assert "mouthClose" not in made.character.about["shapes"] and "vrm.A" in "\n".join(made.lines)
    brow = made.character.deltas[ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(brow, 0.5 * BUMPS["browInnerUp"], atol=1e-6)


def test_one_blink_is_halved_and_eyes_look_together() -> None:
    """Where there is no blink for each eye both lids share one, as both eyes share a glance."""
    found = stand_ins(("jawOpen",), ("vrm.Blink", "vrm.LookLeft"))
    half = {"vrm.Blink": 0.5}
    assert found == {
        **{"eyeBlinkLeft": half, "eyeBlinkRight": half},
        **{"eyeLookOutLeft": {"vrm.LookLeft": 0.5}, "eyeLookInRight": {"vrm.LookLeft": 0.5}},
    }


@pytest.mark.parametrize("vowel", VOWELS)
def test_a_vowels_pose_is_that_vowel(vowel: str) -> None:
    """ARKit's shapes, as strong as in a vowel, add up to that vowel more than to any other, and to one mouth."""
    mixtures = stand_ins((), [f"vrm.{name}" for name in VRM0])
    total = dict.fromkeys(VOWELS, 0.0)
    for shape, weight in VOWELS[vowel].items():
        for side in ("",) if shape in ARKIT_NAMES else ("Left", "Right"):
            for own, share in mixtures[f"{shape}{side}"].items():
                total[own.removeprefix("vrm.")] += weight * share
    assert max(total, key=total.__getitem__) == vowel and 0.6 < sum(total.values()) < 1.1, total
