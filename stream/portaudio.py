"""PortAudio, when it is asked for: importing sounddevice looks for the library and for devices."""

from __future__ import annotations

import sys
from typing import Any

from voxmesh.stream.errors import VoxmeshError


def portaudio() -> Any:
    """The sounddevice module. Raises VoxmeshError where the PortAudio library is missing."""
    try:
        import sounddevice
    except OSError as error:
        hint = ": apt-get install libportaudio2" if sys.platform.startswith("linux") else ""
        raise VoxmeshError(f"the PortAudio library is not installed{hint}") from error
    return sounddevice


def reason(error: Exception | None) -> str:
    """What PortAudio says, in one line."""
    return " ".join(str(error).split())[:200]
