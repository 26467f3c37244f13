"""An audio file to an animation, as fast as it goes, with the same engine as live."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.blendshapes import BlendshapeFit, face_fit
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.gltf import write_glb
from voxmesh.stream.livelink_csv import write_csv
from voxmesh.stream.types import AudioChunk, Frame

FIT_FRAMES = 256
SUFFIXES = (".npz", ".glb", ".csv")
"""What can be written: everything (`write_npz`), glTF (`gltf.py`), Live Link Face's CSV (`livelink_csv.py`)."""


def expected_frames(audio: AudioFile, engine: Engine) -> int:
    """How many frames the file's header promises."""
    return engine.clock.frames(-(-audio.samples * engine.clock.sample_rate // audio.rate))


def animate(
    audio: AudioFile,
    engine: Engine,
    output: Path,
    settings: dict[str, Any] | None = None,
    progress: Callable[[int], None] = lambda frames: None,
) -> int:
    """Write `output`, whose suffix is one of SUFFIXES, in memory that vertices do not fill. Returns the frame count.

    engine: new, its source_rate that of `audio`. progress: called with how many frames were just made.
    Raises VoxmeshError when the audio cannot be read or the output not written; an old output is then left as it was.
    """
    if output.suffix.lower() == ".csv" and engine.bundle.blendshape_names != ARKIT_NAMES:
        raise VoxmeshError(f"cannot write {output}: the blendshapes of {engine.bundle.folder} are not ARKit's 52")
    if output.suffix.lower() == ".glb" and not engine.bundle.blendshape_names:
        raise VoxmeshError(
            f"cannot write {output}: {engine.bundle.folder} has no blendshapes; write an .npz or an .mp4"
        )
    try:
        # Beside the output: what is unwritable is known before the work, and the last step is an atomic rename.
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".voxmesh-") as temporary:
            part = Path(temporary) / f"animation{output.suffix.lower()}"
            raw = Path(temporary) / "vertices.f32"
            fit = face_fit(engine.topology, engine.bundle.deltas)
            with raw.open("wb") as sink:
                columns = _Columns(sink if part.suffix == ".npz" else None, fit, progress)
                position = 0
                for block in audio.blocks():
                    columns.add(engine.push(AudioChunk(block, position)))
                    position += len(block)
                columns.add(engine.flush())
                columns.finish()
            count = len(columns.samples)
            if part.suffix == ".csv":
                write_csv(part, np.concatenate(columns.weights), engine.clock)
            elif part.suffix == ".glb":
                bundle, weights = engine.bundle, np.concatenate(columns.weights)
                write_glb(part, engine.topology, bundle.blendshape_names, bundle.deltas, weights, engine.clock)
            else:
                vertices = np.memmap(raw, np.float32, "r", shape=(count, engine.topology.vertices, 3))
                write_npz(part, engine, vertices, columns, settings or {})
                del vertices
            os.replace(part, output)
            return count
    except OSError as error:
        raise VoxmeshError(f"cannot write {output}: {error.strerror or error}") from error


class _Columns:
    """Collects frames: vertices to a file if one is given, the rest in memory, blendshapes fitted in batches."""

    def __init__(self, sink: Any | None, fit: BlendshapeFit, progress: Callable[[int], None]) -> None:
        self._sink, self._fit, self._progress = sink, fit, progress
        self._waiting: list[np.ndarray] = []
        self.samples: list[int] = []
        self.labels: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []

    def add(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._sink is not None:
                self._sink.write(np.ascontiguousarray(frame.vertices, "<f4").data)
            self.samples.append(frame.sample)
            self.labels.append(frame.labels.astype(np.int32))
            if frame.weights is not None:
                self.weights.append(frame.weights[None])
                continue
            self._waiting.append(frame.vertices)
            if len(self._waiting) == FIT_FRAMES:
                self.finish()
        self._progress(len(frames))

    def finish(self) -> None:
        if self._waiting:
            self.weights.append(self._fit.fit(np.stack(self._waiting)))
            self._waiting = []


def write_npz(path: Path, engine: Engine, vertices: np.ndarray, columns: _Columns, settings: dict[str, Any]) -> None:
    """The animation's file. T frames, V vertices, F triangles, H heads.

    vertices (T, V, 3) float32 metres; faces (F, 3) int32; audio_sample (T,) int64, the sample at `sample_rate` that
    each frame depicts; fps_num, fps_den, sample_rate; landmark_names and landmark_vertices; blendshape_names (52,) and
    blendshapes (T, 52) float32 in 0..1; labels (T, H) int32; for drawing template (V, 3) float32, albedo (V, 3) uint8,
    occlusion (V, 3) uint8, gloss (V,) uint8; settings, JSON text of how it was made.
    """
    topology, clock = engine.topology, engine.clock
    names = list(topology.landmarks)
    np.savez(
        path,
        vertices=vertices,
        faces=topology.faces.astype(np.int32),
        audio_sample=np.array(columns.samples, np.int64),
        fps_num=np.int64(clock.fps_num),
        fps_den=np.int64(clock.fps_den),
        sample_rate=np.int64(clock.sample_rate),
        landmark_names=np.array(names),
        landmark_vertices=np.array([topology.landmarks[name] for name in names], np.int32),
        blendshape_names=np.array(engine.bundle.blendshape_names),
        blendshapes=np.concatenate(columns.weights),
        labels=np.stack(columns.labels),
        template=topology.template,
        albedo=topology.albedo,
        occlusion=topology.occlusion,
        gloss=topology.gloss,
        settings=np.array(json.dumps(settings)),
    )
