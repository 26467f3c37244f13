"""`voxmesh control`: ask a running stream for something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from voxmesh.stream.control import DEFAULT_CONTROL, ask
from voxmesh.stream.endpoints import full_endpoint
from voxmesh.stream.key_options import client_key_options
from voxmesh.stream.keys import client_keys


@click.command()
@click.argument("name", default="help")
@click.argument("value", required=False)
@click.option("--to", "endpoint", default=DEFAULT_CONTROL, show_default=True, help="Where it was told to --control.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), default=5.0, show_default=True)
@client_key_options
def control(
    name: str, value: str | None, endpoint: str, timeout_s: float, key: Path | None, server: Path | None
) -> None:
    """Ask a stream that runs with --control for NAME, or to set it to VALUE (JSON, or a plain word).

    \b
    voxmesh control                  what can be asked for
    voxmesh control status           its numbers
    voxmesh control style cheerful   a style, a blend (cheerful:0.5,sad:0.3), a style file's bare name
    voxmesh control style-strength 1.5
    voxmesh control mouth-gain 0.7   and upper-gain, 0 to 2
    voxmesh control blink off        or auto
    """
    answer = ask(full_endpoint(endpoint), name, _parsed(value), timeout_s, client_keys(key, server))
    click.echo(answer if isinstance(answer, str) else json.dumps(answer, indent=1))


def _parsed(text: str | None) -> Any:
    """1.5 is a number and cheerful a word."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
