"""A speaking face measured on a store's clips as the field's papers do: tables of them, whatever makes the vertices.

A face is a function speak(clip, style) -> (T, V, 3) offsets in metres from the clip's template. What style it is given
is the protocol:

- `live`: none. It hears, and makes up the rest.
- `self`: the clip's own motion. It leaks: the truth is put in. MM 2023's upper bound.
- `style`: another clip of the same subject, the next one by name; clips of subjects with one only are left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from voxmesh.model.datasets.mesh_store import MeshStore
from voxmesh.model.landmark_measures import Phone, aucs, blinks, readings
from voxmesh.model.metrics import (
    face_dynamics_deviation,
    lip_error_mm,
    lip_vertex_error_mm2,
    region_errors,
    upper_dynamics,
)
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import LANDMARKS

PROTOCOLS = {
    "live": "hears the clip",
    "self": "style from the target itself, which leaks",
    "style": "style from another clip of the subject",
    "neutral": "the template held still",
    "truth": "the capture itself, for what needs no truth",
}


@dataclass(frozen=True, eq=False)
class Take:
    """One clip of a store to a face that speaks it."""

    store: MeshStore
    index: int

    @property
    def subject(self) -> str:
        return self.store.clips[self.index].subject

    @property
    def name(self) -> str:
        return f"{self.subject}/{self.store.clips[self.index].name}"

    @property
    def template(self) -> np.ndarray:
        """(V, 3) float32 metres."""
        return self.store.templates[self.subject]

    @property
    def audio(self) -> np.ndarray:
        """(N,) float32 at the store's rate."""
        return self.store.audio(self.index)

    def features(self) -> np.ndarray:
        """(T, F) float32."""
        return self.store.rows(self.index).features

    def offsets(self) -> np.ndarray:
        """(T, V, 3) float32 metres from the template."""
        return self.store.offsets(self.index)


Speak = Callable[[Take, Take | None], np.ndarray]


@dataclass(frozen=True)
class Marks:
    """What the measures are read from. lips, upper: (V,) bool. masks: name -> (V,) weights, for `region_errors`.

    landmarks: vertices in the order of LANDMARKS. phones: SUBJECT/CLIP -> its phones, of clips that have any.
    """

    lips: np.ndarray
    upper: np.ndarray
    masks: dict[str, np.ndarray]
    landmarks: list[int]
    phones: dict[str, list[Phone]] = field(default_factory=dict)


def marks_of(
    store: MeshStore, regions: dict[str, np.ndarray], landmarks: dict[str, int], phones: Path | None = None
) -> Marks:
    """The store's own masks; those of `regions` (V,) where it has none. phones: a folder, see `read_phones`."""
    masks = {name: store.masks.get(name, regions[name]).astype(np.float64) for name in ("mouth", "upper")}
    lips, upper = (masks[name] >= 0.5 * masks[name].max() for name in ("mouth", "upper"))
    return Marks(lips, upper, masks, [landmarks[name] for name in LANDMARKS], read_phones(phones) if phones else {})


def read_phones(folder: Path) -> dict[str, list[Phone]]:
    """SUBJECT/CLIP.phones.json, lists of [ARPAbet phone, start_s, end_s]. Raises VoxmeshError for any other file."""
    found = {}
    for path in sorted(folder.glob("*/*.phones.json")):
        try:
            phones = [(str(n).rstrip("012").upper(), float(a), float(b)) for n, a, b in json.loads(path.read_text())]
        except (OSError, ValueError, TypeError) as error:
            raise VoxmeshError(f"{path} is no list of [phone, start_s, end_s]: {error}") from error
        found[f"{path.parent.name}/{path.name.removesuffix('.phones.json')}"] = phones
    if not found:
        raise VoxmeshError(f"{folder} has no SUBJECT/CLIP.phones.json")
    return found


def evaluate(store: MeshStore, speak: Speak, protocol: str, marks: Marks, clips: int | None = None) -> dict[str, Any]:
    """The measures of one protocol over the first `clips` (all) of the store: a row of the table, as plain data.

    Means over the clips' frames; `motion_mm` (of the upper face) and blinks are of what speaks. FDD is signed;
    `fdd_mm2` is of squared distances (`metrics.py`), `fdd_mm` of distances.
    """
    sums: dict[str, float] = defaultdict(float)
    frames, counted, said = 0, 0, defaultdict(list)
    fps = store.features.clock.fps
    for take, style in tqdm(list(takes(store, protocol))[:clips], desc=protocol, unit="clip", disable=None):
        truth, got = same_length(take.offsets(), speak(take, style))
        got, truth = got + take.template, truth + take.template
        points, rest = got[:, marks.landmarks], take.template[marks.landmarks]
        seen = blinks(points, rest, fps)
        row = {f"blinks_{kind}": value for kind, value in (seen or {}).items()}
        row["motion_mm"] = upper_dynamics(got - take.template, marks.upper, squared=False)
        if protocol != "truth":
            row |= _errors(truth, got, take.template, marks)
        for name, value in row.items():
            sums[name] += value * len(truth)
        frames, counted = frames + len(truth), counted + 1
        for name, values in readings(points, rest, fps, marks.phones.get(take.name, [])).items():
            said[name] += values
    if not counted:
        raise VoxmeshError(f"{store.folder} has no clip for the protocol {protocol}: no subject has two clips")
    told = {f"auc_{name}": value for name, value in aucs(said).items() if value is not None}
    return {"clips": counted, "frames": frames, **{name: total / frames for name, total in sums.items()}, **told}


def _errors(truth: np.ndarray, got: np.ndarray, template: np.ndarray, marks: Marks) -> dict[str, float]:
    row = {
        "lip_mm": lip_error_mm(truth, got, marks.lips),
        "lve_mm2": lip_vertex_error_mm2(truth, got, marks.lips),
        "fdd_mm2": face_dynamics_deviation(truth, got, template, marks.upper),
        "fdd_mm": face_dynamics_deviation(truth, got, template, marks.upper, squared=False),
    }
    for region, errors in region_errors(truth, got, marks.masks).items():
        row |= {f"{region}_{kind}": value for kind, value in vars(errors).items()}
    return row


def takes(store: MeshStore, protocol: str) -> Iterator[tuple[Take, Take | None]]:
    """Every clip, and the clip that its style comes from."""
    of: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(store.clips):
        of[clip.subject].append(index)
    for index, clip in enumerate(store.clips):
        mates = of[clip.subject]
        if protocol == "style" and len(mates) < 2:
            continue
        other = {"self": index, "style": mates[(mates.index(index) + 1) % len(mates)]}.get(protocol)
        yield Take(store, index), None if other is None else Take(store, other)


def neutral(take: Take, style: Take | None) -> np.ndarray:
    """A face that never moves: what every other is to be better than."""
    return np.zeros_like(take.offsets())


def captured(take: Take, style: Take | None) -> np.ndarray:
    """The truth: how often it blinks, and what its lips tell, is what the others are to come near."""
    return take.offsets()


def same_length(truth: np.ndarray, got: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both cut to the shorter. Raises VoxmeshError when they are of other meshes."""
    if truth.shape[1:] != got.shape[1:]:
        raise VoxmeshError(f"the store's mesh has {truth.shape[1]} vertices, the face that speaks {got.shape[1]}")
    frames = min(len(truth), len(got))
    return truth[:frames], got[:frames]


def resized(rows: np.ndarray, frames: int) -> np.ndarray:
    """(T, ...) -> (frames, ...): cut, or said again from the start."""
    return rows[np.arange(frames) % len(rows)]


COLUMNS = {
    "lip_mm": "lip error, mm",
    "lve_mm2": "LVE, mm²",
    "fdd_mm2": "FDD, mm²",
    "fdd_mm": "FDD, mm",
    **{
        f"{region}_{kind}": f"{region} {title}"
        for region in ("mouth", "upper", "all")
        for kind, title in (("mean_mm", "mean"), ("max_mm", "max"), ("dtw_mm", "DTW"), ("dtw_mean_mm", "DTW / path"))
    },
    "motion_mm": "upper face moves, mm",
    "blinks_per_minute": "blinks / min",
    "blinks_mean_ms": "blink, ms",
    **{f"auc_{name}": f"AUC {name}" for name in ("bilabial", "labiodental", "rounded", "spread", "open")},
    "perplexity": "context perplexity",
}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown, a line a measure and a column a protocol: it fits a page however many measures there are."""
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for name, title in COLUMNS.items():
        values = [row.get(name) for row in results.values()]
        if any(value is not None for value in values):
            cells = [
                "" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}" for value in values
            ]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    notes = [
        f"- {name}: {PROTOCOLS[name]}; {row['clips']} clips, {row['frames']} frames" for name, row in results.items()
    ]
    return "\n".join([*lines, "", *notes]) + "\n"
