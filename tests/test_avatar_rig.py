"""The avatar's rig: what touches stays in contact, what opens opens, and left mirrors right."""

import numpy as np
import pytest

from voxmesh.model.avatar.build import IDENTITIES, build_avatar
from voxmesh.model.avatar.head import build_head
from voxmesh.model.avatar.rings import EYE_RINGS, MOUTH
from voxmesh.model.avatar.sheet import sheet_poses, weights
from voxmesh.model.avatar.visemes import VISEMES
from voxmesh.stream.arkit import ARKIT_NAMES

MM = 1e-3
OPENERS = ("jawOpen", "mouthClose", "mouthFunnel", "mouthRollLower", "mouthLowerDown", "mouthUpperUp")
SEALED = [name for name in ARKIT_NAMES if not name.startswith(OPENERS)]
PEOPLE = (0, 2, 6, 9, IDENTITIES - 1)


def lip_gap(vertices: np.ndarray) -> float:
    """Largest distance between lip vertices that touch at rest, metres."""
    contact = build_head().skin.ring("contact")
    return float(np.linalg.norm(vertices[contact] - vertices[contact[MOUTH.opposite]], axis=1).max())


def at(avatar, vertices: np.ndarray, name: str) -> np.ndarray:
    return vertices[avatar.topology.landmarks[name]]


@pytest.mark.parametrize("identity", range(IDENTITIES))
def test_lips_sealed_at_rest(identity):
    """At rest the lips touch along their whole length."""
    assert lip_gap(build_avatar(identity).topology.template) == 0


@pytest.mark.parametrize("name", SEALED)
def test_other_shapes_keep_the_lips_sealed(name):
    """A shape that is not meant to open the mouth does not."""
    assert lip_gap(build_avatar().pose(weights(**{name: 1}))) < 1e-6


@pytest.mark.parametrize("identity", PEOPLE)
@pytest.mark.parametrize("weight", [0.2, 0.5, 1.0])
def test_mouth_close_seals(identity, weight):
    """mouthClose at jawOpen's weight seals the lips, however far the jaw has dropped."""
    assert lip_gap(build_avatar(identity).pose(weights(jawOpen=weight, mouthClose=weight))) < 1e-6


@pytest.mark.parametrize("identity", range(IDENTITIES))
def test_jaw_opens(identity):
    """jawOpen parts the lips by 20 to 30 mm and carries the lower teeth and the tongue, not the upper teeth."""
    avatar = build_avatar(identity)
    posed = avatar.pose(weights(jawOpen=1))
    gap = at(avatar, posed, "lip_upper_inner")[1] - at(avatar, posed, "lip_lower_inner")[1]
    assert 20 * MM < gap < 30 * MM
    moved = np.linalg.norm(posed - avatar.topology.template, axis=1)
    assert moved[avatar.parts["teeth_upper"]].max() == 0
    assert moved[avatar.parts["teeth_lower"]].min() > 10 * MM
    assert moved[avatar.parts["tongue"]].max() > 10 * MM


def test_jaw_is_a_hinge():
    """Behind, near the ear, the lower teeth move less than in front."""
    avatar = build_avatar()
    teeth = avatar.parts["teeth_lower"]
    drop = -avatar.deltas[ARKIT_NAMES.index("jawOpen")][teeth, 1]
    depth = avatar.topology.template[teeth, 2]
    assert np.corrcoef(drop, depth)[0, 1] > 0.99


@pytest.mark.parametrize("identity", range(IDENTITIES))
def test_lower_lip_reaches_the_upper_teeth(identity):
    """For f and v the lower lip's inner edge meets the edge of the upper incisors within 2 mm, in front of them."""
    avatar = build_avatar(identity)
    posed = avatar.pose(weights(mouthRollLower=1, mouthUpperUp=0.3, jawOpen=0.06))
    between = at(avatar, posed, "lip_lower_inner") - at(avatar, posed, "teeth_upper")
    assert np.hypot(between[1], between[2]) < 2 * MM
    assert between[2] > 0


@pytest.mark.parametrize("shapes", [{}, {"mouthSmile": 1}, {"mouthPucker": 1}, {"mouthFunnel": 1}, {"jawOpen": 1}])
def test_teeth_stay_behind_the_lips(shapes):
    """Neither teeth nor tongue come further forward than the lip in front of them."""
    avatar = build_avatar()
    posed = avatar.pose(weights(**shapes))
    upper, lower = (at(avatar, posed, f"lip_{which}_inner")[2] for which in ("upper", "lower"))
    for name, lip in (("teeth_upper", upper), ("teeth_lower", min(upper, lower)), ("tongue", min(upper, lower))):
        assert posed[avatar.parts[name], 2].max() < lip


def test_pucker_and_funnel_protrude_and_narrow():
    """Rounding brings the corners together and the lips forward."""
    avatar = build_avatar()
    rest = avatar.topology.template
    width = at(avatar, rest, "mouth_left")[0] - at(avatar, rest, "mouth_right")[0]
    for name in ("mouthPucker", "mouthFunnel"):
        posed = avatar.pose(weights(**{name: 1}))
        assert at(avatar, posed, "mouth_left")[0] - at(avatar, posed, "mouth_right")[0] < 0.75 * width
        forward = at(avatar, posed, "lip_upper_inner")[2] - at(avatar, rest, "lip_upper_inner")[2]
        assert forward > 5 * MM


@pytest.mark.parametrize("identity", PEOPLE)
@pytest.mark.parametrize("side", ["Left", "Right"])
def test_blink_closes(identity, side):
    """A blink brings the lids together, in even steps, and leaves the other eye alone."""
    avatar = build_avatar(identity)

    def aperture(weight: float, eye: str) -> float:
        posed = avatar.pose(weights(**{f"eyeBlink{side}": weight}))
        return np.linalg.norm(at(avatar, posed, f"lid_upper_{eye}") - at(avatar, posed, f"lid_lower_{eye}"))

    eye, other = ("left", "right") if side == "Left" else ("right", "left")
    gaps = [aperture(w, eye) for w in (0, 0.25, 0.5, 0.75, 1)]
    assert gaps[0] > 10 * MM and gaps[-1] < 1 * MM
    assert (np.diff(gaps) < 0).all()
    assert aperture(1, other) == pytest.approx(aperture(0, other), abs=1e-7)


@pytest.mark.parametrize("identity", PEOPLE)
@pytest.mark.parametrize("name", ["eyeBlink", "eyeSquint", "eyeWide", "eyeLookDown", "eyeLookUp", "cheekSquint"])
def test_lids_stay_outside_the_eyeball(identity, name):
    """From open to shut no part of the lids from their edge outward dips into the eyeball."""
    avatar, skin = build_avatar(identity), build_head().skin
    lids = skin.eye_left[EYE_RINGS.index("edge") : EYE_RINGS.index("lid6")].ravel()
    triangles = skin.faces[np.isin(skin.faces, lids).all(1)]
    ball = avatar.topology.template[avatar.parts["eyeball_left"]].astype(float)
    centre = np.linalg.lstsq(np.c_[2 * ball, np.ones(len(ball))], (ball**2).sum(1), rcond=None)[0][:3]
    radius = np.linalg.norm(ball - centre, axis=1).max()
    for weight in np.linspace(0, 1, 9):
        posed = avatar.pose(weights(**{name: weight}))
        assert np.linalg.norm(posed[lids] - centre, axis=1).min() > radius
        assert np.linalg.norm(posed[triangles].mean(1) - centre, axis=1).min() > radius


@pytest.mark.parametrize(
    ("name", "axis", "sign"),
    [("eyeLookUpLeft", 1, 1), ("eyeLookDownLeft", 1, -1), ("eyeLookInLeft", 0, -1), ("eyeLookOutLeft", 0, 1)],
)
def test_gaze_turns_the_eyeball(name, axis, sign):
    """Looks turn the pupil 20 to 30 degrees the way their name says, and lids follow up and down."""
    avatar = build_avatar()
    ball = avatar.parts["eyeball_left"]
    rest, posed = avatar.topology.template, avatar.pose(weights(**{name: 1}))
    centre = rest[ball].astype(float)
    centre = np.linalg.lstsq(np.c_[2 * centre, np.ones(len(ball))], (centre**2).sum(1), rcond=None)[0][:3]
    pupil = ball[np.argmax(rest[ball, 2])]
    a, b = rest[pupil] - centre, posed[pupil] - centre
    turn = np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assert 20 < turn < 30 and (b - a)[axis] * sign > 0
    lid = at(avatar, posed, "lid_upper_left")[1] - at(avatar, rest, "lid_upper_left")[1]
    assert lid * sign > 0.5 * MM if axis == 1 else abs(lid) < 0.1 * MM


@pytest.mark.parametrize("identity", [0, 5])
def test_left_and_right_are_mirror_images(identity):
    """Each Left shape is the mirror image of its Right one on the skin, and shapes without a side mirror themselves."""
    avatar, mirror = build_avatar(identity), build_head().skin.mirror
    for k, name in enumerate(ARKIT_NAMES):
        other = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        if name.startswith("eyeLook"):  # In and Out are relative to the nose already
            other = name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
        d, e = (avatar.deltas[i][: len(mirror)] for i in (k, ARKIT_NAMES.index(other)))
        assert np.abs(d[mirror] * [-1, 1, 1] - e).max() < 1e-6, name


def test_every_shape_does_something():
    """All 52 shapes move at least 50 vertices by 0.3 mm; none moves the hair, the shirt or the ears."""
    avatar = build_avatar()
    still = np.concatenate([avatar.parts[n] for n in ("hair", "locks", "shirt", "ear_left", "ear_right")])
    for name, delta in zip(ARKIT_NAMES, avatar.deltas, strict=True):
        size = np.linalg.norm(delta, axis=1)
        assert (size > 0.3 * MM).sum() >= 50, name
        assert size[still].max() == 0, name


def test_pose_is_linear():
    """A pose is the template plus the weighted deltas, for one frame or many."""
    avatar = build_avatar()
    w = np.random.default_rng(0).random((3, 52), np.float32)
    many = avatar.pose(w)
    assert many.shape == (3, avatar.topology.vertices, 3) and many.dtype == np.float32
    by_hand = avatar.topology.template + np.tensordot(w[1], avatar.deltas, 1)
    assert np.abs(many[1] - by_hand).max() < 1e-6
    assert np.abs(avatar.pose(w[2]) - many[2]).max() < 1e-6


def test_visemes_obey_their_rules():
    """p b m seal the lips, f v touch the teeth, aa opens widest, and every viseme is made of ARKit names in 0..1."""
    avatar = build_avatar()
    for shapes in VISEMES.values():
        assert set(shapes) <= set(ARKIT_NAMES) and all(0 <= v <= 1 for v in shapes.values())
    gap = {name: lip_gap(avatar.pose(weights(**shapes))) for name, shapes in VISEMES.items()}
    assert gap["PP"] < 1e-6 and gap["sil"] == 0
    assert max(gap, key=gap.get) == "aa"
    assert all(gap[v] > 2 * MM for v in VISEMES if v not in ("PP", "sil", "FF"))


def test_sheet_shows_every_viseme():
    """The sheet has the views, lids, gaze, expressions and each of the 15 visemes."""
    poses = sheet_poses()
    assert len(poses) >= 24 and all(pose.weights.shape == (52,) for pose in poses)
    assert {pose.label.split(" ")[0] for pose in poses} >= set(VISEMES)
