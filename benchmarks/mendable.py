"""What a user can mend ends a benchmark in one line, as it ends `voxmesh`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from voxmesh.stream.errors import VoxmeshError


@contextmanager
def mendable(tool: str) -> Iterator[None]:
    """Prints a VoxmeshError after the name of the tool and exits with code 2."""
    try:
        yield
    except VoxmeshError as error:
        click.echo(f"{tool}: error: {error}", err=True)
        sys.exit(2)
