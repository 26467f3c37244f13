"""Stage one: the categorical latent space, split by the cross-modality loss (after MeshTalk, ICCV 2021).

Decoded with the right audio and somebody else's expression, the mouth must still be right; decoded with the right
expression and somebody else's audio, the upper face must. So some heads come to follow the audio, the others not.

The expression that is encoded is the calm one, as it was before a mood came over it: the mood is the decoder's part.
Labels that told of it would be foretold from the labels before, and no change of style would change them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_metric import FaceMetric
from voxmesh.model.latent import ExpressionEncoder, Heads, gumbel_like, sample_latent
from voxmesh.model.prepare import Prepared, load_prepared, on_held_out
from voxmesh.model.preview import film
from voxmesh.model.train_audio import PHONE_WEIGHT, MouthReader, draw_batch, mouth_loss, phone_loss
from voxmesh.model.trainer import Draw, Training, fit

LEAK_WEIGHT = 5.0


class Codes(nn.Module):
    """Everything that stage one trains: both encoders, what makes them into heads, and the decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.mouth = MouthReader(config)
        self.expression = ExpressionEncoder(config)
        self.hear = Heads(config, config.audio_channels, config.heard_heads)
        self.see = Heads(config, config.expression_channels, config.free_heads)
        self.decoder = Decoder(config)

    def logits(self, features: Tensor, coefficients: Tensor) -> Tensor:
        """(B, T, F), (B, T, K) -> (B, T, H, C)."""
        return torch.cat([self.hear(self.mouth.encode(features)), self.see(self.expression(coefficients))], 2)

    def decode(self, latent: Tensor, style: Tensor | None = None) -> Tensor:
        """(B, T, H, C) one-hot, and (B, T or 1, S) for networks that know styles -> (B, T, K)."""
        return self.decoder(latent, self.decoder.initial(len(latent)), style)[0]


def upper_loss(metric: FaceMetric, got: Tensor, wanted: Tensor) -> Tensor:
    """(B, T, K) coefficients -> scalar, mm^2: the upper face, lids and gaze above all, and their change in time."""
    difference = got - wanted
    still = metric.region("upper", difference).mean() + metric.region("eyelid", difference).mean()
    still = still + metric.landmark_error("upper", difference).mean()
    value = still + 5.0 * metric.region("eyelid", difference.diff(dim=1)).mean()
    if "eyeball" in metric.factors:  # captured faces have none
        # A gaze that trembles by a degree looks like fear; one that is a degree off looks like nothing.
        value = value + metric.region("eyeball", difference).mean()
        value = value + 20.0 * metric.region("eyeball", difference.diff(dim=1)).mean()
    return value


def train_codes(run: Run, training: Training, cross_modality: bool = True, prepared: Prepared | None = None) -> None:
    """Train the stage on `prepared` (what the run holds); without `cross_modality` nothing is ever swapped.

    What a bundle gave a seeded run goes on hearing as it did, unless the audio stage was trained further.
    """
    p = prepared or load_prepared(run)
    metric = p.metric.to(training.device)
    to_coefficients = p.to_coefficients.to(training.device)
    torch.manual_seed(training.seed)  # of the first weights
    model = Codes(p.config)
    run.load("audio", model.mouth)
    run.load_seed("decoder", model.decoder)
    hearing = not run.load_seed("live.hear", model.hear) or run.trained("audio")
    for part in (model.mouth, model.hear):
        part.requires_grad_(hearing)

    def loss(draw: Draw, p: Prepared = p) -> tuple[Tensor, dict[str, float]]:
        features, curves, phones, style, calm, _ = draw_batch(p, draw, training)
        wanted = curves @ to_coefficients
        with training.autocast():
            codes, read, named = model.mouth(features, style)
            audio, face = model.hear(codes), model.see(model.expression(calm @ to_coefficients))
            # Somebody else's: the batch is random, so its neighbour will do.
            pairs = [(audio, face), (audio, face.roll(1, 0)), (audio.roll(1, 0), face)]
            if not cross_modality:
                pairs = pairs[:1] * 3
            logits = torch.cat([torch.cat(pair, 2) for pair in pairs]).float()
            # Sampling early keeps the classes in use; at the end the encoder means what it says. One noise for all
            # three: what differs between them is then what was swapped.
            noise = gumbel_like(logits[: len(wanted)], draw.torch) * max(0.0, 1.0 - 1.25 * draw.progress)
            latent = sample_latent(logits, noise.repeat(3, 1, 1, 1))
            whole, heard, shown = model.decode(latent, style.repeat(3, 1, 1)).float().chunk(3)
        mouth = 0.5 * mouth_loss(metric, whole, wanted) + mouth_loss(metric, heard, wanted)
        upper = 0.5 * upper_loss(metric, whole, wanted) + upper_loss(metric, shown, wanted)
        # Seeing the face tells more of the mouth than hearing it does, so reconstruction alone invites the expression
        # into the mouth. What is swapped must therefore not matter, right or wrong.
        leak = metric.region("mouth", heard - whole).mean() + metric.region("upper", shown - whole).mean()
        value = mouth + 2.0 * upper + LEAK_WEIGHT * leak
        if hearing:
            value = value + 0.2 * (mouth_loss(metric, read, wanted) + PHONE_WEIGHT * phone_loss(named, phones))
        scalars = {
            "mouth_rms_mm": metric.rms("mouth", heard - wanted),
            "upper_rms_mm": metric.rms("upper", shown - wanted),
            "leak_mm": float(leak.detach().sqrt()),
        }
        return value, scalars

    def shown(features: Tensor, wanted: Tensor) -> Tensor:
        latent = model.logits(features, wanted).argmax(-1)
        neutral = wanted.new_zeros(1, 1, p.config.style_dims)
        return model.decode(functional.one_hot(latent, p.config.classes).float(), neutral)

    preview = film(run, p, "codes", shown, training.device) if training.preview_steps else None
    fit(run, "codes", model, loss, training, on_held_out(loss, p), preview)


def load_codes(run: Run) -> Codes:
    """The trained stage one, in eval mode."""
    model = Codes(run.config())
    run.load("codes", model)
    return model.eval()
