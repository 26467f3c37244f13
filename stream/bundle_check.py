"""Whether a bundle's files are what its bundle.json says, before any of them is used.

Checksums tell damage, not malice: who made a bundle wrote them too. So sizes are bounded before anything is read, and
graphs are looked into before a runtime loads them (`onnx_check`).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig
from voxmesh.stream.onnx_check import FLOAT, INT64, Signature, check_graph
from voxmesh.stream.topology import Topology
from voxmesh.stream.windows import SoundConfig

MAX_JSON_BYTES = 4 << 20
MAX_FILE_BYTES = 512 << 20
MAX_NUMBERS = 1 << 26
"""Of one input of a graph, one session."""
_MOST = {"sample_rate": 192_000, "fps_num": 1_000_000, "fps_den": 1_000_000, "hops_per_frame": 64, "mels": 1024}
_MOST |= {"window_samples": 65_536, "fft_samples": 65_536, "lookahead_samples": 1_920_000, "hop_samples": 65_536}


def read_bounded(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """The file's bytes. Raises VoxmeshError when it is missing, cannot be read or is longer than `most`."""
    if not path.is_file():
        raise VoxmeshError(f"{path} is missing: the bundle is incomplete, export or fetch it again")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise VoxmeshError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > most:
        raise VoxmeshError(f"{path} is longer than the {most >> 20} MiB that a bundle's file may have")
    return data


def check_files(folder: Path, checksums: dict[str, str]) -> dict[str, Signature]:
    """The signature of each graph. Raises VoxmeshError naming a file that is missing, changed, or not to be run."""
    signatures = {}
    for name, expected in checksums.items():
        path = folder / name
        data = read_bounded(path)
        if hashlib.sha256(data).hexdigest() != expected:
            raise VoxmeshError(f"{path} is damaged (its checksum differs): export or fetch the bundle again")
        if name.endswith(".onnx"):
            try:
                signatures[name] = check_graph(data)
            except ValueError as error:
                raise VoxmeshError(
                    f"{path} is not run, because {error}: export it again, or do not trust it"
                ) from error
    return signatures


def check_features(config: FeatureConfig | SoundConfig) -> None:
    """Raises ValueError for what would take all memory, or give numbers that are none."""
    values = asdict(config)
    wrong = [
        name
        for name, value in values.items()
        if type(value) not in (int, float) or not math.isfinite(value) or (name in _MOST and type(value) is not int)
    ]
    wrong += [name for name in values if name in _MOST and name not in wrong and not 0 <= values[name] <= _MOST[name]]
    if wrong:
        raise ValueError(f"features have {', '.join(f'{name} {values[name]!r}' for name in wrong)}")
    good = _good_windows(config) if isinstance(config, SoundConfig) else _good_hops(config)
    if not good:
        raise ValueError(f"features that no sound has: {config}")


def _good_hops(config: FeatureConfig) -> bool:
    clock = config.clock
    return (
        config.hops_per_frame * clock.fps_num <= clock.sample_rate * clock.fps_den
        and 0 < config.window_samples <= config.fft_samples
        and config.mels > 0
        and 0 <= config.low_hz < config.high_hz <= config.sample_rate
        and 1e-30 <= config.floor_power <= 1e30  # in float32 less is nothing, and its logarithm no number
        and 0 < config.clip <= 1e3
        and all(1e-6 < x < 1e6 for x in (config.mean_memory_s, config.prior_s, config.speech_range_db))
        and 0 <= config.peak_fall_db_per_s < 1e6
        and max(abs(config.prior_level), abs(config.prior_peak)) <= 1e3
    )


def _good_windows(config: SoundConfig) -> bool:
    clock = config.clock
    return (
        clock.fps_num <= clock.sample_rate * clock.fps_den
        and 0 < config.hann_samples <= config.fft_samples < 2 * config.window_samples
        and min(config.mels, config.hop_samples) > 0
        and config.frame_width <= MAX_NUMBERS
        and min(config.floor_power, config.mean_level, config.quietest_level) >= 1e-30
    )


def check_step(signature: Signature, wanted: dict[str, tuple[int, ...]], states: tuple[str, ...]) -> None:
    """Raises ValueError unless the step takes exactly `wanted`, and gives vertices, labels and what follows each state.

    wanted: name -> shape of one session, -1 is any; the step's has sessions in front. All are float32.
    """
    if signature.inputs.keys() != wanted.keys():
        raise ValueError(f"step.onnx takes {sorted(signature.inputs)}, the bundle gives {sorted(wanted)}")
    for name, shape in wanted.items():
        type_, (free, *found) = signature.inputs[name][0], signature.inputs[name][1] or (0,)
        same = len(found) == len(shape) and all(a in (None, b) or b == -1 for a, b in zip(found, shape, strict=True))
        if type_ != FLOAT or free is not None or not same:
            raise ValueError(f"step.onnx takes {name} as {found} of type {type_}, the bundle gives {list(shape)}")
        if not 0 <= math.prod(max(n, 1) for n in shape) <= MAX_NUMBERS:
            raise ValueError(f"{name} has {shape}")
    outputs = {"vertices": FLOAT, "labels": INT64, **{f"next_{name}": FLOAT for name in states}}
    for name, type_ in outputs.items():
        if signature.outputs.get(name, (0,))[0] != type_:
            raise ValueError(f"step.onnx gives no {name} of the type it should have")


def check_avatar(templates: np.ndarray, deltas: np.ndarray, topologies: tuple[Topology, ...], names: int) -> None:
    """templates (I, V, 3), deltas (S, V, 3): one an identity, one a blendshape name. Raises ValueError."""
    if templates.ndim != 3 or templates.dtype != np.int16 or not len(templates):
        raise ValueError(f"templates are {templates.shape} of {templates.dtype}")
    for topology in topologies:
        topology.check()
    if deltas.shape != (names, topologies[0].vertices, 3) or deltas.dtype != np.int16:
        raise ValueError(f"deltas are {deltas.shape} of {deltas.dtype}, for {names} blendshapes")
