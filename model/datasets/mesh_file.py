"""A mesh of a data set: one that cannot be read is a `BadFile`, to be listed or skipped like any other."""

from __future__ import annotations

from pathlib import Path

from voxmesh.model.datasets.dataset import BadFile
from voxmesh.stream import mesh_file
from voxmesh.stream.mesh_file import SUFFIXES, Mesh, UnreadableMesh

__all__ = ["SUFFIXES", "Mesh", "read_mesh"]


def read_mesh(path: Path) -> Mesh:
    """Raises BadFile when it is missing, damaged, or of a kind that is not read."""
    try:
        return mesh_file.read_mesh(path)
    except UnreadableMesh as error:
        raise BadFile(path, error.text) from error
