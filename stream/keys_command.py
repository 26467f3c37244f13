"""`voxmesh keys`: make the keys that let clients in, and what they connect to be known."""

from __future__ import annotations

from pathlib import Path

import click

from voxmesh.stream import keys as certificates
from voxmesh.stream.keys import PUBLIC, SECRET


@click.group()
def keys() -> None:
    """Keys (CURVE) for sockets that others than this machine can reach.

    One pair for the publisher and one for each client. Public halves are exchanged, secret ones stay where they are:

    \b
    voxmesh keys new studio -o keys               # on the machine that publishes
    voxmesh keys new laptop                       # on the one that watches; copy laptop.key to studio's keys/clients
    voxmesh live --listen 0.0.0.0:5556 --key keys/studio.key_secret --allow keys/clients
    voxmesh view tcp://studio:5556 --key laptop.key_secret --server studio.key
    """


@keys.command()
@click.argument("name")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=".", show_default=True, help="Folder, made if need be."
)
def new(name: str, output: Path) -> None:
    """Make a key: NAME.key to be given away, NAME.key_secret to be kept (only you can read it)."""
    public, secret = certificates.new(output, name)
    click.echo(f"wrote {public} (give it away) and {secret} (keep it)")


@keys.command()
@click.argument("file", metavar=f"FILE{PUBLIC}|FILE{SECRET}", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print the public key in FILE, 40 characters (Z85), as Unity's and Unreal's receivers take it."""
    click.echo(certificates.read_public(file).decode())
