"""A recorded animation: the npz that `voxmesh animate` writes, read into a topology and its frames."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology


@dataclass(frozen=True)
class Clip:
    """An animation of one mesh.

    topology: the mesh; its look is clay if the file has none. vertices: (T, V, 3) float32 metres.
    audio_sample: (T,) int64, the sample of the sound that each frame depicts. fps: frames a second, exact.
    sample_rate: of `audio_sample`, Hz.
    """

    topology: Topology
    vertices: np.ndarray
    audio_sample: np.ndarray
    fps: Fraction
    sample_rate: int

    def cut(self, start_s: float = 0.0, seconds: float | None = None) -> Clip:
        """The part from `start_s` for `seconds` (to the end by default).

        Raises VoxmeshError if no frame is left.
        """
        first = round(start_s * self.fps)
        last = len(self.vertices) if seconds is None else first + max(1, round(seconds * self.fps))
        part = slice(max(first, 0), min(last, len(self.vertices)))
        if start_s < 0 or part.start >= part.stop:
            raise VoxmeshError(
                f"nothing is left from {start_s:g} s on: the clip is {float(len(self.vertices) / self.fps):.2f} s long"
            )
        return Clip(self.topology, self.vertices[part], self.audio_sample[part], self.fps, self.sample_rate)


def load_clip(path: Path) -> Clip:
    """Reads a clip. Raises VoxmeshError if the file is not one, or its arrays do not fit together."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise VoxmeshError(f"there is no file {path}; write one with: voxmesh animate IN.wav -o {path}") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise VoxmeshError(f"{path} is not a clip; write one with: voxmesh animate IN.wav -o CLIP.npz") from error
    missing = [
        name
        for name in ("vertices", "faces", "audio_sample", "fps_num", "fps_den", "sample_rate")
        if name not in arrays
    ]
    if missing:
        raise VoxmeshError(f"{path} lacks {', '.join(missing)}; write clips with: voxmesh animate IN.wav -o CLIP.npz")

    vertices, faces = arrays["vertices"], arrays["faces"]
    if (
        vertices.ndim != 3
        or vertices.shape[2] != 3
        or not len(vertices)
        or len(arrays["audio_sample"]) != len(vertices)
    ):
        raise VoxmeshError(
            f"{path} has vertices of shape {vertices.shape} and {len(arrays['audio_sample'])} frame times; "
            "it wants (T, V, 3) and T, with T at least 1"
        )
    numerator, denominator, rate = (int(arrays[name]) for name in ("fps_num", "fps_den", "sample_rate"))
    if min(numerator, denominator, rate) < 1:
        raise VoxmeshError(
            f"{path} has frame rate {numerator}/{denominator} and sample rate {rate}; both must be positive"
        )
    topology = with_look(
        arrays.get("template", vertices[0]),
        faces,
        arrays.get("albedo"),
        arrays.get("occlusion"),
        arrays.get("gloss"),
        _landmarks(arrays),
    )
    return Clip(topology, vertices, arrays["audio_sample"], Fraction(numerator, denominator), rate)


def with_look(
    template: np.ndarray,
    faces: np.ndarray,
    albedo: np.ndarray | None = None,
    occlusion: np.ndarray | None = None,
    gloss: np.ndarray | None = None,
    landmarks: dict[str, int] | None = None,
) -> Topology:
    """A topology to draw: what a mesh lacks of a look (None, or no rows) becomes plain light clay.

    template: (V, 3) metres. faces: (F, 3). albedo, occlusion: (V, 3) uint8. gloss: (V,) uint8.
    """
    count = len(template)

    def given(array: np.ndarray | None, default: np.ndarray) -> np.ndarray:
        return default if array is None or not len(array) else array

    return Topology(
        template=np.asarray(template, np.float32),
        faces=np.asarray(faces, np.int32),
        albedo=given(albedo, np.full((count, 3), (214, 206, 198), np.uint8)),
        occlusion=given(occlusion, np.full((count, 3), 255, np.uint8)),
        gloss=given(gloss, np.full(count, 40, np.uint8)),
        landmarks=landmarks or {},
    )


def _landmarks(arrays: dict[str, np.ndarray]) -> dict[str, int]:
    names, vertices = arrays.get("landmark_names"), arrays.get("landmark_vertices")
    if names is None or vertices is None:
        return {}
    return {str(name): int(vertex) for name, vertex in zip(names, vertices, strict=True)}
