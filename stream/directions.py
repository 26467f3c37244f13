"""What a speaking face can be told: requests of the control socket that change its style and its regions' gains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.control import Handler, number
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.region_gain import MAX_GAIN, Gains
from voxmesh.stream.style import MAX_STRENGTH, NEUTRAL, StyleSpace

BLINK = ("auto", "off")
Note = Callable[[int, str, Any], None]


def ignore_change(index: int, name: str, value: Any) -> None:
    """The `note` of who does not want to know."""


class Directions:
    """`handlers()` change an engine, eased, from its next frame on; without a value each tells what is.

    called: what the engine's style is called when it begins. note: told of each change, as (frame index at the bundle's
    rate, name, value); `handlers()[name](value)` before that frame does the same again.
    A style is a name, a blend, a style file's bare name in the folder we run in, or its numbers.
    """

    def __init__(self, engine: Engine, called: str | None = None, note: Note = ignore_change) -> None:
        self._engine, self._note = engine, note
        self._called: str | list[float] = called or NEUTRAL

    def handlers(self) -> dict[str, Handler]:
        """Name of a request -> what does it, for `Control`."""
        return {
            "style": self._set_style,
            "styles": lambda value: list(self._space.names),
            "style-strength": self._set_strength,
            "mouth-gain": lambda value: self._set_gain("mouth", value),
            "upper-gain": lambda value: self._set_gain("upper", value),
            "blink": self._set_blink,
        }

    @property
    def _space(self) -> StyleSpace:
        if self._engine.bundle.style is None:
            raise VoxmeshError("the bundle that speaks takes no style")
        return self._engine.bundle.style

    def _set_style(self, value: Any) -> str | list[float]:
        if value is not None:
            style = self._named(value)
            self._engine.set_style(style)
            self._called = value
            # Its numbers, not its name: a file may be another one by the time that somebody does it again.
            self._told("style", style.tolist())
        return self._called

    def _set_strength(self, value: Any) -> float:
        if value is not None:
            self._engine.set_style_strength(number(value, 0, MAX_STRENGTH, "style-strength"))
            self._told("style-strength", value)
        return self._engine.manner.strength

    def _named(self, value: Any) -> np.ndarray:
        """(S,) at full strength."""
        space = self._space
        if isinstance(value, str):
            return space.blend(value, Path.cwd())
        if not isinstance(value, list) or not all(type(x) in (int, float) for x in value):
            raise VoxmeshError(f"style is {value!r}: give a name, such as {', '.join(space.names)}, or a blend")
        return space.checked(np.array(value))

    def _set_gain(self, region: str, value: Any) -> float:
        if value is not None:
            gain = number(value, 0, MAX_GAIN, f"{region}-gain")
            self._change(f"{region}-gain", gain, replace(self._engine.manner.gains, **{region: gain}))
        return getattr(self._engine.manner.gains, region)

    def _set_blink(self, value: Any) -> str:
        if value is not None:
            if value not in BLINK:
                raise VoxmeshError(f"blink is {value!r}: give {' or '.join(BLINK)}")
            self._change("blink", value, replace(self._engine.manner.gains, blink=value == "auto"))
        return "auto" if self._engine.manner.gains.blink else "off"

    def _change(self, name: str, value: Any, gains: Gains) -> None:
        self._engine.set_gains(gains)
        self._told(name, value)

    def _told(self, name: str, value: Any) -> None:
        self._note(self._engine.next_frame, name, value)
