"""What tests share: a bundle of random weights, a made-up voice, the command line, a subscriber."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
import soundfile
import zmq

from virtual_microphone import VirtualMicrophone
from voxmesh.stream import bundle as bundles
from voxmesh.stream.topology import LANDMARKS, REGIONS, Topology

if TYPE_CHECKING:
    from voxmesh.model.config import ModelConfig

os.environ.setdefault("OMP_NUM_THREADS", "1")
# The same examples every time: a test that fails here fails everywhere.
hypothesis.settings.register_profile("deterministic", derandomize=True, deadline=None)
# `make fuzz` tries other ones each time, and says with which seed.
hypothesis.settings.register_profile("fuzz", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("fuzz" if os.environ.get("VOXMESH_FUZZ_EXAMPLES") else "deterministic")
VERTICES = 200


def small_config(**sizes: Any) -> ModelConfig:
    """A model small enough to train and export in a test; `sizes` change what a test cares about."""
    from voxmesh.model.config import ModelConfig

    small = dict(heads=8, classes=8, audio_channels=16, audio_dilations=(1, 2), expression_channels=16)
    small |= dict(expression_dilations=(1,), decoder_channels=16, decoder_dilations=(1,), context_channels=16)
    return ModelConfig(**{**small, "context_dilations": (1, 2), "basis": 24, **sizes})


def tiny_topologies(rng: np.random.Generator) -> list[Topology]:
    """Three identities of 200 scattered vertices."""
    base = rng.normal(0, 0.05, (VERTICES, 3))
    faces = rng.integers(0, VERTICES, (100, 3), dtype=np.int32)
    colour = rng.integers(0, 256, (VERTICES, 3), dtype=np.uint8)
    landmarks = {name: i for i, name in enumerate(LANDMARKS)}
    regions = {name: (np.arange(VERTICES) % 3 == i).astype(np.uint8) for i, name in enumerate(REGIONS)}
    templates = [base + rng.normal(0, 0.002, base.shape) * (i > 0) for i in range(3)]
    return [Topology(t.astype(np.float32), faces, colour, colour, colour[:, 0], landmarks, regions) for t in templates]


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small bundle with random weights, exported as a trained one is."""
    import torch

    from voxmesh.export.bundle import write_bundle
    from voxmesh.model.decoder import Decoder
    from voxmesh.model.face_basis import fit_face_basis
    from voxmesh.model.step import Live, Step

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    config = small_config(decoder_dilations=(1, 2), context_dilations=(1, 2, 4), basis=12, identity_dims=2)
    topologies = tiny_topologies(rng)
    deltas = rng.normal(0, 0.01, (52, VERTICES, 3)).astype(np.float32)
    deltas[:, 150:] = 0
    templates = [t.template for t in topologies]
    face, _ = fit_face_basis(config, templates, [deltas] * 3, np.eye(52) * 0.1, np.ones(VERTICES))
    step = Step(config, Live(config), Decoder(config), face)
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    write_bundle(step, topologies, deltas, np.ones(config.heads), folder, parity_frames=30)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_bundle: Path) -> bundles.Bundle:
    """The small bundle, loaded."""
    return bundles.load(tiny_bundle)


@pytest.fixture(scope="session")
def styled_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small bundle that takes a style."""
    from styled import with_styles

    return with_styles(tmp_path_factory.mktemp("styled") / "bundle", tiny_bundle)


@pytest.fixture(scope="session")
def styled(styled_bundle: Path) -> bundles.Bundle:
    """The small bundle that takes a style, loaded."""
    return bundles.load(styled_bundle)


@pytest.fixture(scope="session")
def bundle(tiny_bundle: Path) -> bundles.Bundle:
    """The shipped face where there is one, else the small bundle."""
    shipped = bundles.find()
    return bundles.load(shipped if shipped.is_dir() else tiny_bundle)


def voice(seconds: float, rate: int) -> np.ndarray:
    """(N,) float32: a buzz whose formants move, with pauses. The same at every rate, up to its bandwidth."""
    t = np.arange(round(seconds * rate)) / rate
    tone = np.zeros_like(t)
    for partial in range(1, 25):
        hz = 120.0 * partial
        peak = 500.0 + 300.0 * np.sin(2 * np.pi * 1.3 * t)
        tone += np.sin(2 * np.pi * hz * t) / (1.0 + ((hz - peak) / 200.0) ** 2)
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, 1)
    return (0.1 * tone * syllables).astype(np.float32)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A .wav of 1.5 s at 16 kHz, 16 bit."""
    path = tmp_path / "speech.wav"
    soundfile.write(path, voice(1.5, 16000), 16000)
    return path


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `voxmesh ARGUMENTS` in a process of its own, in tmp_path."""

    def run(*arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), cwd=tmp_path, capture_output=True, text=True, timeout=timeout)

    return run


def command(*arguments: object) -> list[str]:
    """The command line that runs this checkout's voxmesh."""
    return [sys.executable, "-m", "voxmesh.stream.cli", *map(str, arguments)]


@pytest.fixture
def subscribe() -> Iterator[Callable[..., zmq.Socket]]:
    """Opens SUB sockets on an endpoint (all topics unless told otherwise); closes them after the test."""
    context = zmq.Context()

    def open_socket(endpoint: str, topic: bytes = b"", high_water: int = 0) -> zmq.Socket:
        socket = context.socket(zmq.SUB)
        socket.linger = 0
        socket.rcvtimeo = 10_000
        socket.rcvhwm = high_water
        socket.subscribe(topic)
        socket.connect(endpoint)
        return socket

    yield open_socket
    context.destroy(linger=0)


@pytest.fixture
def virtual_microphone(tmp_path: Path) -> Iterator[VirtualMicrophone]:
    """A PulseAudio of our own, with a loudspeaker `vspk` that its default microphone `vmic` hears."""
    if shutil.which("pulseaudio") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have pulseaudio: see .ci/system-packages.sh")
        pytest.skip("needs pulseaudio, pulseaudio-utils, libasound2-plugins")
    with VirtualMicrophone(tmp_path / "pulse") as microphone:
        yield microphone


@pytest.fixture
def virtual(virtual_microphone: VirtualMicrophone) -> dict[str, str]:
    """The environment in which programs find the virtual microphone."""
    return virtual_microphone.env
