"""Which layouts there are, and which one a folder is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from voxmesh.model.datasets import biwi, meshtalk, multiface, plain, vocaset
from voxmesh.model.datasets.dataset import Dataset
from voxmesh.stream.errors import VoxmeshError

LAYOUTS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Dataset], str]] = {
    "multiface": (multiface.is_multiface, multiface.read_multiface, "m--*/tracked_mesh/SEGMENT/FRAME.bin"),
    "vocaset": (vocaset.is_published, vocaset.read_published, "data_verts.npy and subj_seq_to_idx.pkl"),
    "vocaset-mm": (vocaset.is_mm2023, vocaset.read_mm2023, "verts_data.pkl"),
    "meshtalk": (meshtalk.is_meshtalk, meshtalk.read_meshtalk, "mesh_sequences/SUBJECT/SEQ.npy"),
    "plain": (plain.is_plain, plain.read_plain, "dataset.json and meshes/SUBJECT/CLIP.npy"),
    "biwi": (biwi.is_biwi, biwi.read_biwi, "F1/e01.npy"),
}
"""name -> (does a folder look like it, its reader, what it looks for)."""


def detect(folder: Path) -> str:
    """The name of the first layout that the folder looks like. Raises VoxmeshError when there is none."""
    if not folder.is_dir():
        raise VoxmeshError(f"{folder}: no such folder")
    for name, (looks_like, _, _) in LAYOUTS.items():
        if looks_like(folder):
            return name
    known = "; ".join(f"{name} by {sign}" for name, (_, _, sign) in LAYOUTS.items())
    raise VoxmeshError(f"{folder} is in no layout that is known: {known}. Give the folder that holds these")


def read_dataset(folder: Path, layout: str | None = None) -> Dataset:
    """The data set in a folder. Nothing but names and headers is read, and templates and masks.

    Raises VoxmeshError when its layout is not known, and BadFile when a file without which nothing goes is missing,
    damaged or refused.
    """
    return LAYOUTS[layout or detect(folder)][1](folder)
