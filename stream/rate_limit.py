"""How often somebody may do something: a bucket that fills at a rate, and that what is done takes from."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """Holds `burst` at first and at most, and gains `rate_per_s`. now_s: the wall clock, for tests."""

    def __init__(self, rate_per_s: float, burst: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self.rate_per_s, self.burst = rate_per_s, burst
        self._now_s = now_s
        self._left, self._at = burst, now_s()

    def take(self, amount: float = 1.0) -> bool:
        """Whether there was so much in it; then it is taken out, else all stays."""
        now = self._now_s()
        self._left = min(self.burst, self._left + (now - self._at) * self.rate_per_s)
        self._at = now
        enough = self._left >= amount
        self._left -= amount * enough
        return enough
