"""How a face is told to speak while it speaks: its style, and how much its regions move. Changes are eased."""

from __future__ import annotations

import numpy as np

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.easing import Eased
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.region_gain import AS_IT_IS, BLINKS, Gains, RegionGains
from voxmesh.stream.topology import Topology


class Manner:
    """One stream's. Frames are asked for in order; a change shows from the next one on.

    style: (S,) of the bundle's style space, or None for neutral. strength: of the style, 0 to MAX_STRENGTH.
    gains: of this topology's regions. All three can be asked for. Raises VoxmeshError for what does not fit the bundle.
    """

    def __init__(
        self,
        bundle: Bundle,
        topology: Topology,
        style: np.ndarray | None = None,
        strength: float = 1.0,
        gains: Gains = AS_IT_IS,
    ) -> None:
        self._bundle, self._topology, self._space = bundle, topology, bundle.style
        fps = bundle.features.clock.fps
        self._style = None if self._space is None else Eased(self._space.neutral, fps)
        self._gains = Eased(AS_IT_IS.numbers(), fps)
        self._regions: RegionGains | None = None
        self.style: np.ndarray | None = None
        self.strength, self.gains = strength, AS_IT_IS
        self.set_style(style)
        self.set_gains(gains)

    def set_style(self, style: np.ndarray | None, index: int | None = None) -> None:
        """(S,), or None for neutral, from frame `index` on (the next). One that does not fit the bundle raises
        VoxmeshError and changes nothing.
        """
        self._turn(style, self.strength, index)

    def set_strength(self, strength: float, index: int | None = None) -> None:
        """Of the style that is set, and of those that will be. One out of range changes nothing."""
        self._turn(self.style, strength, index)

    def _turn(self, style: np.ndarray | None, strength: float, index: int | None) -> None:
        if self._space is None or self._style is None:
            if style is not None or strength != self.strength:
                raise VoxmeshError(
                    f"{self._bundle.folder} takes no style: choose another bundle (`voxmesh style list --bundle B`)"
                )
        else:
            named = self._space.neutral if style is None else self._space.checked(style)
            self._style.turn(self._space.strengthened(named, strength), index)
        self.style, self.strength = style, strength

    def set_gains(self, gains: Gains, index: int | None = None) -> None:
        """Raises VoxmeshError where blinks are to stop and the bundle has no shapes of them, and changes nothing."""
        if not gains.blink and not set(BLINKS) <= set(self._bundle.blendshape_names):
            raise VoxmeshError(
                f"{self._bundle.folder} has no shapes {' and '.join(BLINKS)}: its blinks cannot be stopped"
            )
        if gains != AS_IT_IS:
            self.prepare()
        self.gains = gains
        self._gains.turn(gains.numbers(), index)

    def prepare(self) -> None:
        """Work out the regions' soft masks, some 30 ms, so that no frame waits for them when gains are changed."""
        if self._regions is None:
            self._regions = RegionGains(self._bundle, self._topology)

    def inputs(self, index: int) -> dict[str, np.ndarray]:
        """What the step takes of it for this frame: {"style": (S,)}, or nothing."""
        return {} if self._style is None else {"style": self._style.at(index)}

    def shown(self, vertices: np.ndarray, index: int) -> np.ndarray:
        """(V, 3) metres of this frame, as the step made them -> as they are shown."""
        gains = self._gains.at(index)
        return vertices if self._regions is None else self._regions.scaled(vertices, gains)
