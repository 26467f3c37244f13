"""Stage two: the autoregressive context model learns, by cross-entropy, which latent comes next."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from voxmesh.model.audio_encoder import AudioEncoder
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.context import ContextModel
from voxmesh.model.lookahead import at_lookahead, frames_late, stage_name
from voxmesh.model.prepare import Prepared, load_prepared
from voxmesh.model.train_audio import draw_batch
from voxmesh.model.train_codes import Codes, load_codes
from voxmesh.model.trainer import Draw, Training, fit

CORRUPTED = 0.03
"""Share of past labels that training replaces at random, so that one wrong sample does not derail a live stream."""


class Context(nn.Module):
    """What runs live besides the decoder: its own audio encoder, started from stage one's, and the context model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.audio = AudioEncoder(config)
        self.context = ContextModel(config)

    def forward(self, features: Tensor, labels: Tensor, history: Tensor) -> Tensor:
        """(B, T, F) features, (B, T, H) labels and what the past shall show of them -> (B, T, H, C) logits."""
        audio, _ = self.audio(features, self.audio.initial(len(features)))
        return self.context(labels, history, audio)


def clip_labels(run: Run, codes: Codes, p: Prepared) -> np.ndarray:
    """`label_clips`, kept in the run's folder for as long as stage one and the store's clips are the same."""
    path, digest = run.folder / "labels.npy", hashlib.sha256((run.folder / "codes.safetensors").read_bytes())
    digest.update(p.store.spans.tobytes())
    made_from = run.folder / "labels.json"
    if made_from.is_file() and json.loads(made_from.read_text())["sha256"] == digest.hexdigest():
        return np.load(path).astype(np.int64)
    labels = label_clips(codes, p)
    np.save(path, labels.astype(np.int16))
    made_from.write_text(json.dumps({"sha256": digest.hexdigest()}))
    return labels


def heard_late(run: Run, codes: Codes, p: Prepared, delay_frames: int) -> tuple[np.ndarray, Prepared]:
    """The labels of `clip_labels` and `p`, both moved so that features come `delay_frames` late."""
    labels = np.roll(clip_labels(run, codes, p), -delay_frames, axis=0)
    return labels, replace(p, store=at_lookahead(p.store, -delay_frames))


@torch.inference_mode()
def label_clips(codes: Codes, p: Prepared) -> np.ndarray:
    """(T, H) int64: stage one's most probable labels of every clip, heard clean."""
    labels = np.zeros((len(p.store.curves), p.config.heads), np.int64)
    for clip in tqdm(list(p.store.clips()), desc="labels", unit="clip"):
        features = torch.from_numpy(np.float32(p.store.features[0, clip]))[None]
        coefficients = torch.from_numpy(np.float32(p.store.curves[clip]))[None] @ p.to_coefficients
        labels[clip] = codes.logits(features, coefficients)[0].argmax(-1).numpy()
    return labels


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
    codes = load_codes(run)
    labels, p = heard_late(run, codes, p, delay_frames)
    audio_heads = codes.fusion.hearing
    torch.manual_seed(training.seed)  # of the first weights
    model = Context(p.config)
    model.audio.load_state_dict(codes.mouth.audio.state_dict())
    # The sound says what the mouth does. With a past to lean on, a mouth once open stays open through a pause.
    model.context.remembered.copy_((~audio_heads).float())

    def loss(draw: Draw) -> tuple[Tensor, dict[str, float]]:
        batch = draw_batch(p, draw, training)
        known = torch.from_numpy(labels[batch.rows]).to(training.device)
        history = corrupt(known, p.config.classes, CORRUPTED, draw.torch)
        with training.autocast():
            logits = model(batch.features, known, history).float()
        value = functional.cross_entropy(logits.flatten(0, 2), known.flatten())
        hits = (logits.argmax(-1) == known).float().mean((0, 1))
        return value, {"hit_audio": float(hits[audio_heads].mean()), "hit_free": float(hits[~audio_heads].mean())}

    fit(run, stage_name("context", delay_frames), model, loss, training)


def load_context(run: Run, lookahead_ms: float | None = None) -> Context:
    """The trained stage two, in eval mode."""
    config = run.config()
    model = Context(config)
    run.load(stage_name("context", frames_late(config.features, lookahead_ms)), model)
    return model.eval()
