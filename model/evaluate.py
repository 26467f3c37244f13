"""How good is a face on voices and identities it never met? `python -m voxmesh.model.evaluate RUN --data DIR`.

Lip error: mean over frames of the largest distance of a lip vertex from the truth, in mm (as MeshTalk reports it).
Cross-modality: how far the mouth and the upper face move when the other clip's audio, or expression, is put in.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from voxmesh.model.avatar.build import HELD_OUT, IDENTITIES, Avatar, build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.latent import FREE_TEMPERATURE
from voxmesh.model.lookahead import frames_late, with_delay
from voxmesh.model.step import Step
from voxmesh.model.talker.dataset import Clip, read_dataset
from voxmesh.model.train_codes import Codes, load_codes
from voxmesh.model.train_context import load_live
from voxmesh.model.train_decoder import load_decoder
from voxmesh.stream.features import log_mel
from voxmesh.stream.noise import Noise


def load_step(run: Run, lookahead_ms: float | None = None) -> Step:
    """The trained networks as the streaming step, in eval mode; its config has the look-ahead."""
    live, config = load_live(run, lookahead_ms), run.config()
    features = with_delay(config.features, frames_late(config.features, lookahead_ms))
    decoder = load_decoder(run, lookahead_ms)
    return Step(replace(config, features=features), live, decoder, run.load_face()).eval()


def head_temperature(config: ModelConfig) -> np.ndarray:
    """(H,) float32. Heads that follow the audio say what is most probable, the free ones sample.

    So another seed is another upper face and the same mouth, and lips do not waver. A blink is a run of rare labels in
    several heads, and one common label ends it: at 1 an earlier model blinked half as often as its training data, at
    `FREE_TEMPERATURE` as often (`benchmarks/upper_face.py`).
    """
    return np.repeat([0.0, FREE_TEMPERATURE], [config.heard_heads, config.free_heads]).astype(np.float32)


@torch.inference_mode()
def speak(
    step: Step,
    audio: np.ndarray,
    template: np.ndarray,
    temperature: np.ndarray,
    seed: int,
    style: np.ndarray | None = None,
) -> np.ndarray:
    """(N,) samples -> (T, V, 3) metres, sampled frame by frame by the very step that is exported.

    style: (S,) for networks that know styles, neutral where there is none.
    """
    config = step.config
    states = list(step.initial().values())
    neutral = torch.from_numpy(template)
    constant = [neutral[None], step.face.shape(neutral)[None]]
    if config.style_dims:
        constant.append(torch.zeros(1, config.style_dims) if style is None else torch.from_numpy(style)[None])
    noise, frames = Noise(seed, temperature, config.classes), []
    for t, features in enumerate(torch.from_numpy(log_mel(audio, config.features))):
        drawn = torch.from_numpy(noise.frame(t))[None]
        vertices, _, *states = step(features[None], drawn, *constant, *states)
        frames.append(vertices[0].numpy())
    return np.stack(frames)


@torch.inference_mode()
def reconstruct(step: Step, codes: Codes, heard: Clip, shown: Clip, rig: Tensor) -> Tensor:
    """(T, K) coefficients of stage one, hearing one clip and shown another's expression; as long as the shorter.

    In the mood of the one that is shown.
    """
    frames = min(len(heard.curves), len(shown.curves))
    calm = shown.curves if shown.calm is None else shown.calm
    features = torch.from_numpy(log_mel(heard.audio, step.config.features)[:frames])[None]
    logits = codes.logits(features, torch.from_numpy(calm[:frames])[None] @ rig)
    latent = torch.nn.functional.one_hot(logits.argmax(-1), step.config.classes).float()
    return codes.decode(latent, torch.from_numpy(shown.style)[None, None])[0]


@dataclass(frozen=True)
class LipError:
    """Mean over frames of the largest lip-vertex distance, mm."""

    model: float
    neutral: float
    shuffled: float
    reconstruction: float


def lip_errors(step: Step, codes: Codes, clips: list[Clip], avatars: list[Avatar], rig: Tensor, seed: int) -> LipError:
    """Every clip on one of the held-out identities.

    `shuffled` is the model hearing another clip; `reconstruction` is stage one, shown the truth.
    """
    temperature = head_temperature(step.config)
    sums = np.zeros(4)
    frames = 0
    for i, clip in enumerate(tqdm(clips, desc="lip error", unit="clip")):
        avatar = avatars[i % len(avatars)]
        template, lips = avatar.topology.template, avatar.parts["lips"]
        truth = np.einsum("ts,svx->tvx", clip.curves, avatar.deltas[:, lips])
        other = np.resize(clips[(i + 1) % len(clips)].audio, len(clip.audio))
        identity = step.face.shape(torch.from_numpy(template))
        offsets = [
            speak(step, clip.audio, template, temperature, seed + i, clip.style)[:, lips] - template[lips],
            np.zeros_like(truth),
            speak(step, other, template, temperature, seed + i, clip.style)[:, lips] - template[lips],
            step.face.offsets(reconstruct(step, codes, clip, clip, rig) @ identity)[:, lips].numpy(),
        ]
        sums += [np.linalg.norm(offset - truth, axis=2).max(axis=1).sum() * 1000.0 for offset in offsets]
        frames += len(truth)
    return LipError(*(float(x) for x in sums / frames))


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
    moved: dict[tuple[str, str], list[float]] = defaultdict(list)
    for clip, other in zip(tqdm(clips, desc="cross-modality", unit="clip"), clips[1:] + clips[:1], strict=True):
        own = step.face.offsets(reconstruct(step, codes, clip, clip, rig))
        for swap, heard, shown in (("audio", other, clip), ("expression", clip, other)):
            swapped = step.face.offsets(reconstruct(step, codes, heard, shown, rig))
            distance = (swapped - own[: len(swapped)]).norm(dim=2).numpy()
            for region in ("mouth", "upper"):
                moved[swap, region].append(float(distance[:, regions[region] > 0].mean()) * 1000.0)
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
    avatars = [build_avatar(i) for i in range(IDENTITIES - HELD_OUT, IDENTITIES)]
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
