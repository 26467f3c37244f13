"""What surrounds a loop that runs for hours: Ctrl-C as an event that it looks at, and a garbage collector that rests.

(An exception can get lost where C code calls back.)
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def stop_on_signals() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts at once."""
    stop = Event()

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """What has been loaded stays: the garbage collector need not walk it between frames."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
