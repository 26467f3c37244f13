"""The avatar's mesh: size, symmetry, closedness, landmarks, regions, colours, for every identity."""

import numpy as np
import pytest

from voxmesh.model.avatar.build import IDENTITIES, build_avatar
from voxmesh.model.avatar.head import build_head
from voxmesh.model.avatar.rings import EYE_COLUMNS
from voxmesh.model.avatar.skin import NECK_COLUMNS
from voxmesh.stream.topology import LANDMARKS, REGIONS

EVERYONE = range(IDENTITIES)


def skin_edges() -> tuple[np.ndarray, np.ndarray]:
    faces = build_head().skin.faces
    edges = np.sort(np.r_[faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]], 1)
    return np.unique(edges, axis=0, return_counts=True)


def test_vertex_count():
    """The avatar has 4,000 to 8,000 vertices and every one but a few belongs to a triangle."""
    topology = build_avatar().topology
    assert 4000 <= topology.vertices <= 8000
    assert len(np.unique(topology.faces)) == topology.vertices


def test_size_is_a_head_in_metres():
    """Skull and face are as large as a person's: 18-28 cm from chin to crown, 6-7 cm between the pupils."""
    avatar = build_avatar()
    v = avatar.topology.template
    height = v[avatar.parts["hair"], 1].max() - v[avatar.topology.landmarks["chin"], 1]
    assert 0.18 < height < 0.28
    pupils = v[avatar.parts["eyeball_left"]].mean(0)[0] - v[avatar.parts["eyeball_right"]].mean(0)[0]
    assert 0.06 < pupils < 0.07


@pytest.mark.parametrize("identity", [0, 2, 4, 6])
def test_skin_is_mirror_symmetric(identity):
    """Each skin vertex has its mirror image in the mesh to a micrometre, and so has each triangle."""
    skin = build_head().skin
    v = build_avatar(identity).topology.template[: len(skin.vertices)]
    assert np.abs(v[skin.mirror] * [-1, 1, 1] - v).max() < 1e-6
    assert {*map(tuple, np.sort(skin.mirror[skin.faces], 1))} == {*map(tuple, np.sort(skin.faces, 1))}


def test_skin_is_a_manifold():
    """No edge has more than two triangles, and the open edges are the neck and the two eyes."""
    _, count = skin_edges()
    assert count.max() == 2
    assert (count == 1).sum() == NECK_COLUMNS + 2 * EYE_COLUMNS


def test_skin_winds_consistently():
    """Neighbouring triangles run their common edge in opposite directions."""
    faces = build_head().skin.faces
    directed = np.r_[faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]
    assert len(np.unique(directed, axis=0)) == len(directed)


@pytest.mark.parametrize("identity", EVERYONE)
def test_normals_look_outward(identity):
    """Face, eyes, teeth, brows and hair show their outer side."""
    avatar = build_avatar(identity)
    v, f = avatar.topology.template.astype(float), avatar.topology.faces
    a, b, c = (v[f[:, k]] for k in range(3))
    normal, middle = np.cross(b - a, c - a), (a + b + c) / 3
    front = (f[:, 0] < len(build_head().skin.vertices)) & (middle[:, 2] > 0.07) & (middle[:, 1] > 0.02)
    assert (normal[front, 2] > 0).mean() > 0.98
    for name in ("eyeball_left", "eyeball_right", "teeth_upper", "brow_left", "brow_right", "hair"):
        part = np.isin(f[:, 0], avatar.parts[name])
        centre = v[avatar.parts[name]].mean(0) - [0, 0, 0.03 if name.startswith(("brow", "teeth")) else 0]
        assert (normal[part] * (middle[part] - centre)).sum() > 0, name


@pytest.mark.parametrize("identity", EVERYONE)
def test_landmarks_and_regions(identity):
    """Every landmark lies where its name says, and the masks are 0/1, disjoint, with the lids within the upper face."""
    topology = build_avatar(identity).topology
    at = {name: topology.template[topology.landmarks[name]] for name in LANDMARKS}
    assert np.array_equal(at["lip_upper_inner"], at["lip_lower_inner"])
    assert at["mouth_left"][0] > 0.015 and at["mouth_right"][0] < -0.015
    assert at["brow_left"][1] > at["lid_upper_left"][1] > at["lid_lower_left"][1] > at["nose_tip"][1]
    assert at["nose_tip"][1] > at["lip_upper_inner"][1] > at["teeth_upper"][1] > at["chin"][1]
    assert at["nose_tip"][2] > at["lip_upper_inner"][2] > at["teeth_upper"][2]
    regions = topology.regions
    for name in REGIONS:
        assert regions[name].shape == (topology.vertices,) and {*np.unique(regions[name])} == {0, 1}
    assert not (regions["mouth"] & regions["upper"]).any()
    assert (regions["eyelid"] <= regions["upper"]).all()


@pytest.mark.parametrize("identity", EVERYONE)
def test_eyeballs_stay_spheres(identity):
    """Whatever the face, its eyeballs are round to 1 mm (the cornea stands out by 0.2) and sit within the lids."""
    avatar = build_avatar(identity)
    v = avatar.topology.template.astype(float)
    for side in ("left", "right"):
        p = v[avatar.parts[f"eyeball_{side}"]]
        centre = np.linalg.lstsq(np.c_[2 * p, np.ones(len(p))], (p**2).sum(1), rcond=None)[0][:3]
        radius = np.linalg.norm(p - centre, axis=1)
        assert np.ptp(radius) < 1e-3


def test_identities_share_topology_and_differ():
    """All people share faces, landmarks and regions; no two share shape or colours."""
    people = [build_avatar(k) for k in EVERYONE]
    assert len(people) >= 16
    first = people[0].topology
    for other in people[1:]:
        assert np.array_equal(other.topology.faces, first.faces)
        assert other.topology.landmarks == first.landmarks
    for i, one in enumerate(people):
        for two in people[:i]:
            assert np.abs(one.topology.template - two.topology.template).max() > 1e-3
            assert (one.topology.albedo != two.topology.albedo).any()


def test_types():
    """Arrays have the types that the product's topology promises, all finite."""
    avatar = build_avatar(3)
    t = avatar.topology
    assert t.template.dtype == np.float32 and t.faces.dtype == np.int32 and avatar.deltas.dtype == np.float32
    assert t.albedo.dtype == t.occlusion.dtype == t.gloss.dtype == np.uint8
    assert np.isfinite(t.template).all() and np.isfinite(avatar.deltas).all()
    assert t.faces.min() == 0 and t.faces.max() == t.vertices - 1


def test_no_such_identity():
    """Asking for a person who is not there is an error that says how many there are."""
    with pytest.raises(IndexError, match=str(IDENTITIES)):
        build_avatar(IDENTITIES)
