"""How a face is told to speak while it speaks: its style. Changes are eased."""

from __future__ import annotations

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.easing import Eased
from voxmesh.stream.errors import VoxmeshError


class Manner:
    """One stream's. Frames are asked for in order; a change shows from the next one on.

    style: (S,) of the bundle's style space, or None for neutral. Raises VoxmeshError for one that does not fit.
    """

    def __init__(self, bundle: Bundle, style: np.ndarray | None = None) -> None:
        self._space = bundle.style
        fps = bundle.features.clock.fps
        self._style = None if self._space is None else Eased(self._space.neutral, fps)
        self.set_style(style)

    def set_style(self, style: np.ndarray | None) -> None:
        """(S,), or None for neutral. One that does not fit the bundle raises VoxmeshError and changes nothing."""
        if self._space is None or self._style is None:
            if style is not None:
                raise VoxmeshError("this bundle takes no style: choose another (`voxmesh style list --bundle B`)")
        else:
            self._style.turn(self._space.neutral if style is None else self._space.checked(style))

    def inputs(self, index: int) -> dict[str, np.ndarray]:
        """What the step takes of it for this frame: {"style": (S,)}, or nothing."""
        return {} if self._style is None else {"style": self._style.at(index)}
