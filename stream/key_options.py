"""--key and its fellow, for commands that bind sockets and for those that connect to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from voxmesh.stream.endpoints import is_local
from voxmesh.stream.keys import ANYONE, PUBLIC, SECRET, ServerKeys

F = TypeVar("F", bound=Callable[..., Any])


def server_key_options(function: F) -> F:
    """Adds --key and --allow (key: Path | None, allow: tuple[Path, ...])."""
    function = click.option(
        "--allow",
        metavar="FOLDER|FILE",
        type=click.Path(path_type=Path),
        multiple=True,
        help=f"With --key: {PUBLIC} files of those who may connect; `{ANYONE}`: all who know our public key.",
    )(function)
    return click.option(
        "--key",
        type=click.Path(path_type=Path),
        help=f"Encrypt, and let in those of --allow only: our {SECRET} file, from `voxmesh keys new`.",
    )(function)


def client_key_options(function: F) -> F:
    """Adds --key and --server (key, server: Path | None)."""
    function = click.option(
        "--server", type=click.Path(path_type=Path), help=f"With --key: the {PUBLIC} file of the one to connect to."
    )(function)
    return click.option(
        "--key", type=click.Path(path_type=Path), help=f"Our own {SECRET} file, where a key is asked for."
    )(function)


def warn_where_open(endpoint: str, keys: ServerKeys | None) -> None:
    """One line on stderr when whoever reaches this machine may connect to `endpoint`."""
    if keys is None and not is_local(endpoint):
        click.echo(
            f"voxmesh: warning: {endpoint} is open to whoever reaches this machine, unencrypted: add --key and --allow "
            "(see `voxmesh keys --help`)",
            err=True,
        )
