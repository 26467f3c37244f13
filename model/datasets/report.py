"""What `voxmesh data check` says of a data set, in one screen, and its picture."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from voxmesh.model.datasets.dataset import SPLITS, BadFile, Dataset, Problem
from voxmesh.stream.errors import VoxmeshError

# The data (model) and the drawing (viewer) do not know each other; as for `voxmesh avatar`, they meet by name.
CLIP, SHEET = "voxmesh.viewer.clip", "voxmesh.viewer.sheet"
SHOWN_PROBLEMS = 24
_SKIN, _MARKED = np.array([214, 206, 198]), np.array([206, 62, 48])


def describe(dataset: Dataset, rates: Counter[int]) -> str:
    """What there is. rates: how many clips have sound at each rate."""
    splits = Counter(sequence.split for sequence in dataset.sequences)
    minutes = sum(sequence.seconds for sequence in dataset.sequences) / 60
    fps = sorted({sequence.fps for sequence in dataset.sequences})
    names = dataset.subjects
    silent = sum(sequence.sound is None for sequence in dataset.sequences)
    sound = ", ".join(f"{rate} Hz ({count})" for rate, count in sorted(rates.items())) or "none"
    poses = sum(sequence.read_pose is not None for sequence in dataset.sequences)
    masks = ", ".join(f"{name} {int((mask > 0).sum())}" for name, mask in dataset.masks.items()) or "none"
    rows = {
        "layout": dataset.layout,
        "subjects": f"{len(names)}: {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}",
        "sequences": f"{len(dataset.sequences)} ({', '.join(f'{splits[s]} {s}' for s in SPLITS if splits[s])})",
        "minutes": f"{minutes:.2f}",
        "mesh": f"{dataset.vertices} vertices, {len(dataset.faces)} triangles",
        "unit": dataset.unit,
        "fps": ", ".join(str(rate) for rate in fps) or "none",
        "audio": sound + (f", {silent} without" if silent else ""),
        "templates": f"{len(dataset.templates)}",
        "masks": f"{masks} (vertices)" if dataset.masks else masks,
        "head pose": f"{poses} sequences" if poses else "none apart from the mesh",
    }
    return "\n".join(f"  {name:<10} {text}" for name, text in rows.items())


def list_problems(problems: list[Problem], folder: Path, shown: int) -> str:
    """One line each, the bad ones first, paths as seen from the folder."""
    ordered = sorted(problems, key=lambda problem: not problem.bad)
    lines = [f"  {'bad ' if p.bad else 'note'} {relative(p.path, folder)}: {p.text}" for p in ordered[:shown]]
    if len(ordered) > shown:
        lines.append(f"  ... and {len(ordered) - shown} more: --all lists them")
    return "\n".join(lines)


def relative(path: Path, folder: Path) -> str:
    """The path as seen from the folder, where it lies inside."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) and path != folder else str(path)


def draw(dataset: Dataset, output: Path) -> None:
    """A sheet of the first frame of each subject, then of each mask on the first template.

    Raises VoxmeshError when there are no triangles, or nothing to draw with.
    """
    if not len(dataset.faces) or not dataset.templates:
        raise VoxmeshError(f"{dataset.folder} has no triangles or no template: there is nothing to draw")
    clip, sheet = import_module(CLIP), import_module(SHEET)
    cells: list[Any] = []
    for subject in dataset.subjects:
        vertices = _first_frame(dataset, subject)
        if vertices is not None:
            cells.append(sheet.Cell(subject, clip.with_look(vertices, dataset.faces), vertices))
    template = next(iter(dataset.templates.values()))
    for name, mask in dataset.masks.items():
        share = np.clip(mask, 0, 1)[:, None]
        albedo = np.round(_SKIN * (1 - share) + _MARKED * share).astype(np.uint8)
        cells.append(sheet.Cell(f"mask: {name}", clip.with_look(template, dataset.faces, albedo), template))
    sheet.draw_sheet(cells, output)
    click.echo(f"wrote {output}")


def _first_frame(dataset: Dataset, subject: str) -> np.ndarray | None:
    """The first frame that can be drawn, or the template; None when the subject has neither."""
    for sequence in dataset.sequences:
        if sequence.subject != subject:
            continue
        try:
            vertices = sequence.vertices(0, 1)[0]
        except BadFile:
            continue
        if np.isfinite(vertices).all() and len(vertices) == dataset.vertices:
            return vertices
    return dataset.templates.get(subject)
