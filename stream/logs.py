"""What a running command says on stderr: lines for people, or one JSON object a line (`--log json`)."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import click

STATUS_S = 5.0
"""How often a status is written where lines pile up."""

log_option = click.option(
    "--log",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="What is said on stderr: lines for people, or one JSON object a line.",
)


class Log:
    """say, warn, status. Statuses overwrite each other on a terminal; elsewhere they come every STATUS_S seconds.

    as_json: objects with `time` (seconds since 1970), `event` and what the event has. quiet: no statuses.
    now_s: of a clock that does not jump, for tests.
    """

    def __init__(
        self,
        as_json: bool = False,
        quiet: bool = False,
        stream: TextIO | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._json, self._quiet, self._stream, self._now_s = as_json, quiet, stream or sys.stderr, now_s
        self.overwrites = self._stream.isatty() and not as_json
        self._due_s = -1e9
        self._open_line = False

    def say(self, event: str, text: str, **fields: Any) -> None:
        """text: for people; fields: for machines."""
        if self._json:
            line = json.dumps({"time": round(time.time(), 3), "event": event, **fields}, allow_nan=False)
        else:
            line = f"{chr(10) if self._open_line else ''}{text}"
        self._print(line, "\n")
        self._open_line = False

    def warn(self, message: str) -> None:
        self.say("warning", f"voxmesh: warning: {message}", message=message)

    def status(self, text: str, fields: dict[str, Any], last: bool = False) -> None:
        """last: said whenever it comes."""
        if self._quiet or not (last or self.overwrites or self._now_s() >= self._due_s):
            return
        self._due_s = self._now_s() + STATUS_S
        if self.overwrites:
            self._print(f"\r{text}\x1b[K", "")
            self._open_line = True
        else:
            self.say("status", text, **fields)

    def _print(self, text: str, end: str) -> None:
        # Whoever read it may have gone: the face does not stop for that.
        with contextlib.suppress(OSError):
            print(text, end=end, file=self._stream, flush=True)
