"""The one error that users see."""

from __future__ import annotations


class VoxmeshError(Exception):
    """Something a user can mend. The message says what was wrong, with the value, and what to do, in one line.

    Commands print it and exit with code 2; anything else that escapes is a bug and keeps its traceback.
    """
