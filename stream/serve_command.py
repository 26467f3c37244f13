"""`voxmesh serve`: many faces from one process."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from voxmesh.stream.backend import BACKENDS, DEVICES, open_backend
from voxmesh.stream.bundle import load
from voxmesh.stream.control import DEFAULT_CONTROL, Control
from voxmesh.stream.endpoints import full_endpoint
from voxmesh.stream.key_options import server_key_options, warn_where_open
from voxmesh.stream.keys import server_keys
from voxmesh.stream.publish import DEFAULT_ENDPOINT, Publisher
from voxmesh.stream.serve import DEFAULT_AUDIO, Limits, Server
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.stopping import quiet_collector, stop_on_signals


@click.command()
@click.option("--audio", default=DEFAULT_AUDIO, show_default=True, help="Where audio comes in (a ZeroMQ PULL socket).")
@click.option("--listen", default=DEFAULT_ENDPOINT, show_default=True, help="Where frames go out.")
@click.option("--sessions", type=click.IntRange(1), default=32, show_default=True, help="How many at once.")
@click.option(
    "--idle", metavar="SECONDS", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True,
    help="A session that sends nothing for so long is closed.",
)  # fmt: skip
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--backend", type=click.Choice(BACKENDS), default="onnx", show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="For the networks.")
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help="cuda: an NVIDIA card.")
@click.option(
    "--control", "control_at", metavar="ENDPOINT", is_flag=False, flag_value=DEFAULT_CONTROL,
    help=f"Answer `voxmesh control` here ({DEFAULT_CONTROL} unless told).",
)  # fmt: skip
@server_key_options
@click.option("--quiet", is_flag=True, help="No status lines.")
def serve(
    audio: str,
    listen: str,
    sessions: int,
    idle: float,
    bundle: Path | None,
    backend: str,
    threads: int,
    device: str,
    control_at: str | None,
    key: Path | None,
    allow: tuple[Path, ...],
    quiet: bool,
) -> None:
    """Make many faces speak: audio of named sessions comes in, each one's frames are published under its name.

    The message that audio travels in is described in voxmesh.stream.audio_wire; `pack_audio` makes it. Ctrl-C ends
    every session with its last frames and a bye.
    """
    loaded = load(bundle)
    served = Sessions(loaded, open_backend(loaded, backend, threads, device))
    keys = server_keys(key, allow)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        lookahead = loaded.features.lookahead_samples
        publisher = stack.enter_context(Publisher(full_endpoint(listen), None, lookahead_samples=lookahead, keys=keys))
        limits = Limits(sessions=sessions, idle_s=idle)
        server = stack.enter_context(Server(served, publisher, full_endpoint(audio), limits, keys=keys))
        control = stack.enter_context(Control(full_endpoint(control_at), keys=keys)) if control_at else None
        for bound in (server, publisher, *([control] if control else [])):
            warn_where_open(bound.endpoint, keys)
        click.echo(f"audio on {server.endpoint}, frames on {publisher.endpoint}, up to {sessions} sessions")
        if control is not None:
            click.echo(f"control on {control.endpoint}")
        sys.stdout.flush()
        with quiet_collector():
            server.run(stop, (lambda one: None) if quiet else show, control=control)
        if not quiet:
            show(server)


def show(server: Server) -> None:
    """One line on stderr."""
    dropped = ", ".join(f"{count} {why}" for why, count in sorted(server.dropped.items()))
    line = f"{len(server.sessions)} sessions ({server.most} at most), {server.frames} frames"
    print(f"{line}, dropped: {dropped or 'none'}", file=sys.stderr, flush=True)
