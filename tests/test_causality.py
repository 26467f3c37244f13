"""No sound later than the declared look-ahead moves a frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxmesh.model.config import ModelConfig
from voxmesh.model.step import Live
from voxmesh.model.train_codes import Codes
from voxmesh.stream.features import FeatureConfig, log_mel

CONFIG = ModelConfig(
    heads=6,
    classes=8,
    audio_channels=16,
    expression_channels=16,
    decoder_channels=16,
    context_channels=16,
    context_dilations=(1, 2, 4),
    basis=6,
    features=FeatureConfig(mels=12),
)
FRAMES = 40


def inputs() -> torch.Tensor:
    width = CONFIG.features.hops_per_frame * CONFIG.features.mels
    return torch.randn(1, FRAMES, width, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize("frame", [0, 7, 60])
def test_features_end_exactly_at_the_declared_lookahead(frame: int) -> None:
    """A frame's features do not see the sample at its look-ahead, and do see the one before it."""
    config = FeatureConfig()
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 32000).astype(np.float32)
    horizon = config.clock.sample(frame) + config.lookahead_samples
    before = log_mel(sound, config)[: frame + 1]

    later = sound.copy()
    later[horizon:] = rng.normal(0, 0.5, len(sound) - horizon)
    assert np.array_equal(log_mel(later, config)[: frame + 1], before)

    # The window's very last sample is weighted almost to nothing: a click there must still be heard.
    nearer = sound.copy()
    nearer[horizon - 1] += 1e3
    assert not np.array_equal(log_mel(nearer, config)[frame], before[frame])


@pytest.mark.parametrize("frame", [0, 17, FRAMES - 2])
def test_the_audio_encoder_has_no_gradient_from_later_frames(frame: int) -> None:
    """The gradient of a frame's audio code is exactly zero for every later frame, and not for its own."""
    model = Codes(CONFIG).eval()
    features = inputs()
    codes, *_ = model.mouth(features)
    codes[0, :, frame].sum().backward()
    assert features.grad is not None
    assert torch.count_nonzero(features.grad[0, frame + 1 :]) == 0
    assert torch.count_nonzero(features.grad[0, frame]) > 0


@pytest.mark.parametrize("frame", [0, 17, FRAMES - 2])
def test_the_decoder_has_no_gradient_from_later_latents(frame: int) -> None:
    """The gradient of a frame's pose is exactly zero for every later latent, and not for its own."""
    model = Codes(CONFIG).eval()
    latent = torch.rand(1, FRAMES, CONFIG.heads, CONFIG.classes, requires_grad=True)
    model.decode(latent)[0, frame].sum().backward()
    assert latent.grad is not None
    assert torch.count_nonzero(latent.grad[0, frame + 1 :]) == 0
    assert torch.count_nonzero(latent.grad[0, frame]) > 0


def test_the_context_model_sees_only_earlier_labels_and_heard_sound() -> None:
    """A free head's logits change with earlier ones and frames, and with nothing at or after its own place."""
    model = Live(CONFIG).eval()
    features = inputs()
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(CONFIG.classes, (1, FRAMES, CONFIG.free_heads), generator=generator)
    frame, head = 20, 1
    logits = model(features, labels, labels)
    logits = logits[:, :, CONFIG.heard_heads :]
    logits[0, frame, head].sum().backward()
    assert features.grad is not None
    assert torch.count_nonzero(features.grad[0, frame + 1 :]) == 0

    def changed_by(t: int, h: int) -> bool:
        other = labels.clone()
        other[0, t, h] = (other[0, t, h] + 1) % CONFIG.classes
        return not torch.equal(
            model(features, other, other)[0, frame, CONFIG.heard_heads + head], logits[0, frame, head]
        )

    assert changed_by(frame, head - 1) and changed_by(frame - 1, CONFIG.free_heads - 1)
    assert not changed_by(frame, head) and not changed_by(frame, head + 1) and not changed_by(frame + 1, 0)
