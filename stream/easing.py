"""Numbers that are changed while a face speaks, and get there smoothly: functions of the frame's index alone."""

from __future__ import annotations

from collections import deque

import numpy as np

EASE_S = 0.3
"""How long a change takes."""


class Eased:
    """`at(index)` is the vector of a frame; `turn(target, index)` sends it elsewhere from that frame on.

    It goes from where it is along 3 x^2 - 2 x^3, in EASE_S of frames. Before the first frame there is nothing to ease
    from: it is at its target at once. Frames are asked for in order.
    """

    def __init__(self, value: np.ndarray, fps: float) -> None:
        self._frames = max(1, round(EASE_S * fps))
        self._from = self._to = np.asarray(value, np.float32)
        self._since = -self._frames
        self._last = -1
        self._turns: deque[tuple[int, np.ndarray]] = deque()

    @property
    def target(self) -> np.ndarray:
        """Where the last turn leads."""
        return self._turns[-1][1] if self._turns else self._to

    def turn(self, target: np.ndarray, index: int | None = None) -> None:
        """Begin with frame `index`, the next one by default; not before a turn that was told earlier.

        A turn takes the place of one at the same frame: as many are kept as frames lie ahead.
        """
        start = max(self._last + 1, index or 0, self._turns[-1][0] if self._turns else 0)
        if self._turns and self._turns[-1][0] == start:
            self._turns.pop()
        self._turns.append((start, np.asarray(target, np.float32)))

    def at(self, index: int) -> np.ndarray:
        """(n,) float32."""
        while self._turns and self._turns[0][0] <= index:
            start, target = self._turns.popleft()
            self._from = self._between(start - 1) if start > 0 else target
            self._to, self._since = target, start
        self._last = index
        return self._between(index)

    def _between(self, index: int) -> np.ndarray:
        share = (index + 1 - self._since) / self._frames
        if share >= 1.0:
            return self._to
        return self._from + np.float32(share * share * (3.0 - 2.0 * share)) * (self._to - self._from)
