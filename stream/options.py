"""Options that `live` and `animate` share: which face, how it is sampled, and its manner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from voxmesh.stream.backend import BACKENDS, DEVICES, open_backend
from voxmesh.stream.bundle import load
from voxmesh.stream.character import load as load_character
from voxmesh.stream.character_engine import CharacterEngine
from voxmesh.stream.directions import BLINK
from voxmesh.stream.driving import extract_style, read_driving, read_template
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.frame_rate import rate_of
from voxmesh.stream.region_gain import MAX_GAIN, Gains
from voxmesh.stream.style import MAX_STRENGTH, SUFFIX, chosen_style

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
    style: str | None
    style_strength: float
    mouth_gain: float
    upper_gain: float
    blink: str
    template: Path | None
    driving: str | None

    def settings(self) -> dict[str, Any]:
        """Plain data, to be stored with the result."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, settings: dict[str, Any]) -> EngineOptions:
        """The options that gave `settings`. Raises TypeError where those of another version are not these."""
        paths = {field.name for field in fields(cls) if "Path" in str(field.type)}
        return cls(**{name: Path(value) if value and name in paths else value for name, value in settings.items()})


def engine_options(function: F) -> F:
    """Adds the options that `EngineOptions` holds to a click command."""
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
            click.option(
                "--style",
                metavar="NAME|BLEND|FILE",
                help=f'How it speaks: sad, "cheerful:0.5,sad:0.3", NAME{SUFFIX} (`voxmesh style list`) [neutral].',
            ),
            click.option(
                "--style-strength",
                type=click.FloatRange(0, MAX_STRENGTH),
                default=1.0,
                show_default=True,
                help="Of --style or --driving: 0 is neutral.",
            ),
            click.option(
                "--mouth-gain",
                type=click.FloatRange(0, MAX_GAIN),
                default=1.0,
                show_default=True,
                help="How much mouth and jaw move: 0 is not at all.",
            ),
            click.option(
                "--upper-gain",
                type=click.FloatRange(0, MAX_GAIN),
                default=1.0,
                show_default=True,
                help="How much brows, cheeks and eyes do (eyes up to 1); blinks are apart.",
            ),
            click.option(
                "--blink", type=click.Choice(BLINK), default="auto", show_default=True, help="off: lids stay open."
            ),
            click.option(
                "--template",
                type=click.Path(path_type=Path),
                help="Another neutral face of the bundle's mesh: a .ply, .obj or .npy.",
            ),
            click.option(
                "--driving",
                metavar="CLIP",
                help="Speak in the manner of a clip, CLIP.npz or STORE:SUBJECT/SEQ; for bundles of `train composite`.",
            ),
        )
    ):
        function = option(function)
    return function


def take_engine_options(values: dict[str, Any]) -> EngineOptions:
    """Move the shared options out of a command's keyword arguments."""
    return EngineOptions(**{name: values.pop(name) for name in EngineOptions.__dataclass_fields__})


def make_engine(options: EngineOptions, source_rate: int) -> Engine:
    """The Engine. Raises VoxmeshError for an option that will not do."""
    bundle = load(options.bundle)
    settings: dict[str, Any] = {
        "source_rate": source_rate,
        "seed": options.seed,
        "temperature": options.temperature,
        "identity": options.identity,
        "backend": open_backend(bundle, options.backend, options.threads, options.device),
        "fps": rate_of(options.fps) if options.fps else None,
        "style_strength": options.style_strength,
        "gains": Gains(options.mouth_gain, options.upper_gain, options.blink == "auto"),
    }
    if options.style is not None:
        settings["style"] = chosen_style(bundle.style, options.style)
    if options.driving is not None:
        if options.style is not None:
            raise VoxmeshError("--driving and --style each say how it speaks: say one of them")
        driven = extract_style(bundle, read_driving(options.driving, bundle))
        settings["style"] = bundle.style.strengthened(driven, options.style_strength)
    if options.avatar is None:
        template = None if options.template is None else read_template(options.template, bundle)
        return Engine(bundle, template=template, **settings)
    if options.template is not None:
        raise VoxmeshError("--template is a face of the bundle's, --avatar a character of its own: say one of them")
    return CharacterEngine(bundle, load_character(options.avatar), **settings)
