"""Each published measure against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.model.metrics import (
    dtw,
    face_dynamics_deviation,
    lip_error_mm,
    lip_vertex_error_mm2,
    max_error_mm,
    mean_error_mm,
    region_errors,
    upper_dynamics,
)

TRUTH = np.zeros((2, 3, 3))
PREDICTED = np.zeros((2, 3, 3))
PREDICTED[0, 0], PREDICTED[0, 1] = [0.003, 0.004, 0.0], [0.0, 0.0, 0.002]  # 5 mm and 2 mm
PREDICTED[1, 1], PREDICTED[1, 2] = [0.001, 0.0, 0.0], [0.0, 0.009, 0.0]  # 1 mm and 9 mm
LIPS = np.array([True, True, False])


def along_x(*millimetres: float) -> np.ndarray:
    """One vertex, (T, 1, 3) metres, so far along x in each frame."""
    return np.array([[[x / 1000.0, 0.0, 0.0]] for x in millimetres])


def test_lip_error_is_the_mean_of_each_frames_largest() -> None:
    """5 mm in the first frame and 1 mm in the second: 3 mm; the vertex off the lips does not count."""
    assert lip_error_mm(TRUTH, PREDICTED, LIPS) == pytest.approx(3.0)
    assert lip_error_mm(TRUTH, PREDICTED, np.array([0, 1])) == pytest.approx(3.0)


def test_the_later_papers_square_it_before_the_mean() -> None:
    """25 and 1 mm^2: 13, which is not 3 squared."""
    assert lip_vertex_error_mm2(TRUTH, PREDICTED, LIPS) == pytest.approx(13.0)


def test_upper_dynamics_by_both_conventions() -> None:
    """0, 2 and 4 mm: squares 0, 4, 16 deviate by sqrt(416 / 9); distances by sqrt(8 / 3), or 2 with ddof 1."""
    motion = along_x(0, 2, 4)
    assert upper_dynamics(motion, np.array([0])) == pytest.approx(np.sqrt(416 / 9))
    assert upper_dynamics(motion, np.array([0]), squared=False) == pytest.approx(np.sqrt(8 / 3))
    assert upper_dynamics(motion, np.array([0]), squared=False, ddof=1) == pytest.approx(2.0)


def test_fdd_is_signed_and_counts_from_the_template() -> None:
    """A truth that moves where the prediction is still gives a positive value, the other way round its negative."""
    template = along_x(10)[0]
    moving, still = along_x(10, 12, 14), along_x(11, 11, 11)
    value = face_dynamics_deviation(moving, still, template, np.array([True]))
    assert value == pytest.approx(np.sqrt(416 / 9))
    assert face_dynamics_deviation(still, moving, template, np.array([True])) == pytest.approx(-value)


def test_mean_and_max_by_weight() -> None:
    """Unweighted: (7 / 3 + 10 / 3) / 2 and (5 + 9) / 2; with weights 1, 1/2, 0 the means are 6 / 1.5 and 0.5 / 1.5."""
    weights = np.array([1.0, 0.5, 0.0])
    assert mean_error_mm(TRUTH, PREDICTED) == pytest.approx(17 / 6)
    assert max_error_mm(TRUTH, PREDICTED) == pytest.approx(7.0)
    assert mean_error_mm(TRUTH, PREDICTED, weights) == pytest.approx((6 / 1.5 + 0.5 / 1.5) / 2)
    assert max_error_mm(TRUTH, PREDICTED, weights) == pytest.approx((5 + 0.5) / 2)


def test_dtw_forgives_a_delay() -> None:
    """0 1 2 against 0 0 1 2 costs nothing, in four steps; the frames side by side would cost 2."""
    warped = dtw(along_x(0, 1, 2), along_x(0, 0, 1, 2))
    assert (warped.total_mm, warped.steps) == (pytest.approx(0.0), 4)


def test_dtw_sums_along_the_cheapest_path() -> None:
    """0 4 against 1 2 7: costs 1 2 7 / 3 2 3, cheapest 1 + 2 + 3 over the second's middle: 6 in three steps, 2 each."""
    warped = dtw(along_x(0, 4), along_x(1, 2, 7))
    assert (warped.total_mm, warped.steps) == (pytest.approx(6.0), 3)
    assert warped.mean_mm == pytest.approx(2.0)


def test_the_table_has_every_region_and_all() -> None:
    """Masks choose their vertices: the one that errs by 9 mm is the upper face, and only in the second frame."""
    errors = region_errors(TRUTH, PREDICTED, {"mouth": LIPS, "upper": ~LIPS})
    assert set(errors) == {"mouth", "upper", "all"}
    assert errors["upper"].mean_mm == pytest.approx(4.5) and errors["upper"].max_mm == pytest.approx(4.5)
    assert errors["mouth"].max_mm == pytest.approx(3.0)
    # Both frames of the truth fit the first of the prediction; its second must be walked to, once.
    assert errors["upper"].dtw_mm == pytest.approx(9.0) and errors["upper"].dtw_mean_mm == pytest.approx(4.5)


def test_shapes_that_do_not_fit_are_refused() -> None:
    """A prediction of another length, and a mask of another mesh or of nothing, give an error with the shapes."""
    with pytest.raises(ValueError, match=r"\(2, 3, 3\)"):
        mean_error_mm(TRUTH, PREDICTED[:1])
    for mask in (np.ones(4), np.zeros(3)):
        with pytest.raises(ValueError, match="weights"):
            max_error_mm(TRUTH, PREDICTED, mask)
