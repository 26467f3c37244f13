"""The composite family from a data set to a bundle that speaks in the manner of a clip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from dataset_layouts import VOCASET, write_vocaset_mm

from voxmesh.stream import cli
from voxmesh.stream.bundle import load
from voxmesh.stream.driving import extract_style, read_driving
from voxmesh.stream.errors import VoxmeshError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with VOCASET's layout in `data`, its store, a run of both stages, its bundle, and speech.wav."""
    folder = tmp_path_factory.mktemp("composite")
    write_vocaset_mm(folder / "data")
    soundfile.write(folder / "speech.wav", voice(0.5, 16000), 16000)
    short = ("--steps", 6, "--tune-steps", 3, "--batch", 2, "--frames", 32, "--threads", 1)
    run(folder, "data", "prepare", "data", "-o", "store")
    run(folder, "train", "composite", "run", "--data", "store", *short)
    run(folder, "export", "run", "-o", "bundle", "--parity-frames", 20, "--no-torchscript")
    return folder


def run(folder: Path, *arguments: object) -> None:
    """A command that must succeed; words that name something in `folder`, or end in a suffix, are paths in it."""
    words = [str(folder / a) if a in NAMES or "." in str(a) else str(a) for a in map(str, arguments)]
    assert cli.run(words) == 0


NAMES = {"data", "store", "run", "bundle"}
