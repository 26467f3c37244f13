"""Styles: a vector that a bundle's networks take beside the sound, by name, from a file, or as a blend of either.

A named style at strength s is neutral + s (named - neutral); a blend adds several such differences up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.errors import VoxmeshError

NEUTRAL = "neutral"
SUFFIX = ".style.json"
FORMAT = 1
MAX_STRENGTH = 1.5
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class StyleSpace:
    """The styles that a bundle understands. space: its id; a vector of another one means nothing here.

    names: name -> (S,) float32, "neutral" among them, in the order of `bundle.json`.
    """

    space: str
    names: Mapping[str, np.ndarray]

    @property
    def dims(self) -> int:
        """S, the length of a vector."""
        return len(self.neutral)

    @property
    def neutral(self) -> np.ndarray:
        return self.names[NEUTRAL]

    def strengthened(self, vector: np.ndarray, strength: float) -> np.ndarray:
        """(S,) float32. Raises VoxmeshError for a strength that is not within 0 and MAX_STRENGTH."""
        if not 0 <= strength <= MAX_STRENGTH:
            raise VoxmeshError(f"a style's strength is 0 to {MAX_STRENGTH:g}, not {strength:g}")
        return self.neutral + np.float32(strength) * (vector - self.neutral)

    def checked(self, vector: np.ndarray) -> np.ndarray:
        """`vector` as (S,) float32. Raises VoxmeshError for another length, or numbers that are none."""
        vector = np.asarray(vector, np.float32)
        if vector.shape != (self.dims,) or not np.isfinite(vector).all():
            raise VoxmeshError(f"a style of this bundle is {self.dims} finite numbers: this one has {vector.shape}")
        return vector

    def blend(self, text: str, folder: Path | None = None) -> np.ndarray:
        """ "sad", or "cheerful:0.5,sad:0.3" -> (S,) float32; a part without a weight has 1.

        A name that the bundle does not have is that of a style file in `folder`, if one is given. Raises VoxmeshError
        for an unknown name, or a weight that is not within 0 and MAX_STRENGTH.
        """
        total = self.neutral.copy()
        for part in text.split(","):
            name, weight = _weighted(part)
            total += self.strengthened(self._named(name, folder), weight) - self.neutral
        return total

    def _named(self, name: str, folder: Path | None) -> np.ndarray:
        if name in self.names:
            return self.names[name]
        # A bare name: what is asked for from afar stays in the folder.
        if folder is not None and name and Path(name).name == name:
            path = folder / (name if name.endswith(SUFFIX) else name + SUFFIX)
            if path.is_file():
                return read_style(path, self)
        raise VoxmeshError(f"no style {name!r}: there are {', '.join(self.names)} (and files, NAME{SUFFIX})")


def _weighted(part: str) -> tuple[str, float]:
    name, colon, weight = part.rpartition(":")
    if not colon:
        return part.strip(), 1.0
    try:
        return name.strip(), float(weight)
    except ValueError:
        raise VoxmeshError(f"{part.strip()!r} is no part of a blend: say NAME:WEIGHT, such as sad:0.3") from None


def space_from_json(section: dict[str, Any]) -> StyleSpace:
    """The `style` section of a `bundle.json`. Raises ValueError, KeyError or TypeError when it is not one."""
    names = {str(name): np.array(vector, np.float32) for name, vector in section["names"].items()}
    space, dims = StyleSpace(str(section["space"]), names), int(section["dims"])
    wrong = [name for name, v in names.items() if v.shape != (dims,) or not np.isfinite(v).all()]
    if NEUTRAL not in names or wrong:
        raise ValueError(f"styles: {NEUTRAL} is missing, or not {dims} numbers each: {wrong or list(names)}")
    return space


def space_to_json(space: StyleSpace) -> dict[str, Any]:
    """What `space_from_json` reads."""
    names = {name: [round(float(x), 6) for x in vector] for name, vector in space.names.items()}
    return {"space": space.space, "dims": space.dims, "names": names}


def read_style(path: Path, space: StyleSpace) -> np.ndarray:
    """(S,) float32 of a style file. Raises VoxmeshError when it is missing, not a style file, or of another space."""
    if not path.is_file():
        raise VoxmeshError(f"there is no style file {path}: make one with `voxmesh style extract CLIP -o {path}`")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"more than {MAX_FILE_BYTES} bytes")
        about = json.loads(path.read_text("utf-8"))
        form, of, vector = about["format"], str(about["space"]), np.array(about["vector"], np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VoxmeshError(f"{path} is not a style file ({type(error).__name__}: {error})") from error
    if form != FORMAT:
        raise VoxmeshError(f"{path} has format {form}, this voxmesh reads {FORMAT}: extract the style again")
    if of != space.space:
        raise VoxmeshError(
            f"{path} is a style of {of!r}, the bundle's are of {space.space!r}: extract it with this one"
        )
    try:
        return space.checked(vector)
    except VoxmeshError as error:
        raise VoxmeshError(f"{path}: {error}") from error


def write_style(path: Path, space: StyleSpace, vector: np.ndarray, origin: str) -> None:
    """Write a style file. origin: what the vector was extracted from. Raises VoxmeshError when it cannot."""
    numbers = [round(float(x), 6) for x in space.checked(vector)]
    name = path.name.removesuffix(SUFFIX)
    about = {"format": FORMAT, "space": space.space, "name": name, "vector": numbers, "from": origin}
    try:
        path.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise VoxmeshError(f"cannot write {path}: {error.strerror or error}") from error


def chosen_style(space: StyleSpace | None, text: str) -> np.ndarray:
    """(S,) float32 of what a user at the command line calls a style: a name, a blend or a style file's path.

    Raises VoxmeshError when the bundle takes no style, or for what is none of these.
    """
    if space is None:
        raise VoxmeshError(
            f"this bundle takes no style, so not {text!r} either: choose one that `voxmesh style list` shows"
        )
    if text not in space.names and text.endswith(".json") and "," not in text:
        return read_style(Path(text), space)
    return space.blend(text, Path.cwd())
