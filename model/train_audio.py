"""Stage zero: the audio encoder learns to hear what the mouth does, before there are any latents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.face_metric import FaceMetric
from voxmesh.model.prepare import Prepared, load_prepared, mouth_columns
from voxmesh.model.trainer import Draw, Training, fit


class Batch(NamedTuple):
    """features (B, T, F) float32, curves (B, T, 52) float32, and their rows (B, T) in the store."""

    features: Tensor
    curves: Tensor
    rows: np.ndarray


class MouthReader(nn.Module):
    """Audio encoder and a linear read-out of the mouth's coefficients: (B, T, F) -> codes (B, A, T), (B, T, K)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.audio = AudioEncoder(config)
        self.read = nn.Conv1d(config.audio_channels, config.basis, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        codes, _ = self.audio(features, self.audio.initial(len(features)))
        return codes, self.read(codes).transpose(1, 2)


def mouth_loss(metric: FaceMetric, got: Tensor, wanted: Tensor) -> Tensor:
    """(B, T, K) coefficients -> scalar, mm^2: mouth vertices, landmarks, the lips' gap, and change in time."""
    difference = got - wanted
    still = metric.region("mouth", difference).mean() + metric.landmark_error(difference).mean()
    # A gap of 1 mm where the lips should touch is far more visible than 1 mm anywhere else.
    gap = (metric.lip_gap(got) - metric.lip_gap(wanted)).square().sum(-1)
    closed = torch.exp(-metric.lip_gap(wanted).norm(dim=-1))
    moving = metric.region("mouth", difference.diff(dim=1)).mean()
    return still + 0.3 * (gap * (1.0 + 3.0 * closed)).mean() + 10.0 * moving


def draw_batch(p: Prepared, draw: Draw, training: Training, clean: float = 0.15) -> Batch:
    """Random crops; a share `clean` of them unaugmented."""
    variants, rows = p.store.crops(draw.numpy, training.batch, training.frames, clean)
    features = torch.from_numpy(p.store.features[variants[:, None], rows]).float().to(training.device)
    curves = torch.from_numpy(p.store.curves[rows]).float().to(training.device)
    return Batch(features, curves, rows)


def train_audio(run: Run, training: Training) -> None:
    p = load_prepared(run)
    metric = p.metric.to(training.device)
    mouth = torch.from_numpy(mouth_columns())[:, None] * p.to_coefficients
    mouth = mouth.to(training.device)
    torch.manual_seed(training.seed)  # of the first weights
    model = MouthReader(p.config)

    def loss(draw: Draw) -> tuple[Tensor, dict[str, float]]:
        features, curves, _ = draw_batch(p, draw, training)
        _, got = model(features)
        wanted = curves @ mouth
        value = mouth_loss(metric, got, wanted)
        return value, {"mouth_rms_mm": metric.rms("mouth", got - wanted)}

    fit(run, "audio", model, loss, training)
