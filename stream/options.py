"""Options that `live` and `animate` share: which face, and how it is sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from voxmesh.stream.backend import BACKENDS, DEVICES, open_backend
from voxmesh.stream.bundle import load
from voxmesh.stream.character import load as load_character
from voxmesh.stream.character_engine import CharacterEngine
from voxmesh.stream.engine import Engine
from voxmesh.stream.frame_rate import rate_of

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class EngineOptions:
    """What `Engine` is made of, as the user gave it."""

    bundle: Path | None
    avatar: Path | None
    identity: int
    seed: int
    temperature: float
    backend: str
    threads: int
    device: str
    fps: str | None

    def settings(self) -> dict[str, Any]:
        """Plain data, to be stored with the result."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


def engine_options(function: F) -> F:
    """Adds an option for each of EngineOptions' fields to a click command."""
    for option in reversed(
        (
            click.option(
                "--bundle",
                type=click.Path(path_type=Path),
                help="Bundle: a folder, default or instant.",
            ),
            click.option(
                "--avatar",
                type=click.Path(path_type=Path),
                help="Show this character, a folder from `voxmesh avatar import`.",
            ),
            click.option("--identity", type=int, default=0, show_default=True, help="Which of the bundle's faces."),
            click.option("--seed", type=int, default=0, show_default=True, help="Same seed and audio, same frames."),
            click.option(
                "--temperature", type=float, default=1.0, show_default=True, help="0 is the most probable motion."
            ),
            click.option("--backend", type=click.Choice(BACKENDS), default="onnx", show_default=True),
            click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="For the networks."),
            click.option(
                "--device",
                type=click.Choice(DEVICES),
                default="cpu",
                show_default=True,
                help="Where the networks run; cuda wants an NVIDIA card.",
            ),
            click.option("--fps", help="Frames a second, such as 30, 25, 29.97 or 30000/1001 [the bundle's, 60]."),
        )
    ):
        function = option(function)
    return function


def take_engine_options(values: dict[str, Any]) -> EngineOptions:
    """Move the shared options out of a command's keyword arguments."""
    return EngineOptions(**{name: values.pop(name) for name in EngineOptions.__dataclass_fields__})


def make_engine(options: EngineOptions, source_rate: int) -> Engine:
    """The Engine. Raises VoxmeshError for a bundle, avatar, identity, temperature or backend that will not do."""

    bundle = load(options.bundle)
    settings: dict[str, Any] = {
        "source_rate": source_rate,
        "seed": options.seed,
        "temperature": options.temperature,
        "identity": options.identity,
        "backend": open_backend(bundle, options.backend, options.threads, options.device),
        "fps": rate_of(options.fps) if options.fps else None,
    }
    if options.avatar is None:
        return Engine(bundle, **settings)
    return CharacterEngine(bundle, load_character(options.avatar), **settings)
