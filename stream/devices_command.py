"""`voxmesh devices`: the microphones."""

from __future__ import annotations

import click

from voxmesh.stream import microphone


@click.command()
def devices() -> None:
    """List the microphones: what `voxmesh live --mic` takes, by number or by a part of the name."""
    found = microphone.devices()
    chosen = microphone.choose(found, None)
    for device in found:
        mark = "*" if device == chosen else " "
        channels = f"{device.channels} channel{'s' if device.channels != 1 else ''}"
        click.echo(f"{mark} {device.index:3d}  {device.name}  ({device.host}, {channels}, {device.rate} Hz)")
    click.echo("* is taken when --mic is not given")
