"""`voxmesh live`: speak, and publish the face."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.avatars import open_avatars
from voxmesh.stream.control import DEFAULT_CONTROL, Control
from voxmesh.stream.directions import Directions, ignore_change
from voxmesh.stream.endpoints import full_endpoint
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.freshness import STALE_MS
from voxmesh.stream.key_options import server_key_options, warn_where_open
from voxmesh.stream.keys import server_keys, with_guest
from voxmesh.stream.live import Recorder, Source, run
from voxmesh.stream.logs import Log, log_option
from voxmesh.stream.metrics import MetricsServer
from voxmesh.stream.microphone import Microphone
from voxmesh.stream.options import engine_options, make_engine, take_engine_options
from voxmesh.stream.pacing import PacedFile
from voxmesh.stream.publish import DEFAULT_ENDPOINT, Publisher
from voxmesh.stream.stopping import quiet_collector, stop_on_signals
from voxmesh.stream.take_commands import open_take
from voxmesh.stream.telemetry import Snapshot
from voxmesh.stream.wire import TopologyMessage


@click.command()
@click.option("--mic", metavar="NAME|INDEX", help="Which microphone (see `voxmesh devices`; default: the system's).")
@click.option("--wav", type=click.Path(path_type=Path), help="Speak from this audio file, at its own pace.")
@click.option("--loop", is_flag=True, help="With --wav: begin again at the end.")
@click.option(
    "--rate", type=click.IntRange(1000, 768_000), help="Microphone's sample rate (default: the device's own)."
)
@click.option(
    "--listen", default=DEFAULT_ENDPOINT, show_default=True, help="Where to publish; tcp://0.0.0.0:5556 is everywhere."
)
@click.option(
    "--control",
    "control_at",
    metavar="ENDPOINT",
    is_flag=False,
    flag_value=DEFAULT_CONTROL,
    help=f"Answer `voxmesh control` here ({DEFAULT_CONTROL} unless told): change style, gains, blinks.",
)
@server_key_options
@click.option(
    "--send",
    type=click.Choice(("vertices", "weights", "both")),
    default="vertices",
    show_default=True,
    help="What frames carry: the mesh, 52 ARKit weights fitted to it, or both.",
)
@click.option(
    "--vertices",
    "vertex_type",
    type=click.Choice(("float32", "float16", "int16")),
    default="float32",
    show_default=True,
    help="How vertices travel: int16 halves the bytes and keeps a head to 2 micrometres, float16 to 61.",
)
@click.option(
    "--send-audio",
    type=click.Choice(("float32", "int16")),
    is_flag=False,
    flag_value="float32",
    help="Also publish the sound that each frame depicts (float32 unless told): `voxmesh view --sound` plays it.",
)
@click.option(
    "--livelink",
    "live_links",
    metavar="HOST[:11111]",
    multiple=True,
    help="Also send to Unreal as Live Link Face does (MetaHuman, any ARKit-ready character). May be repeated.",
)
@click.option(
    "--vmc",
    "vmcs",
    metavar="HOST[:39539]",
    multiple=True,
    help="Also send VMC over OSC: VSeeFace, Warudo, VNyan, EVMC4U. May be repeated.",
)
@click.option(
    "--vmc-shapes",
    type=click.Choice(("all", "arkit", "vrm")),
    default="all",
    show_default=True,
    help="With --vmc: 52 ARKit shapes, VRM's vowels and blinks, or both. An avatar that has both moves twice: choose.",
)
@click.option(
    "--session",
    help="Name of this session on the wire, up to 16 bytes (default: random), and of the Live Link subject "
    "(default: voxmesh).",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=0.0,
    help="Begin when somebody listens, or after this.",
)
@click.option("--window", is_flag=True, help="Open a window that shows the face (voxmesh[viewer]).")
@click.option("--record", type=click.Path(path_type=Path), help="Write what was heard to this .wav.")
@click.option("--take", type=click.Path(path_type=Path), help="Keep the session in this file for `voxmesh replay`.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after this much audio.")
@click.option(
    "--stale",
    "stale_ms",
    metavar="MS",
    type=click.FloatRange(0),
    default=STALE_MS,
    show_default=True,
    help="Skip frames that are later than this, so that a face that was held up goes on with what is said now.",
)
@click.option(
    "--metrics", type=click.IntRange(0, 65535), help="Metrics for Prometheus at http://127.0.0.1:PORT/metrics."
)
@log_option
@click.option("--quiet", is_flag=True, help="No status line.")
@engine_options
def live(
    mic: str | None,
    wav: Path | None,
    loop: bool,
    rate: int | None,
    listen: str,
    control_at: str | None,
    key: Path | None,
    allow: tuple[Path, ...],
    send: str,
    vertex_type: str,
    send_audio: str | None,
    live_links: tuple[str, ...],
    vmcs: tuple[str, ...],
    vmc_shapes: str,
    session: str | None,
    wait: float,
    window: bool,
    record: Path | None,
    take: Path | None,
    seconds: float | None,
    stale_ms: float,
    metrics: int | None,
    log: str,
    quiet: bool,
    **shared: Any,
) -> None:
    """Speak: the face is published over ZeroMQ, frame by frame, until Ctrl-C.

    --livelink and --vmc drive avatars that others have made, with no plugin: 52 ARKit weights are fitted to each frame.

    The status line shows the microphone's level, frames a second, the time one frame takes, the latency from the
    microphone to publication (look-ahead included) and what was dropped. docs/operation.md says what happens when a
    microphone goes away, the machine is busy or a disk is full.
    """
    if wav is not None and (mic is not None or rate is not None):
        raise click.UsageError("--wav speaks from a file: --mic and --rate have no place beside it")
    if vmc_shapes != "all" and not vmcs:
        raise click.UsageError("--vmc-shapes needs --vmc")
    if send == "weights" and window:
        raise click.UsageError("--window draws vertices: add --send both, or drop --send weights")
    if loop and wav is None:
        raise click.UsageError("--loop needs --wav")
    if wav is not None and record is not None and record.resolve() == wav.resolve():
        raise click.UsageError("--record would overwrite the file that --wav speaks from")
    options = take_engine_options(shared)
    keys = server_keys(key, allow)
    logger = Log(log == "json", quiet)
    warn = logger.warn
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        guest: list[str] = []
        if window and keys is not None:
            keys, guest = with_guest(keys, Path(stack.enter_context(TemporaryDirectory(prefix="voxmesh-"))))
        source: Source = PacedFile(AudioFile(wav, warn), loop=loop) if wav else Microphone(mic, rate, warn)
        stack.enter_context(closing(source))
        engine = make_engine(options, source.rate)
        clock = engine.clock
        hello = TopologyMessage(
            session or secrets.token_hex(4),
            engine.topology,
            clock.sample_rate,
            clock.fps_num,
            clock.fps_den,
            engine.bundle.blendshape_names,
        )
        avatars = stack.enter_context(open_avatars(engine, live_links, vmcs, vmc_shapes, session, send != "vertices"))
        publisher = stack.enter_context(
            Publisher(
                full_endpoint(listen),
                hello,
                lookahead_samples=engine.bundle.features.lookahead_samples,
                vertex_type=None if send == "weights" else vertex_type,
                keys=keys,
            )
        )
        warn_where_open(publisher.endpoint, keys)
        kept = stack.enter_context(closing(open_take(take, options, engine, source.name, warn))) if take else None
        control = None
        if control_at:
            directions = Directions(engine, options.driving or options.style, kept.change if kept else ignore_change)
            control = stack.enter_context(Control(full_endpoint(control_at), directions.handlers(), keys=keys))
            engine.manner.prepare()
        recorder = stack.enter_context(closing(Recorder(record, source.rate, warn))) if record else None
        server = stack.enter_context(MetricsServer(metrics)) if metrics is not None else None
        click.echo(
            f"publishing {source.name} ({source.rate} Hz) on {publisher.endpoint}, session {hello.session}, "
            f"{clock.fps:g} fps, look-ahead {engine.bundle.features.lookahead_ms:g} ms"
        )
        if control is not None:
            warn_where_open(control.endpoint, keys)
            click.echo(f"control on {control.endpoint}")
        if server is not None:
            click.echo(f"metrics on {server.url}")
        for sender in avatars.senders:
            click.echo(f"sending to {sender.udp.target} ({type(sender).__name__.removesuffix('Sender')})")
        sys.stdout.flush()
        if window:
            stack.enter_context(viewer_window(publisher.endpoint, guest))

        def status(snapshot: Snapshot, last: bool = False) -> None:
            logger.status(snapshot.line(), snapshot.figures(), last)
            if server is not None:
                server.update(snapshot)

        with quiet_collector():
            final = run(
                source,
                engine,
                publisher,
                stop=stop,
                wait_s=wait,
                samples=None if seconds is None else round(seconds * source.rate),
                sinks=[sink for sink in (recorder, kept) if sink is not None],
                control=control,
                weigh=None if send == "vertices" else avatars.weights,
                sound_type=send_audio,
                also=avatars.send,
                status=status,
                status_s=0.2 if logger.overwrites else 1.0,
                stale_ms=stale_ms,
            )
        if kept is not None:
            kept.end()
        status(final, last=True)
        if not quiet:
            logger.say("stopped", f"stopped after {final.frames} frames", frames=final.frames)
        for sender in avatars.senders:
            if sender.udp.dropped:
                warn(f"{sender.udp.dropped} datagrams to {sender.udp.target} could not be sent: is it reachable?")
        if engine.replaced_samples:
            warn(f"{engine.replaced_samples} samples were not numbers; they were heard as silence")


@contextmanager
def viewer_window(endpoint: str, options: Sequence[str] = ()) -> Iterator[None]:
    """`voxmesh view` in a process of its own: it may be closed at any time, and is when we end."""
    target = endpoint.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    command = [sys.executable, "-m", "voxmesh.stream.cli", "view", target, *options]
    try:
        # Its own process group: Ctrl-C reaches us alone, and we end it.
        viewer = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise VoxmeshError(f"cannot open the viewer: {error}") from error
    try:
        yield
    finally:
        viewer.terminate()
        try:
            viewer.wait(0.5)
        except subprocess.TimeoutExpired:
            viewer.kill()
            viewer.wait()
