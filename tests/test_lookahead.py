"""Less look-ahead from the same run: late features are what a live stream without look-ahead computes."""

from __future__ import annotations

import numpy as np
import pytest

from voxmesh.model.lookahead import frames_late, stage_name, with_delay
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel

PREPARED = FeatureConfig()


@pytest.mark.parametrize("lookahead_ms", [0, 50, 100])
def test_late_features_are_those_of_less_lookahead(lookahead_ms: float) -> None:
    """Row t - d of the prepared features is row t of the features with d frames less look-ahead, to the last bit."""
    late = frames_late(PREPARED, lookahead_ms)
    samples = np.random.default_rng(3).normal(0.0, 0.1, 16000).astype(np.float32)
    early, live = log_mel(samples, PREPARED), log_mel(samples, with_delay(PREPARED, late))
    assert np.array_equal(live[late:], early[: len(early) - late])


def test_no_wish_is_what_was_prepared() -> None:
    """None keeps the run's own look-ahead and the plain names of its stages."""
    assert frames_late(PREPARED, None) == 0 and with_delay(PREPARED, 0) == PREPARED
    assert (stage_name("context", 0), stage_name("context", 6)) == ("context", "context-late6")


@pytest.mark.parametrize("lookahead_ms", [-1, 10, 200])
def test_impossible_lookaheads_are_refused_with_the_choices(lookahead_ms: float) -> None:
    """Negative, between two frames or more than prepared: the error lists what there is."""
    with pytest.raises(VoxmeshError, match="0, 17, 33, 50, 67, 83, 100"):
        frames_late(PREPARED, lookahead_ms)
