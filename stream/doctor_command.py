"""`voxmesh doctor`: is everything there?"""

from __future__ import annotations

from pathlib import Path

import click

from voxmesh.stream.doctor import FAIL, examine


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.pass_context
def doctor(ctx: click.Context, bundle: Path | None) -> None:
    """Look at the runtime, the bundle, GPU, microphone, display, ports and extras; say what to do about each.

    Exit code 0: voxmesh works here (a note is something that it does without). 1: it does not, see FAIL.
    """
    failed = False
    for finding in examine(bundle):
        failed |= finding.state == FAIL
        click.echo(f"{finding.state:4}  {finding.what:10}  {finding.found}")
        if finding.advice:
            click.echo(f"{'':18}-> {' '.join(finding.advice.split())}")
    ctx.exit(int(failed))
