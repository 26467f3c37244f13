"""What the composite family trains on: drivers of the same manner, regions that count, styles with names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from conftest import small_config, tiny_topologies

from voxmesh.model.avatar.build import Avatar
from voxmesh.model.composite.config import CompositeConfig
from voxmesh.model.composite.named_styles import name_styles
from voxmesh.model.composite.network import Composite
from voxmesh.model.composite.source import TalkerSource
from voxmesh.model.composite.train import region_weights, square_mm2
from voxmesh.model.store import Store
from voxmesh.stream.features import FeatureConfig

CLIPS, FRAMES = 3, 50


def source() -> TalkerSource:
    """Three clips in different moods, whose curves all are the clip's number, on an avatar of 200 vertices."""
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.003, (52, 200, 3)).astype(np.float32)
    deltas[:, 150:] = 0
    avatars = [Avatar(topology, deltas, {}) for topology in tiny_topologies(rng)[:2]]
    curves = np.repeat(np.arange(CLIPS, dtype=np.float16), FRAMES)[:, None] * np.ones(52, np.float16) * 0.1
    ends = FRAMES * np.arange(1, CLIPS + 1)
    features = rng.normal(0, 3, (2, CLIPS * FRAMES, 128)).astype(np.float16)
    spans, moods = np.stack([ends - FRAMES, ends], axis=1), np.zeros((CLIPS, 5), np.float32)
    moods[1, 0], moods[2, 1] = 0.9, 1.2
    store = Store(features, curves, np.zeros(CLIPS * FRAMES, np.int8), spans, moods, calm=curves)
    return TalkerSource(store, FeatureConfig(), avatars, Path("nowhere"))


def model() -> Composite:
    torch.manual_seed(0)
    return Composite(
        CompositeConfig(200, 150, audio=small_config(), channels=16, style_channels=24, dilations=(1, 2))
    ).eval()


def test_a_clip_is_driven_by_another_part_of_itself():
    """The driver has the crop's manner, not its moment: what is learned from it is not what is being said."""
    batch = source().crops(np.random.default_rng(1), 16, 20, "features")
    assert batch.offsets.shape == batch.driving.shape == (16, 20, 52)
    torch.testing.assert_close(batch.offsets.mean((1, 2)), batch.driving.mean((1, 2)))
    assert len(set(batch.offsets[:, 0, 0].tolist())) == CLIPS
    assert batch.sound.shape == (16, 20, 128)


def test_only_what_moves_is_modelled():
    """Vertices that no identity ever moves are left out of the map, so that a frame costs less."""
    moving = source().moving
    assert moving.sum() == 150
    assert not moving[150:].any()


def test_an_error_counts_by_its_region():
    """Where a region counts and the others do not, the loss is that region's squared error alone, in mm^2."""
    data, network = source(), model()
    network.mesh.describe(torch.from_numpy(data.templates), torch.from_numpy(data.moving))
    batch = data.crops(np.random.default_rng(1), 4, 20, "features")
    codes = torch.randn(4, 20, 16)
    places = torch.zeros(150)
    places[7] = 1.0
    with torch.no_grad():
        loss = square_mm2(network, codes, batch, places, torch.Generator().manual_seed(0))
        apart = (network.mesh.decode(codes) - batch.offsets @ batch.shapes)[..., 21:24] * 1000
    torch.testing.assert_close(loss, apart.square().mean())
    weights = region_weights(data, regional=True)
    mouth = data.masks["mouth"][data.moving] > 0
    assert weights[mouth].min() > weights[~mouth].max()
    assert (region_weights(data, regional=False) == 1).all()


def test_moods_that_the_data_has_get_names():
    """A named style is what the encoder makes of the clips nearest to it; moods that no clip is in have no name."""
    styles = name_styles(model(), source())
    assert list(styles) == ["neutral", "cheerful", "sad"]
    assert all(vector.shape == (32,) and np.isfinite(vector).all() for vector in styles.values())
    assert not np.allclose(styles["neutral"], styles["sad"])
