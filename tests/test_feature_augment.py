"""Augmentation on features: other tracts and rooms, the same times."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxmesh.model.feature_augment import augment_features, warp_matrix
from voxmesh.model.store import PHONES, phones_of_frames
from voxmesh.stream.features import FeatureConfig, log_mel, mel_edges

CONFIG = FeatureConfig()
MEL_HZ = torch.from_numpy(mel_edges(CONFIG)[1:-1]).float()


def test_a_warp_moves_a_tone_to_where_its_frequency_goes() -> None:
    """A 1500 Hz tone read with factor f shows its peak at 1500 / f Hz: the matrix is a vocal-tract warp, in hertz."""
    tone = np.sin(2 * np.pi * 1500.0 * np.arange(16000) / 16000.0).astype(np.float32)
    mels = torch.from_numpy(log_mel(tone, CONFIG)[30, : CONFIG.mels])
    for factor in (0.85, 1.0, 1.18):
        warped = warp_matrix(torch.tensor([factor]), MEL_HZ)[0] @ mels
        peak = float(MEL_HZ[int(warped.argmax())])
        assert abs(peak - 1500.0 / factor) < 100.0, (factor, peak)  # a mel bin is 85 Hz wide here


def test_no_warp_is_the_identity() -> None:
    """Factor 1 reads every mel bin where it is."""
    np.testing.assert_allclose(warp_matrix(torch.ones(1), MEL_HZ)[0].numpy(), np.eye(CONFIG.mels), atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_augmented_features_keep_their_shape_and_times(seed: int) -> None:
    """A jump from quiet to loud stays at its frame, whatever voice or room is drawn; the same seed gives the same."""
    quiet_then_loud = torch.full((8, 120, 2 * CONFIG.mels), -5.0)
    quiet_then_loud[:, 60:] = 3.0
    quiet_then_loud += 0.1 * torch.randn(quiet_then_loud.shape, generator=torch.Generator().manual_seed(9))
    made = [augment_features(quiet_then_loud, 2, MEL_HZ, torch.Generator().manual_seed(seed)) for _ in range(2)]
    assert torch.equal(made[0], made[1])
    assert made[0].shape == quiet_then_loud.shape
    assert torch.isfinite(made[0]).all()
    level = made[0].unflatten(2, (2, -1)).median(3).values.mean(2)
    before, after = level[:, 40:60].median(1).values, level[:, 60:80].median(1).values
    assert (after > before + 1.0).all(), (before, after)


def test_clips_of_a_batch_are_drawn_apart() -> None:
    """Eight copies of one clip come out as eight different ones."""
    same = torch.randn(1, 40, 2 * CONFIG.mels, generator=torch.Generator().manual_seed(1)).repeat(8, 1, 1)
    made = augment_features(same, 2, MEL_HZ, torch.Generator().manual_seed(2))
    apart = (made[:, None] - made[None]).abs().mean((2, 3)) + torch.eye(8)
    assert (apart > 0.05).all()


def test_every_frame_knows_its_phone() -> None:
    """A frame carries the phone that sounds at its time, and silence between phones."""
    got = phones_of_frames([("M", 0.10, 0.20), ("AA", 0.20, 0.30)], 30, 60.0)
    assert [PHONES[i] for i in got[[0, 5, 6, 11, 12, 17, 18]]] == ["SIL", "SIL", "M", "M", "AA", "AA", "SIL"]
