"""What this machine lacks for voxmesh, and what to do about it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from voxmesh.stream.backend import open_backend, open_session
from voxmesh.stream.bundle import find, load
from voxmesh.stream.cli import EXTRAS, version
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk

OK, NOTE, FAIL = "ok", "note", "FAIL"
PORTS = {5556: "frames (--listen)", 5557: "audio of serve (--audio)", 5558: "control (--control)", 8080: "view --web"}
_SILENCE_S = 1.0


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do (empty when nothing).

    state: OK; NOTE, something does not work here and voxmesh does without; FAIL, voxmesh does not work here.
    """

    what: str
    state: str
    found: str
    advice: str = ""


def examine(bundle: Path | None = None, ports: dict[int, str] = PORTS) -> Iterator[Finding]:
    """One finding after the other, as they are made."""
    yield _runtime()
    yield _bundle(bundle)
    yield _gpu(bundle)
    yield _microphone()
    yield _display()
    yield from (_port(port, use) for port, use in ports.items())
    yield from (_extra(name, modules) for name, modules in EXTRAS.items())


def _runtime() -> Finding:
    installed = {name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)}
    found = (
        f"voxmesh {version()}, Python {sys.version.split()[0]}, {' and '.join(sorted(installed)) or 'no onnxruntime'}"
    )
    if not installed:
        return Finding("runtime", FAIL, found, "pip install onnxruntime-gpu (x86-64 Linux, Windows) or onnxruntime")
    if len(installed) == 2:
        return Finding("runtime", FAIL, found, "they overwrite each other: uninstall both, then install one")
    return Finding("runtime", OK, found)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
        return True
    except metadata.PackageNotFoundError:
        return False


def _bundle(name: Path | None) -> Finding:
    """Loads it, and makes frames of a second of silence."""
    try:
        bundle = load(name)
        engine = Engine(bundle, backend=open_backend(bundle))
        began = time.perf_counter()
        frames = engine.push(AudioChunk(np.zeros(round(_SILENCE_S * engine.source_rate), np.float32), 0))
        frames += engine.flush()
        cost_ms = 1000 * (time.perf_counter() - began) / len(frames)
    except VoxmeshError as error:
        return Finding("bundle", FAIL, f"{find(name)}", str(error))
    found = (
        f"{bundle.folder}: {len(bundle.topologies)} faces, {cost_ms:.2f} ms a frame of {1000 / engine.clock.fps:.1f}"
    )
    if cost_ms > 1000 / engine.clock.fps:
        return Finding("bundle", NOTE, found, "too slow for real time, or the machine was busy: try --fps 30")
    return Finding("bundle", OK, found)


def _gpu(name: Path | None) -> Finding:
    try:
        open_session(load(name).graph("onnx", "identity"), device="cuda")
    except VoxmeshError as error:
        return Finding("GPU", NOTE, "not used, and not needed: one CPU core does", str(error))
    return Finding("GPU", OK, "there for --device cuda")


def _microphone() -> Finding:
    from voxmesh.stream.microphone import choose, devices

    try:
        found = devices()
        chosen = choose(found, None)
    except VoxmeshError as error:
        return Finding("microphone", NOTE, "none", str(error))
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return Finding("microphone", OK, f"{chosen.name} ({chosen.host}, {chosen.rate} Hz){others}")


def _display() -> Finding:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        advice = "pictures and films are drawn without one; to watch: voxmesh view --web"
        return Finding("display", NOTE, "no DISPLAY or WAYLAND_DISPLAY", advice)
    return Finding("display", OK, "there is one")


def _port(port: int, use: str) -> Finding:
    with socket.socket() as probe:
        # As ZeroMQ does on Unix: a port that was left a moment ago is free.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            advice = "if that is no voxmesh of yours, give another port"
            return Finding(f"port {port}", NOTE, f"{use}: {error.strerror or error}", advice)
    return Finding(f"port {port}", OK, f"{use}: free")


def _extra(name: str, modules: tuple[str, ...]) -> Finding:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        return Finding(name, NOTE, f"lacks {', '.join(missing)}", f"if you want it: pip install 'voxmesh[{name}]'")
    return Finding(name, OK, "installed")
