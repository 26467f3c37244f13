"""Which frames are still worth showing: after a hold-up the face goes on with what is said now, not with what was."""

from __future__ import annotations

STALE_MS = 500.0
"""Far above what look-ahead and a radio link cost, and where a face that lags has nothing left to say."""
FROZEN_NS = 1_000_000_000


class Freshness:
    """Decides frame by frame. A frame that leaves more than `stale_ms` after its sound came in is skipped, and counted.

    All frames are computed, so that what the network remembers is the same as if nothing had been held up. A machine
    that is too slow for good would skip them all: it shows one a second.
    """

    def __init__(self, stale_ms: float = STALE_MS) -> None:
        self._stale_ns = stale_ms * 1e6
        self._since_ns: int | None = None  # skipping
        self.skipped = 0

    def fresh(self, captured_ns: int, now_ns: int) -> bool:
        """captured_ns: when the frame's sound came in, 0 when unknown. now_ns: of the same clock."""
        if not captured_ns or now_ns - captured_ns <= self._stale_ns:
            self._since_ns = None
            return True
        if self._since_ns is None:
            self._since_ns = now_ns
        if now_ns - self._since_ns >= FROZEN_NS:
            self._since_ns = now_ns
            return True
        self.skipped += 1
        return False
