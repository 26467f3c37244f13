"""Stage three: the decoder learns to live with the labels that come live.

Now and then the heads that follow the audio waver between two labels of nearly the same mouth, and lips that follow
every such flip tremble. Stage one changed the labels and the decoder together; trained alone, on labels that stay as
they are, and by a loss that minds trembling more, the decoder takes a flip for what it is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from voxmesh.model.checkpoint import Run
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_metric import FaceMetric
from voxmesh.model.latent import FREE_TEMPERATURE, gumbel_like
from voxmesh.model.lookahead import frames_late, stage_name
from voxmesh.model.prepare import Prepared, load_prepared, on_held_out
from voxmesh.model.preview import film
from voxmesh.model.train_audio import CLOSURE_WEIGHT, draw_batch
from voxmesh.model.train_codes import load_codes, upper_loss
from voxmesh.model.train_context import free_labels, heard_late, load_live
from voxmesh.model.trainer import Draw, Training, fit

JERK_WEIGHT = 20.0
CLEAN_SHARE = 0.4
"""More than in the stages before: what cannot be heard for noise teaches a decoder to leave every mouth half open."""


def spoken_loss(metric: FaceMetric, got: Tensor, wanted: Tensor) -> Tensor:
    """(B, T, K) coefficients -> scalar: the mouth's error by its size instead of its square, and its jerk squared.

    Where the sound leaves it open whether the lips touch, a square asks for half open; the size asks for the likelier.
    """
    difference = got - wanted
    still = _size(metric.region("mouth", difference)).mean() + _size(metric.landmark_error("mouth", difference)).mean()
    gap = _size((metric.lip_gap(got) - metric.lip_gap(wanted)).square().sum(-1))
    closed = torch.exp(-metric.lip_gap(wanted).norm(dim=-1))
    moving = metric.region("mouth", difference.diff(dim=1)).mean()
    trembling = metric.region("mouth", difference.diff(n=3, dim=1)).mean()
    return 2.0 * still + (gap * (1.0 + CLOSURE_WEIGHT * closed)).mean() + 6.0 * moving + JERK_WEIGHT * trembling


def _size(squared: Tensor) -> Tensor:
    """mm^2 -> mm, smooth below a tenth of one."""
    return (squared + 0.01).sqrt()


def half_sampled(known: Tensor, logits: Tensor, draw: Draw) -> Tensor:
    """(B, T, H) labels, of every second clip those that live sampling draws from (B, T, H, C) instead.

    A held gaze is one label or its neighbour, frame by frame: a decoder that has seen them flip holds it still.
    """
    sampled = (logits + FREE_TEMPERATURE * gumbel_like(logits, draw.torch)).argmax(-1)
    every_second = (torch.arange(len(known), device=known.device) % 2 == 1)[:, None, None]
    return torch.where(every_second, sampled, known)


def train_decoder(
    run: Run, training: Training, prepared: Prepared | None = None, lookahead_ms: float | None = None
) -> None:
    """Train the stage on `prepared` (what the run holds), for `lookahead_ms` (what the run was prepared for)."""
    p = prepared or load_prepared(run)
    delay_frames = frames_late(p.config.features, lookahead_ms)
    metric = p.metric.to(training.device)
    to_coefficients = p.to_coefficients.to(training.device)
    p = heard_late(p, delay_frames)
    codes, live = load_codes(run).to(training.device), load_live(run, lookahead_ms).to(training.device)
    decoder = codes.decoder

    def loss(draw: Draw, p: Prepared = p) -> tuple[Tensor, dict[str, float]]:
        batch = draw_batch(p, draw, training, clean=CLEAN_SHARE)
        wanted = batch.curves @ to_coefficients
        with training.autocast():
            with torch.no_grad():
                audio = live.encode(batch.features)
                heard = live.hear(audio).argmax(-1)
                known = free_labels(codes, batch.calm @ to_coefficients)
                free = half_sampled(known, live.context(known, known, audio, batch.style).float(), draw)
            # Live, the free heads know nothing of the mouth, nor the others of the upper face: each goes with another
            # clip's, or the decoder would learn to read from them what they will not tell.
            spoken, shown = torch.cat([heard, free.roll(1, 0)], 2), torch.cat([heard.roll(1, 0), free], 2)
            latent = functional.one_hot(torch.cat([spoken, shown]), p.config.classes).float()
            style = batch.style.repeat(2, 1, 1)
            mouth, upper = decoder(latent, decoder.initial(len(latent)), style)[0].float().chunk(2)
        value = spoken_loss(metric, mouth, wanted) + 2.0 * upper_loss(metric, upper, wanted)
        return value, {
            "mouth_rms_mm": metric.rms("mouth", mouth - wanted),
            "upper_rms_mm": metric.rms("upper", upper - wanted),
        }

    def spoken(features: Tensor, wanted: Tensor) -> Tensor:
        labels = torch.cat([live.hear(live.encode(features)).argmax(-1), free_labels(codes, wanted)], 2)
        neutral = wanted.new_zeros(1, 1, p.config.style_dims)
        return codes.decode(functional.one_hot(labels, p.config.classes).float(), neutral)

    stage = stage_name("decoder", delay_frames)
    preview = film(run, p, stage, spoken, training.device) if training.preview_steps else None
    fit(run, stage, decoder, loss, training, on_held_out(loss, p), preview)


def load_decoder(run: Run, lookahead_ms: float | None = None) -> Decoder:
    """The trained stage three, in eval mode."""
    config = run.config()
    decoder = Decoder(config)
    run.load(stage_name("decoder", frames_late(config.features, lookahead_ms)), decoder)
    return decoder.eval()
