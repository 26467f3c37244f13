"""How good is a bundle's face on voices and identities it never met? `python -m voxmesh.model.evaluate RUN --data DIR`.

Lip error: mean over frames of the largest distance of a lip vertex from the truth, in mm (as MeshTalk and others report).
Cross-modality: how far the mouth and the upper face move when the other clip's audio, or expression, is put in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from voxmesh.model.avatar.build import IDENTITIES, Avatar, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.prepare import HELD_OUT_IDENTITIES
from voxmesh.model.step import Step
from voxmesh.model.talker.dataset import Clip, read_dataset
from voxmesh.model.train_codes import Codes, load_codes
from voxmesh.model.train_context import load_context
from voxmesh.stream.features import log_mel
from voxmesh.stream.noise import gumbel


def lip_vertices(avatar: Avatar) -> np.ndarray:
    """Vertex indices of both lips."""
    return avatar.parts["lips"]


def load_step(run: Run) -> Step:
    """The trained networks as the streaming step, in eval mode."""
    context = load_context(run)
    return Step(run.config(), context.audio, context.context, load_codes(run).decoder, run.load_face()).eval()


def head_temperature(codes: Codes, free: float = 1.0, heard: float = 0.3) -> np.ndarray:
    """(H,) float32: heads that follow the audio sample cold, for a mouth without jitter; the free ones as they were
    learned, because a rare event such as a blink disappears from a sharpened distribution."""
    return np.where(codes.fusion.gate.detach().numpy() > 0, heard, free).astype(np.float32)


@torch.inference_mode()
def speak(step: Step, audio: np.ndarray, temperature: np.ndarray, seed: int) -> Tensor:
    """(T, K) coefficients sampled for (N,) samples, frame by frame as the live stream does."""
    config = step.config
    features = torch.from_numpy(log_mel(audio, config.features))
    codes, _ = step.audio(features[None], step.audio.initial(1))
    pasts = step.context.initial(1)
    rows = torch.arange(config.heads) * config.classes
    labels = []
    for t in range(len(features)):
        base, after = step.context.history(codes[:, :, t : t + 1], pasts)
        noise = torch.from_numpy(gumbel(seed, t, config.heads, config.classes) * temperature[:, None])
        earlier = torch.zeros_like(base[:, 0])
        picked = []
        for head in range(config.heads):
            label = (step.context.head(base, earlier, head)[0] + noise[head]).argmax()
            earlier = earlier + step.context.head_book[rows[head] + label]
            picked.append(label)
        label = torch.stack(picked)
        pasts = [*after, step.context.past_book[rows + label].sum(0, keepdim=True)]
        labels.append(label)
    one_hot = torch.nn.functional.one_hot(torch.stack(labels)[None], config.classes).float()
    return step.decoder(one_hot, step.decoder.initial(1))[0][0]


@dataclass(frozen=True)
class LipError:
    """Mean over frames of the largest lip-vertex distance, mm."""

    model: float
    neutral: float
    shuffled: float
    reconstruction: float


def lip_errors(step: Step, codes: Codes, clips: list[Clip], avatars: list[Avatar], rig: Tensor, seed: int) -> LipError:
    """Every clip on one of the held-out identities; `shuffled` hears another clip; `reconstruction` is shown the truth."""
    temperature = head_temperature(codes)
    sums = np.zeros(4)
    frames = 0
    for i, clip in enumerate(tqdm(clips, desc="lip error", unit="clip")):
        avatar = avatars[i % len(avatars)]
        lips = lip_vertices(avatar)
        truth = np.einsum("ts,svx->tvx", clip.curves, avatar.deltas[:, lips])
        other = clips[(i + 1) % len(clips)].audio
        shuffled = np.resize(other, len(clip.audio))
        features = torch.from_numpy(log_mel(clip.audio, step.config.features))[None]
        with torch.inference_mode():
            logits = codes.logits(features, torch.from_numpy(clip.curves)[None] @ rig)
            shown = codes.decode(torch.nn.functional.one_hot(logits.argmax(-1), step.config.classes).float())[0]
        guesses = [speak(step, clip.audio, temperature, seed + i), speak(step, shuffled, temperature, seed + i), shown]
        offsets = [lip_offsets(step.face, guess, avatar, lips) for guess in guesses]
        errors = [offsets[0] - truth, truth, offsets[1] - truth, offsets[2] - truth]
        sums += [np.linalg.norm(e, axis=2).max(axis=1).sum() * 1000.0 for e in errors]
        frames += len(truth)
    return LipError(*(float(x) for x in sums / frames))


def lip_offsets(face: FaceBasis, coefficients: Tensor, avatar: Avatar, lips: np.ndarray) -> np.ndarray:
    """(T, K) -> (T, L, 3) metres from the template, on this identity."""
    identity = face.shape(torch.from_numpy(avatar.topology.template))
    return face.offsets(coefficients @ identity)[:, lips].numpy()


@dataclass(frozen=True)
class CrossModality:
    """Mean distance moved (mm, over the region's vertices and all frames) when one input is swapped."""

    audio_mouth: float
    audio_upper: float
    expression_mouth: float
    expression_upper: float


@torch.inference_mode()
def cross_modality(step: Step, codes: Codes, clips: list[Clip], rig: Tensor) -> CrossModality:
    """Swap the audio, then the expression, of each clip for another clip's."""
    regions = build_avatar(0).topology.regions
    moved = {(swap, region): [] for swap in ("audio", "expression") for region in ("mouth", "upper")}
    for clip, other in zip(tqdm(clips, desc="cross-modality", unit="clip"), clips[1:] + clips[:1], strict=True):
        frames = min(len(clip.curves), len(other.curves))

        def decoded(heard: Clip, shown: Clip, frames: int = frames) -> Tensor:
            features = torch.from_numpy(log_mel(heard.audio, step.config.features)[:frames])[None]
            logits = codes.logits(features, torch.from_numpy(shown.curves[:frames])[None] @ rig)
            one_hot = torch.nn.functional.one_hot(logits.argmax(-1), step.config.classes).float()
            return step.face.offsets(codes.decode(one_hot)[0])

        own = decoded(clip, clip)
        for swap, swapped in (("audio", decoded(other, clip)), ("expression", decoded(clip, other))):
            distance = (swapped - own).norm(dim=2).numpy()
            for region in ("mouth", "upper"):
                moved[swap, region].append(distance[:, regions[region] > 0].mean() * 1000.0)
    means = {key: float(np.mean(values)) for key, values in moved.items()}
    return CrossModality(
        means["audio", "mouth"], means["audio", "upper"], means["expression", "mouth"], means["expression", "upper"]
    )


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="A dataset of the test split.")
@click.option("--clips", default=60, show_default=True, help="At most this many clips.")
@click.option("--seed", default=0, show_default=True)
def main(run: Path, data: Path, clips: int, seed: int) -> None:
    """Measure a trained RUN on held-out voices and identities; the last line is one JSON object."""
    torch.set_num_threads(1)
    kept = [clip for clip in read_dataset(data, "test") if len(clip.phones) > 0][:clips]
    if len(kept) < 2:
        raise click.UsageError(f"{data} has {len(kept)} test clips: make some with `voxmesh talker make --split test`")
    where = Run(run)
    step, codes = load_step(where), load_codes(where)
    rig = torch.from_numpy(where.load_arrays("rig")["to_coefficients"])
    avatars = [build_avatar(i) for i in range(IDENTITIES - HELD_OUT_IDENTITIES, IDENTITIES)]
    lips = lip_errors(step, codes, kept, avatars, rig, seed)
    swap = cross_modality(step, codes, kept, rig)
    click.echo("| lip error, mm (held-out voices and identities) | |")
    click.echo("|---|---|")
    click.echo(f"| live model | {lips.model:.2f} |")
    click.echo(f"| neutral face held still | {lips.neutral:.2f} |")
    click.echo(f"| same model, another clip's audio | {lips.shuffled:.2f} |")
    click.echo(f"| stage one, shown the truth | {lips.reconstruction:.2f} |\n")
    click.echo("| mean motion when swapped, mm | mouth | upper face | ratio |")
    click.echo("|---|---|---|---|")
    click.echo(
        f"| audio | {swap.audio_mouth:.3f} | {swap.audio_upper:.3f} | {swap.audio_mouth / swap.audio_upper:.1f} |"
    )
    ratio = swap.expression_upper / swap.expression_mouth
    click.echo(f"| expression | {swap.expression_mouth:.3f} | {swap.expression_upper:.3f} | {ratio:.1f} |\n")
    click.echo(json.dumps({"clips": len(kept), **vars(lips), **vars(swap)}))


if __name__ == "__main__":
    main()
