"""What the ablations measure, and on what: held-out synthetic voices, the same in rooms and noise, real recordings.

The mouth is read from the landmarks of decoded coefficients on the neutral identity, by `lip_figures.py`; no graph is
exported and no engine runs. Truth is the clip's own curves; for real recordings, where nobody knows it, those of the
articulation model for their phones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from lip_figures import Samples, nonspeech_samples, speech_samples
from lip_sync import as_json, figures, pooled, read_phones
from mouth import Motion, measure
from voxmesh.model.avatar.build import Avatar, build_avatar
from voxmesh.model.face_metric import MILLIMETRES, FaceMetric
from voxmesh.model.prepare import Prepared, mouth_columns
from voxmesh.model.talker.articulation import articulate
from voxmesh.model.talker.augment import augment
from voxmesh.model.talker.dataset import FPS, SAMPLE_RATE, Clip, frames_of, read_dataset
from voxmesh.model.train_audio import MouthReader
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel
from voxmesh.stream.resample import Resampler
from voxmesh.stream.topology import LANDMARKS

SETS = ("clean", "noisy", "real")


@dataclass(frozen=True)
class Listening:
    """What is listened to, by set, and the face that is read.

    about: what tells these recordings from others. avatar: the neutral identity. to_coefficients: (52, K), its rig.
    """

    about: dict[str, Any]
    sets: dict[str, list[Clip]]
    metric: FaceMetric
    to_coefficients: torch.Tensor
    avatar: Avatar

    def motion(self, coefficients: torch.Tensor) -> Motion:
        """(T, K) -> the mouth's motion on the neutral identity."""
        topology = self.avatar.topology
        rest = topology.template[[topology.landmarks[name] for name in LANDMARKS]]
        moved = (coefficients @ self.metric.landmarks).unflatten(1, (-1, 3)).numpy() / MILLIMETRES
        points = moved[:, [self.metric.names.index(name) for name in LANDMARKS]]
        return measure(rest + points, rest, float(FPS))

    def truth(self, clip: Clip, mouth_only: bool = False) -> torch.Tensor:
        """(T, K): the clip's curves as coefficients; those that speech moves, where `mouth_only`."""
        curves = clip.curves * mouth_columns() if mouth_only else clip.curves
        return torch.from_numpy(curves) @ self.to_coefficients


def listening(p: Prepared, valid: Path, clips: int, real: Path | None) -> Listening:
    """Raises VoxmeshError when there are no validation clips or a recording is not as `lip_sync.py` wants it."""
    clean = list(read_dataset(valid)[:clips])
    if not clean:
        raise VoxmeshError(f"no clips in {valid}: make some with `voxmesh talker make -o {valid} --split valid`")
    noisy = [replace(clip, audio=augment(clip.audio, np.random.default_rng([7, i]))) for i, clip in enumerate(clean)]
    recordings = [recording(path) for path in sorted(real.glob("*.wav"))] if real else []
    sets = {"clean": clean, "noisy": noisy, **({"real": recordings} if real else {})}
    about = {"valid": str(valid.resolve()), "clips": len(clean), "real": [clip.text for clip in recordings]}
    return Listening(about, sets, p.metric, p.to_coefficients, build_avatar(0))


def recording(path: Path) -> Clip:
    """A real recording and its NAME.phones.json, with the articulation model's curves for them."""
    phones = read_phones(path.with_suffix(".phones.json"))
    with AudioFile(path) as file:
        resampler = Resampler(file.rate, SAMPLE_RATE)
        audio = np.concatenate([*(resampler.push(block) for block in file.blocks()), resampler.flush()])
    frames = frames_of(len(audio))
    curves = articulate(phones, frames) if phones else np.zeros((frames, len(mouth_columns())))
    return Clip(audio, curves.astype(np.float32), phones, "real", "", path.stem, "real")


@torch.inference_mode()
def measure_reader(reader: MouthReader, features: FeatureConfig, what: Listening) -> dict[str, Any]:
    """Every figure of what a trained read-out makes of each set, and the mouth's root mean square error in mm."""

    def hear(clip: Clip) -> torch.Tensor:
        return reader(torch.from_numpy(log_mel(clip.audio, features))[None])[1][0]

    found = {}
    for name, clips in what.sets.items():
        heard = [hear(clip) for clip in tqdm(clips, desc=f"measure {name}", unit="clip")]
        truths = [what.truth(clip, mouth_only=True) for clip in clips]
        motions = [what.motion(coefficients) for coefficients in heard]
        found[name] = lip_figures(clips, motions, [what.motion(truth) for truth in truths])
        if name != "real":
            difference = torch.cat(heard) - torch.cat(truths)
            found[name]["mouth_rms_mm"] = round(what.metric.rms("mouth", difference), 4)
    return found


def lip_figures(clips: list[Clip], motions: list[Motion], truths: list[Motion]) -> dict[str, Any]:
    """All clips' figures, phones pooled, as `lip_sync.py` has them: value, interval and number each."""
    speech = [motion.aperture for clip, motion in zip(clips, motions, strict=True) if clip.phones]
    loudest = float(np.percentile(np.concatenate(speech), 95)) if speech else 1.0
    samples: list[Samples] = []
    for clip, motion, truth in zip(clips, motions, truths, strict=True):
        spoken = [phone for phone in clip.phones if phone[1] < motion.seconds]
        samples.append(speech_samples(spoken, motion, truth) if spoken else nonspeech_samples(motion, loudest))
    return as_json(figures(pooled(samples)))


def value(found: dict[str, Any], name: str, figure: str) -> float | None:
    """One number of what was measured; None where the set or the figure is not there."""
    entry = found.get(name, {}).get(figure)
    return entry["value"] if isinstance(entry, dict) else entry


def table(rows: dict[str, dict[str, Any]], columns: Sequence[tuple[str, str, str, int]], first: str) -> str:
    """A markdown table. columns: (title, set, figure, digits after the point). first: the title of the rows' names."""

    def cell(found: dict[str, Any], name: str, figure: str, digits: int) -> str:
        number = value(found, name, figure)
        return "-" if number is None else f"{number:.{digits}f}"

    lines = [f"| {first} | " + " | ".join(title for title, *_ in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(cell(found, *which) for _, *which in columns) + " |" for name, found in rows.items()
    ]
    return "\n".join(lines)
