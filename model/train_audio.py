"""Stage zero: the audio encoder learns to hear what the mouth does, before there are any latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.face_metric import FaceMetric
from voxmesh.model.feature_augment import augment_features
from voxmesh.model.prepare import Prepared, load_prepared, on_held_out
from voxmesh.model.store import PHONES
from voxmesh.model.style import Modulation
from voxmesh.model.trainer import Draw, Training, fit
from voxmesh.stream.features import mel_edges

PHONE_WEIGHT = 1.5
CLOSURE_WEIGHT = 7.0
"""A p whose lips stay apart is seen by everybody, a t whose lips meet by few: a gap where there should be none costs
this many times more on top."""


@dataclass(frozen=True)
class Recipe:
    """What this stage does beyond following the mouth on the store's sounds (`benchmarks/recipe.py`: what it brings).

    features_augmented: every batch hears other vocal tracts, microphones and floors. phones_named: phones are named.
    """

    features_augmented: bool = True
    phones_named: bool = True


class Batch(NamedTuple):
    """features (B, T, F), curves and calm (B, T, 52), style (B, 1, 5) float32, phones (B, T) int64, at rows (B, T)."""

    features: Tensor
    curves: Tensor
    phones: Tensor
    style: Tensor
    calm: Tensor
    rows: np.ndarray


class MouthReader(nn.Module):
    """Audio encoder with two linear read-outs: the mouth's coefficients, and the phone being said.

    forward: (B, T, F) -> codes (B, A, T), coefficients (B, T, K), logits of phones (B, P, T). The mouth alone tells
    little of what was said, and its mean square forgives a p that never closes; naming the phone forgives nothing.
    A mood cannot be heard here: the mouth is read with its style, (B, 1, S), told where networks know styles.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.audio = AudioEncoder(config)
        self.styled = Modulation(config.style_dims, config.audio_channels) if config.style_dims else None
        self.read = nn.Conv1d(config.audio_channels, config.basis, 1)
        self.name = nn.Conv1d(config.audio_channels, len(PHONES), 1)

    def forward(self, features: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        codes = self.encode(features)
        told = codes if self.styled is None else self.styled(codes.transpose(1, 2), style).transpose(1, 2)
        return codes.float(), self.read(told).transpose(1, 2).float(), self.name(codes).float()

    def encode(self, features: Tensor) -> Tensor:
        """(B, T, F) -> codes (B, A, T), nothing heard before."""
        return self.audio(features, self.audio.initial(len(features)))[0]


def phone_loss(logits: Tensor, phones: Tensor) -> Tensor:
    """(B, P, T) logits, (B, T) indices, -1 where nobody knows -> scalar: cross-entropy, a little smoothed.

    0 where nobody knows any.
    """
    total = functional.cross_entropy(logits, phones, ignore_index=-1, label_smoothing=0.05, reduction="sum")
    return total / (phones >= 0).sum().clamp_min(1)


def mouth_loss(metric: FaceMetric, got: Tensor, wanted: Tensor) -> Tensor:
    """(B, T, K) coefficients -> scalar, mm^2: mouth vertices, landmarks, the lips' gap, velocity and jerk."""
    difference = got - wanted
    still = metric.region("mouth", difference).mean() + metric.landmark_error("mouth", difference).mean()
    # A gap of 1 mm where the lips should touch is far more visible than 1 mm anywhere else.
    gap = (metric.lip_gap(got) - metric.lip_gap(wanted)).square().sum(-1)
    closed = torch.exp(-metric.lip_gap(wanted).norm(dim=-1))
    moving = metric.region("mouth", difference.diff(dim=1)).mean()
    # The eye sees a lip tremble long before it sees it misplaced.
    trembling = metric.region("mouth", difference.diff(n=3, dim=1)).mean()
    return still + 0.3 * (gap * (1.0 + CLOSURE_WEIGHT * closed)).mean() + 10.0 * moving + 4.0 * trembling


def draw_batch(p: Prepared, draw: Draw, training: Training, clean: float = 0.15, augmented: bool = True) -> Batch:
    """Random crops; a share `clean` of them the synthesiser's own sound, all others augmented twice over.

    Where not `augmented`, the others are as the store has them.
    """
    config = p.config.features
    variants, rows = p.store.crops(draw.numpy, training.batch, training.frames, clean)
    features = torch.from_numpy(p.store.features[variants[:, None], rows]).float().to(training.device)
    if augmented:
        mel_hz = torch.from_numpy(mel_edges(config)[1:-1]).float().to(training.device)
        varied = augment_features(features, config.hops_per_frame, mel_hz, draw.torch).clamp(-config.clip, config.clip)
        untouched = torch.from_numpy(variants == 0).to(training.device)[:, None, None]
        features = torch.where(untouched, features, varied)
    curves = torch.from_numpy(p.store.curves[rows]).float().to(training.device)
    phones = torch.from_numpy(p.store.phones[rows].astype(np.int64)).to(training.device)
    style = torch.from_numpy(p.store.styles_of(rows)).to(training.device)[:, None]
    calm = torch.from_numpy(p.store.calm[rows]).float().to(training.device)
    return Batch(features, curves, phones, style, calm, rows)


def train_audio(run: Run, training: Training, recipe: Recipe | None = None, prepared: Prepared | None = None) -> None:
    """Train the stage by `recipe` (all of it) on `prepared` (what the run holds)."""
    recipe = recipe or Recipe()
    p = prepared or load_prepared(run)
    metric = p.metric.to(training.device)
    mouth = (p.mouth[:, None] * p.to_coefficients).to(training.device)
    torch.manual_seed(training.seed)  # of the first weights
    model = MouthReader(p.config)
    run.load_seed("live.audio", model.audio)

    def loss(draw: Draw, p: Prepared = p) -> tuple[Tensor, dict[str, float]]:
        features, curves, phones, style, *_ = draw_batch(p, draw, training, augmented=recipe.features_augmented)
        with training.autocast():
            _, got, named = model(features, style)
        wanted = curves @ mouth
        value = mouth_loss(metric, got, wanted)
        if recipe.phones_named:
            value = value + PHONE_WEIGHT * phone_loss(named, phones)
        scalars = {"mouth_rms_mm": metric.rms("mouth", got - wanted)}
        known = phones >= 0
        if known.any():
            scalars["phone_hits"] = float((named.argmax(1) == phones)[known].float().mean())
        return value, scalars

    fit(run, "audio", model, loss, training, on_held_out(loss, p))
