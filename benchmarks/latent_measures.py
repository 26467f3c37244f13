"""What a latent space keeps of a face, how well it can be foretold, and what the live model makes of it."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from mouth import measure
from short_measures import Listening, lip_figures
from voxmesh.model.evaluate import speak
from voxmesh.model.face_metric import MILLIMETRES
from voxmesh.model.step import Live, Step
from voxmesh.model.talker.dataset import FPS
from voxmesh.model.train_codes import Codes
from voxmesh.stream.features import FeatureConfig, log_mel
from voxmesh.stream.topology import LANDMARKS


@torch.inference_mode()
def measure_codes(codes: Codes, live: Live, features: FeatureConfig, what: Listening) -> dict[str, float]:
    """Stage one's reconstruction and leaks, rms in mm, and stage two's perplexity, over the held-out clips heard clean.

    Perplexity is exp of the mean cross-entropy (natural logarithm) of the heads that do not follow the audio; the
    others are stage one's own.
    """
    clips, metric = what.sets["clean"], what.metric
    squares: dict[str, float] = defaultdict(float)
    entropy, frames = 0.0, 0
    pairs = zip(clips, clips[1:] + clips[:1], strict=True)
    for clip, other in tqdm(pairs, total=len(clips), desc="measure codes", unit="clip"):
        count = min(len(clip.curves), len(other.curves))
        sounds = [torch.from_numpy(log_mel(one.audio, features)[:count])[None] for one in (clip, other)]
        faces = [what.truth(one)[None, :count] for one in (clip, other)]
        heard = [codes.hear(codes.mouth.encode(sound)).argmax(-1) for sound in sounds]
        seen = [codes.see(codes.expression(face)).argmax(-1) for face in faces]
        labels = [torch.cat([heard[i], seen[j]], 2) for i, j in ((0, 0), (0, 1), (1, 0))]
        whole, shown_other, heard_other = (
            codes.decode(functional.one_hot(label, codes.decoder.classes).float()) for label in labels
        )
        for name, region, difference in (
            ("mouth_rms_mm", "mouth", whole - faces[0]),
            ("upper_rms_mm", "upper", whole - faces[0]),
            ("mouth_swapped_mm", "mouth", shown_other - whole),
            ("upper_swapped_mm", "upper", heard_other - whole),
        ):
            squares[name] += float(metric.region(region, difference).sum())
        logits = live(sounds[0], seen[0], seen[0])[:, :, -seen[0].shape[2] :]
        entropy += count * float(functional.cross_entropy(logits.movedim(-1, 1), seen[0]))
        frames += count
    found = {name: round((total / frames) ** 0.5, 4) for name, total in squares.items()}
    return found | {"perplexity": round(math.exp(entropy / frames), 3)}


def measure_live(step: Step, temperature: np.ndarray, what: Listening, clips: int) -> dict[str, Any]:
    """The live model, frame by frame, on the neutral identity, at a `temperature` (H,) for each head.

    Of the first `clips` held-out ones ("live") and all real recordings ("live_real"): the figures of `lip_sync.py`; of
    the former lip_error_mm and upper_activity too, the standard deviation of the upper face's vertices in time as a
    share of the truth's.
    """
    topology = what.avatar.topology
    template, lips = topology.template, what.avatar.parts["lips"]
    upper = topology.regions["upper"] > 0
    landmarks = [topology.landmarks[name] for name in LANDMARKS]
    found: dict[str, Any] = {}
    for name, chosen in (("live", what.sets["clean"][:clips]), ("live_real", what.sets.get("real", []))):
        if not chosen:
            continue
        motions, truths = [], []
        lip_error, frames, active, truly_active = 0.0, 0, 0.0, 0.0
        for i, clip in enumerate(tqdm(chosen, desc=name, unit="clip")):
            vertices = speak(step, clip.audio, template, temperature, i)
            motions.append(measure(vertices[:, landmarks], template[landmarks], float(FPS)))
            truths.append(what.motion(what.truth(clip)))
            lips_true = np.einsum("ts,svx->tvx", clip.curves, what.avatar.deltas[:, lips])
            upper_true = np.einsum("ts,svx->tvx", clip.curves, what.avatar.deltas[:, upper])
            lip_error += float(np.linalg.norm(vertices[:, lips] - template[lips] - lips_true, axis=2).max(1).sum())
            active += len(vertices) * float(vertices[:, upper].std(axis=0).mean())
            truly_active += len(vertices) * float(upper_true.std(axis=0).mean())
            frames += len(vertices)
        found[name] = lip_figures(chosen, motions, truths)
        if name == "live":
            found[name]["lip_error_mm"] = round(lip_error / frames * MILLIMETRES, 4)
            found[name]["upper_activity"] = round(active / max(truly_active, 1e-9), 4)
    return found
