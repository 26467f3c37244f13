"""Where sound lies in a stream when its device pauses, loses some or delivers late: told by when it was captured."""

from __future__ import annotations

GAP_NS = 100_000_000
"""What capture times may wander (they are read from the device's buffers) before sound counts as missing or late."""
OVERFLOW_GAP_NS = 20_000_000
"""The same where the device says that it has lost sound: it does not say how much."""
MAX_GAP_NS = 10_000_000_000
"""The longest silence put in at once: a process that was stopped for an hour must not compute an hour of frames."""
SLEW = 0.1
"""How fast the line of capture times follows the device's: a crystal that is off by 200 ppm needs 0.0002."""


class Cadence:
    """Absolute indices for blocks of samples, so that the stream neither falls behind the wall clock nor overtakes it.

    next: index of the sample to come. lost: samples that never came; all but those beyond MAX_GAP_NS have an index.
    Sound that came after silence had taken its place is dropped (and was counted then).
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.next = 0
        self.lost = 0
        self._due_ns: int | None = None  # when sample `next` enters the device; unknown before the first block
        self._silent = False

    def place(self, count: int, captured_ns: int, missing: int = 0, overflow: bool = False) -> int | None:
        """Index of the first of `count` samples, the first of them captured at `captured_ns`; None: drop them.

        missing: samples before these that are known to be lost, and counted elsewhere. overflow: the device lost some.
        """
        if self._due_ns is None:
            self._due_ns = captured_ns
        self._pass(missing)
        drift_ns = captured_ns - self._due_ns
        if drift_ns > (OVERFLOW_GAP_NS if overflow else GAP_NS):
            self._lose(drift_ns)
            drift_ns = 0
            self._due_ns = captured_ns
        elif drift_ns < -GAP_NS and self._silent:
            return None
        self._silent = False
        start = self.next
        self._pass(count)
        most_ns = int(SLEW * self._ns(count))
        self._due_ns += max(-most_ns, min(most_ns, drift_ns))
        return start

    def silence(self, until_ns: int) -> int:
        """How many samples of silence it takes, from `next`, which goes on by them, to the present `until_ns`."""
        if self._due_ns is None:
            self._due_ns = until_ns
        before = self.next
        if until_ns > self._due_ns:
            self._silent = True
            self._lose(until_ns - self._due_ns)
        return self.next - before

    def _lose(self, length_ns: int) -> None:
        count = length_ns * self.rate // 1_000_000_000
        self.lost += count
        self._pass(min(count, MAX_GAP_NS * self.rate // 1_000_000_000))
        if length_ns > MAX_GAP_NS:
            self._due_ns += length_ns - MAX_GAP_NS

    def _pass(self, count: int) -> None:
        self.next += count
        self._due_ns += self._ns(count)

    def _ns(self, count: int) -> int:
        return count * 1_000_000_000 // self.rate
