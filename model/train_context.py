"""Stage two: what runs live learns to do without seeing the face.

The heads that follow the audio need nothing more: they are stage one's own. The autoregressive context model learns, by
cross-entropy, which labels come next in the others. For less look-ahead than the run was prepared for, a copy of the
audio's side learns, hearing late, to say what stage one says hearing in time.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.lookahead import at_lookahead, frames_late, stage_name
from voxmesh.model.prepare import Prepared, load_prepared, on_held_out
from voxmesh.model.step import Live
from voxmesh.model.train_audio import draw_batch
from voxmesh.model.train_codes import Codes, load_codes
from voxmesh.model.trainer import Draw, Training, fit

CORRUPTED = 0.03
"""Share of past labels that training replaces at random, so that one wrong sample does not derail a live stream."""


def heard_late(p: Prepared, delay_frames: int) -> Prepared:
    """`p` moved so that features come `delay_frames` late."""
    valid = at_lookahead(p.valid, -delay_frames) if p.valid else None
    return replace(p, store=at_lookahead(p.store, -delay_frames), valid=valid)


def live_of(codes: Codes, config: ModelConfig) -> Live:
    """What runs live, with the audio's side of stage one."""
    live = Live(config)
    live.audio.load_state_dict(codes.mouth.audio.state_dict())
    live.hear.load_state_dict(codes.hear.state_dict())
    return live


@torch.no_grad()
def free_labels(codes: Codes, coefficients: Tensor) -> Tensor:
    """(B, T, K) -> (B, T, free heads) int64: stage one's most probable labels of what a face does."""
    return codes.see(codes.expression(coefficients)).argmax(-1)


@torch.no_grad()
def heard_in_time(codes: Codes, features: Tensor, delay_frames: int) -> Tensor:
    """Stage one's probabilities (B, T - delay, heard heads, C) of the frames that features `delay_frames` late show."""
    return functional.softmax(codes.hear(codes.mouth.encode(features))[:, delay_frames:], -1)


def corrupt(labels: Tensor, classes: int, share: float, generator: torch.Generator) -> Tensor:
    """(B, T, H) labels with about `share` of them replaced by random ones; how many varies from clip to clip."""
    device = labels.device
    drawn = 2.0 * share * torch.rand((len(labels), 1, labels.shape[2]), generator=generator, device=device)
    hit = torch.rand(labels.shape, generator=generator, device=device) < drawn
    return torch.where(hit, torch.randint(classes, labels.shape, generator=generator, device=device), labels)


def train_context(
    run: Run, training: Training, prepared: Prepared | None = None, lookahead_ms: float | None = None
) -> None:
    """Train the stage on `prepared` (what the run holds), for `lookahead_ms` (what the run was prepared for)."""
    p = prepared or load_prepared(run)
    delay_frames = frames_late(p.config.features, lookahead_ms)
    p = heard_late(p, delay_frames)
    to_coefficients = p.to_coefficients.to(training.device)
    codes = load_codes(run).to(training.device)
    torch.manual_seed(training.seed)  # of the first weights
    model = live_of(codes, p.config)
    run.load_seed("live.context", model.context)
    for part in (model.audio, model.hear):
        part.requires_grad_(delay_frames > 0)

    def loss(draw: Draw, p: Prepared = p) -> tuple[Tensor, dict[str, float]]:
        batch = draw_batch(p, draw, training)
        known = free_labels(codes, batch.calm @ to_coefficients)
        history = corrupt(known, p.config.classes, CORRUPTED, draw.torch)
        with training.autocast():
            logits = model(batch.features, known, history, batch.style).float()
            heard, free = logits.split([p.config.heard_heads, p.config.free_heads], 2)
            value = functional.cross_entropy(free.flatten(0, 2), known.flatten())
            scalars = {"hit_free": float((free.argmax(-1) == known).float().mean())}
            if delay_frames:
                wanted = heard_in_time(codes, batch.features, delay_frames).float()
                heard = heard[:, : wanted.shape[1]]
                value = value + functional.cross_entropy(heard.movedim(-1, 1), wanted.movedim(-1, 1))
                scalars["hit_audio"] = float((heard.argmax(-1) == wanted.argmax(-1)).float().mean())
        return value, scalars

    fit(run, stage_name("context", delay_frames), model, loss, training, on_held_out(loss, p))


def load_live(run: Run, lookahead_ms: float | None = None) -> Live:
    """The trained stage two, in eval mode."""
    config = run.config()
    model = Live(config)
    run.load(stage_name("context", frames_late(config.features, lookahead_ms)), model)
    return model.eval()
