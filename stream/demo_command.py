"""`voxmesh demo`: a head that speaks, whatever this machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from voxmesh.stream.cli import run_command
from voxmesh.stream.errors import VoxmeshError

SAMPLE = Path(__file__).parent / "sample.wav"
"""A sentence by the project's own synthetic talker."""


@click.command()
@click.option("--headless", is_flag=True, help="Write pictures even where there is a screen and a microphone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=".", help="Folder for demo.mp4 and demo.png.")
def demo(headless: bool, output: Path) -> None:
    """Show a head speaking.

    With a screen and a microphone: a window that speaks as you do. Without: a bundled sentence is streamed in real
    time, published, received and drawn to demo.png; then demo.mp4 is written, with sound.
    """
    if not headless and has_screen() and has_microphone():
        click.echo("Speak: the window listens to your microphone. Ctrl-C ends it.")
        run_command("live", ["--window"])
        return
    click.echo("No screen and microphone to use: the bundled sentence speaks instead.")
    picture, film = output / "demo.png", output / "demo.mp4"
    _stream(picture)
    run_command("animate", [str(SAMPLE), "-o", str(film)])
    click.echo(f"Look at {film} and {picture}. On a machine with a screen and a microphone: voxmesh live --window")


def has_screen() -> bool:
    """Whether a window could open here."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def has_microphone() -> bool:
    """Whether there is an input device."""
    from voxmesh.stream.microphone import devices

    try:
        return bool(devices())
    except VoxmeshError:
        return False


def _stream(picture: Path) -> None:
    """Publish the sample live from one process, receive and draw it in another."""
    command = [sys.executable, "-m", "voxmesh.stream.cli"]
    endpoint = f"tcp://127.0.0.1:{_free_port()}"
    viewer = subprocess.Popen(
        [*command, "view", endpoint, "--no-window", "--screenshot", str(picture), "--seconds", "2"]
    )
    try:
        run_command("live", ["--wav", str(SAMPLE), "--listen", endpoint, "--wait", "30"])
        if viewer.wait(timeout=60):
            raise VoxmeshError(
                "the viewer did not draw what was published: run `voxmesh view --screenshot x.png` to see why"
            )
    finally:
        viewer.kill()
        viewer.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
