"""What is worth computing and showing: after a hold-up the face goes on with what is said now, not with what was."""

from __future__ import annotations

STALE_MS = 500.0
"""Far above what look-ahead and a radio link cost, and where a face that lags has nothing left to say."""
PATIENCE_NS = 250_000_000
"""Seconds of sound are caught up with in this time where the machine is fast enough at all."""


class Freshness:
    """Decides by age: of sound whether it is computed, of frames whether they are shown.

    A frame that leaves more than `stale_ms` after its sound came in is not shown, and counted in `skipped`; it is
    computed, so that what the network remembers is the same as if nothing had been held up. A machine that has not
    caught up within PATIENCE_NS that way is too slow: it then lets sound pass without computing frames, until it hears
    what is said now.
    """

    def __init__(self, stale_ms: float = STALE_MS) -> None:
        self._stale_ns = stale_ms * 1e6
        self._since_ns: int | None = None  # behind
        self.skipped = 0

    def passes(self, captured_ns: int, now_ns: int) -> bool:
        """Whether sound captured then (0: unknown) is to be let pass without frames."""
        age_ns = now_ns - captured_ns if captured_ns else 0
        if age_ns <= self._stale_ns / 2 or (self._since_ns is None and age_ns <= self._stale_ns):
            self._since_ns = None
            return False
        if self._since_ns is None:
            self._since_ns = now_ns
        return now_ns - self._since_ns >= PATIENCE_NS

    def shows(self, captured_ns: int, now_ns: int) -> bool:
        """Whether a frame of sound captured then (0: unknown) is to be shown."""
        fresh = not captured_ns or now_ns - captured_ns <= self._stale_ns
        self.skipped += not fresh
        return fresh
