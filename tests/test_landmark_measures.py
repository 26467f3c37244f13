"""Blinks and lip-sync AUCs against numbers worked out by hand; landmarks where a face has them; motion's components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from conftest import small_config
from dataset_layouts import face, region

from voxmesh.model.datasets.landmarks import guess_landmarks, guess_regions
from voxmesh.model.datasets.motion_basis import fit_motion_basis
from voxmesh.model.landmark_measures import auc, aucs, blinks, readings
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import LANDMARKS

FPS = 10.0


def mouth_and_lids(opening_mm: Sequence[float], lids_mm: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(T, L, 3) and (L, 3): only the lower lip and both upper lids move; at rest the lids are 10 mm apart."""
    rest = np.zeros((len(LANDMARKS), 3))
    at = LANDMARKS.index
    rest[at("mouth_left"), 0], rest[at("mouth_right"), 0] = 0.025, -0.025
    for side in ("left", "right"):
        rest[at(f"lid_upper_{side}"), 1] = 0.010
    points = np.repeat(rest[None], len(opening_mm), axis=0)
    points[:, at("lip_lower_inner"), 1] = -np.array(opening_mm) / 1000
    for side in ("left", "right"):
        points[:, at(f"lid_upper_{side}"), 1] = np.array(lids_mm) / 1000
    return points, rest


def test_blinks_are_runs_that_close() -> None:
    """Two seconds, one blink of three frames with one of them shut, and one flutter that never closes: no blink."""
    lids = [10] * 4 + [6, 1, 7] + [10] * 5 + [6, 6] + [10] * 6
    found = blinks(*mouth_and_lids([0] * 20, lids), FPS)
    assert found == pytest.approx({"per_minute": 30.0, "mean_ms": 300.0, "closed_share": 0.05})


def test_closed_eyes_at_rest_tell_no_blinks() -> None:
    """Where the lids' landmarks lie on one another, nothing is said of blinks."""
    points, rest = mouth_and_lids([0] * 3, [0] * 3)
    assert blinks(points, rest * 0.0, FPS) is None


def test_auc_is_the_share_of_pairs_in_order() -> None:
    """3 above 2 and 1, 2 level with 2 and above 1: 3.5 of 4; none on one side: nothing is known."""
    assert auc([3.0, 2.0], [2.0, 1.0]) == 3.5 / 4
    assert auc([], [1.0]) is None


def test_lips_that_say_what_is_heard() -> None:
    """A mouth that shuts at P and opens at AA tells both from the rest; one that does the opposite has both wrong."""
    names = ("P", "IY", "S", "AA", "S", "B")
    phones = [(name, 0.3 * i, 0.3 * (i + 1)) for i, name in enumerate(names)]
    opening = np.repeat([0, 2, 2, 9, 2, 0], 3)
    right = aucs(readings(*mouth_and_lids(opening, [10] * 18), FPS, phones))
    wrong = aucs(readings(*mouth_and_lids(9 - opening, [10] * 18), FPS, phones))
    assert (right["bilabial"], right["open"]) == (1.0, 1.0)
    assert (wrong["bilabial"], wrong["open"]) == (0.0, 0.0)
    assert right["labiodental"] is None


def test_landmarks_of_a_real_head_are_near_the_known_ones(bundle: Bundle) -> None:
    """On the shipped head, whose landmarks are known, guesses by proportion are on the right side within 25 mm."""
    topology, deltas = bundle.topologies[0], bundle.deltas
    regions = guess_regions(topology.template, {})
    motion = np.abs(deltas[:, :, 1]).max(axis=0)
    found = guess_landmarks(topology.template, regions["mouth"], motion)
    for name in LANDMARKS:
        got, known = (topology.template[points[name]] for points in (found, topology.landmarks))
        assert np.linalg.norm(got - known) < 0.025, (name, got, known)
        assert not ("left" in name and got[0] <= 0) and not ("right" in name and got[0] >= 0)
    for name, mask in regions.items():
        known = topology.regions[name] > 0
        assert (mask.astype(bool) & known).sum() > 0.3 * known.sum(), name


def test_components_keep_all_of_a_simple_motion() -> None:
    """Two independent motions need two coefficients, of unit mean square; the others are zero, and nothing is lost."""
    points, _ = face(200)
    rng = np.random.default_rng(0)
    shapes = np.stack([region(points, name)[:, None] * rng.normal(0, 0.01, 3) for name in ("mouth", "upper")])
    offsets = np.einsum("ts,svx->tvx", rng.normal(0, 1, (50, 2)), shapes).astype(np.float32)
    basis = fit_motion_basis(small_config(basis=6), offsets, 1.0 + region(points, "mouth"))
    coefficients = basis.coefficients(offsets)
    np.testing.assert_allclose((coefficients**2).mean(axis=0), [1, 1, 0, 0, 0, 0], atol=1e-4)
    again = basis.face.offsets(torch.from_numpy(coefficients)).numpy()
    np.testing.assert_allclose(again, offsets, atol=1e-6)
    with pytest.raises(VoxmeshError, match="ever moves"):
        fit_motion_basis(small_config(), np.zeros((3, 200, 3), np.float32), np.ones(200))
