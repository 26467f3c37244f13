"""Any data set into one store: meshes on our clock as offsets from the template, features, and the sound itself.

Written clip by clip, each put in place whole, `store.json` last: killed at any time and run again, it goes on, and the
result is the same to the byte. A store is

    store.json              what it is, and its clips: file, subject, name, split, frames, samples, silent
    face.safetensors        faces (F, 3) int32; template.SUBJECT (V, 3) float32 metres; mask.NAME (V,) float32
    clips/NNNNNN.safetensors  offsets (T, V, 3) float16 metres from the template; features (T, F) float16;
                            audio (samples,) int16; pose (T, 3, 4) float32 where there is one

Row t of all of them is frame t of the clock, which depicts sample floor(t * rate / fps) of the sound. A float16 offset
is off by at most 1/2048 of itself: 10 micrometres at 20 mm.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tqdm import tqdm

from voxmesh.model.datasets.dataset import Dataset, Problem, Sequence
from voxmesh.model.datasets.examine import Recording, examine
from voxmesh.model.datasets.report import relative
from voxmesh.model.datasets.timing import at_rate, on_clock, rigid, samples_of
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig, log_mel

FORMAT = 1
_LARGEST_OFFSET_M = 1.0


def prepare_store(
    dataset: Dataset,
    folder: Path,
    config: FeatureConfig,
    *,
    skip_bad: bool = False,
    everything: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Write the store of a data set into `folder`, or finish it.

    skip_bad: go on without what is bad, and say so; otherwise the first bad thing raises VoxmeshError.
    everything: also the clips that the published split leaves out; those without sound then have silence.
    """
    bad = [problem for problem in dataset.problems if problem.bad]
    if bad and not skip_bad:
        raise VoxmeshError(_advice(bad, dataset.folder))
    chosen = [s for s in dataset.sequences if everything or s.split != "unused"]
    if not chosen:
        raise VoxmeshError(f"{dataset.folder} has no clip in a published split: --all takes the others too")
    about = {
        "format": FORMAT,
        "layout": dataset.layout,
        "data": str(dataset.folder.resolve()),
        "everything": everything,
        "features": asdict(config),
        "unit": dataset.unit,
        "vertices": dataset.vertices,
    }
    _claim(folder, about)
    _write(folder / "face.safetensors", _face(dataset))
    left_out = [{"file": relative(p.path, dataset.folder), "why": p.text} for p in bad]
    clips = []
    for index, sequence in enumerate(tqdm(chosen, desc="prepare", unit="clip", disable=None)):
        path = folder / "clips" / f"{index:06d}.safetensors"
        if not path.is_file():
            recording, problems = examine(dataset, sequence)
            if recording is None:
                wrong = [problem for problem in problems if problem.bad]
                if not skip_bad:
                    raise VoxmeshError(_advice(wrong, dataset.folder))
                for problem in wrong:
                    say(f"left out: {relative(problem.path, dataset.folder)}: {problem.text}")
                    left_out.append({"file": relative(problem.path, dataset.folder), "why": problem.text})
                continue
            _write(path, *_clip(dataset, sequence, recording, config))
        clips.append({"file": f"clips/{path.name}", **_note(path)})
    if not clips:
        raise VoxmeshError(f"nothing of {dataset.folder} could be used: see `voxmesh data check {dataset.folder}`")
    _replace(folder / "store.json", _json({**about, "clips": clips, "left_out": left_out}))


def _clip(
    dataset: Dataset, sequence: Sequence, recording: Recording, config: FeatureConfig
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of one clip, as long as the shorter of mesh and sound, and the note that the store lists."""
    clock = config.clock
    samples = samples_of(sequence.ticks, sequence.fps, clock.sample_rate)
    audio = np.zeros(samples, np.int16)
    if recording.audio is not None:
        sound = at_rate(recording.audio, recording.rate, clock.sample_rate)[:samples]
        samples = len(sound)
        audio = np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
    template = dataset.templates[sequence.subject]
    offsets = on_clock(recording.vertices - template, sequence.ticks, sequence.fps, clock, samples)
    np.clip(offsets, -_LARGEST_OFFSET_M, _LARGEST_OFFSET_M, out=offsets)
    # Of the samples as they are stored: whoever has the store can compute them again.
    features = log_mel(audio.astype(np.float32) / 32767.0, config)
    arrays = {"offsets": offsets.astype(np.float16), "features": features.astype(np.float16), "audio": audio}
    if recording.pose is not None:
        arrays["pose"] = rigid(on_clock(recording.pose, sequence.ticks, sequence.fps, clock, samples))
    note = {
        "subject": sequence.subject,
        "name": sequence.name,
        "split": sequence.split,
        "frames": len(offsets),
        "samples": samples,
        "silent": recording.audio is None,
    }
    return arrays, {"clip": json.dumps(note)}


def _face(dataset: Dataset) -> dict[str, np.ndarray]:
    templates = {f"template.{subject}": points for subject, points in dataset.templates.items()}
    masks = {f"mask.{name}": mask for name, mask in dataset.masks.items()}
    return {"faces": np.asarray(dataset.faces, np.int32), **templates, **masks}


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Begin a store, or go on with one of the same data and settings. Raises VoxmeshError for any other."""
    path = folder / "settings.json"
    text = _json(about)
    if path.is_file():
        if path.read_bytes() == text:
            return
        old = json.loads(path.read_text("utf-8"))
        other = ", ".join(key for key in about if old.get(key) != about[key])
        raise VoxmeshError(f"{folder} holds a store with other settings ({other}): give another folder, or delete it")
    begun = {"clips", f"{path.name}.part"}  # all that is there when it was killed before its first line
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} - begun:
        raise VoxmeshError(f"{folder} is not empty and no store: give a new folder")
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    _replace(path, text)


def _note(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            return json.loads(file.metadata()["clip"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise VoxmeshError(f"{path} is damaged ({error}): delete it and run this again") from error


def _write(path: Path, arrays: dict[str, np.ndarray], note: dict[str, str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, note))


def _replace(path: Path, data: bytes) -> None:
    """The whole file or none of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _advice(bad: list[Problem], folder: Path) -> str:
    shown = "; ".join(f"{relative(p.path, folder)}: {p.text}" for p in bad[:5])
    more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
    return f"{folder} has bad files: {shown}{more}. Mend them, or go on without with --skip-bad"
