"""The command `voxmesh view`: what a publisher sends, in a window, in a picture, or as figures in the terminal."""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click
import numpy as np

from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.key_options import client_key_options
from voxmesh.stream.keys import ClientKeys, client_keys
from voxmesh.stream.stopping import stop_on_signals
from voxmesh.stream.topology import Topology
from voxmesh.viewer.clip import with_look
from voxmesh.viewer.loudspeaker import Loudspeaker
from voxmesh.viewer.options import Size
from voxmesh.viewer.receive import DEFAULT_ENDPOINT, Receiver

if TYPE_CHECKING:
    from voxmesh.viewer.window import FaceWindow

_FIRST_FRAMES = 5
"""A screenshot with no --seconds is taken after so many frames: the first ones may be the face at rest."""
_REDRAW_S = 1 / 60


@dataclass
class Telemetry:
    """Frame rate and delay over the last second, and a line that tells them."""

    drawn: deque[tuple[float, float | None]] = field(default_factory=deque)

    def add(self, frame: wire.FrameMessage) -> None:
        """Counts a frame that is being drawn now."""
        now_ns = time.monotonic_ns()
        delay_ms = (now_ns - frame.captured_ns) / 1e6
        # Another machine's monotonic clock is not ours: a figure that cannot be is not shown.
        self.drawn.append((now_ns / 1e9, delay_ms if frame.captured_ns and 0 <= delay_ms < 60_000 else None))

    def line(self, receiver: Receiver) -> str:
        """For example `30 fps   latency 84 ms   missed 0`."""
        now = time.monotonic()
        while self.drawn and self.drawn[0][0] < now - 1:
            self.drawn.popleft()
        if not self.drawn:
            if receiver.topology is None and receiver.refused is not None:
                return receiver.refused
            if receiver.topology is None:
                return f"waiting for {receiver.endpoint}"
            return "the publisher has stopped" if receiver.ended else "no frames are coming"
        delays = [delay for _, delay in self.drawn if delay is not None]
        latency = f"latency {np.median(delays):.0f} ms   " if delays else ""
        span_s = self.drawn[-1][0] - self.drawn[0][0]
        fps = f"{(len(self.drawn) - 1) / span_s:.0f} fps   " if span_s > 0 else ""
        return f"{fps}{latency}missed {receiver.missed}"


@click.command()
@click.argument("endpoint", default=DEFAULT_ENDPOINT)
@click.option("--screenshot", type=click.Path(path_type=Path), help="Save a picture of what comes, and end.")
@click.option(
    "--seconds", type=float, help="End after so long; with --screenshot, take it so long after the first frame."
)
@click.option("--size", type=Size(), default="720x828", show_default=True, help="Pixels: 720, or 800x920.")
@click.option("--no-window", is_flag=True, help="Draw nothing on screen: figures in the terminal, or a screenshot.")
@click.option("--sound", is_flag=True, help="Play what the face says; its publisher needs --send-audio.")
@click.option("--timeout", "timeout_s", type=float, default=10.0, show_default=True, help="For --screenshot, seconds.")
@click.option("--web", is_flag=True, help="Serve a page that shows the face in a browser; prints its address.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --web (default: 8080; 0: any that is free).")
@click.option("--bind", help="With --web (default: 127.0.0.1); 0.0.0.0 lets a phone on the same network in.")
@click.option(
    "--token", help="With --web: the secret in the address, to keep it from start to start (default: random)."
)
@client_key_options
def view(
    endpoint: str,
    screenshot: Path | None,
    seconds: float | None,
    size: tuple[int, int],
    no_window: bool,
    sound: bool,
    timeout_s: float,
    web: bool,
    port: int | None,
    bind: str | None,
    token: str | None,
    key: Path | None,
    server: Path | None,
) -> None:
    """Show the face that a publisher at ENDPOINT sends. Turn it with the mouse; Esc or Q closes.

    With --sound the face waits for its sound, some 100 ms, so that what is seen is what is heard.
    """
    keys = client_keys(key, server)
    if web:
        if screenshot is not None or no_window or sound:
            raise click.UsageError(
                "--web draws in a browser, whose page has its own button for sound: "
                "--screenshot, --no-window and --sound have no place beside it"
            )
        return _serve(endpoint, bind or "127.0.0.1", 8080 if port is None else port, token, seconds, keys)
    if port is not None or bind is not None or token is not None:
        raise click.UsageError("--port, --bind and --token need --web")

    from voxmesh.viewer.window import FaceWindow, has_display

    if sound and screenshot is not None:
        raise click.UsageError("--screenshot is silent: drop --sound")
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        receiver = stack.enter_context(Receiver(endpoint, sound=sound, keys=keys))
        frames: Receiver | Loudspeaker = stack.enter_context(Loudspeaker(receiver)) if sound else receiver
        if screenshot is not None and (no_window or not has_display()):
            _photograph(receiver, stop, screenshot, size, seconds, timeout_s)
        elif no_window:
            _report(receiver, frames, stop, seconds)
        else:
            with FaceWindow(*size, title=f"voxmesh {endpoint}") as window:
                _run_window(receiver, frames, stop, window, screenshot, seconds, timeout_s)


def _serve(
    endpoint: str, bind: str, port: int, token: str | None, seconds: float | None, keys: ClientKeys | None
) -> None:
    """A page for browsers."""
    import asyncio

    from voxmesh.viewer.web_server import load_site, run

    with stop_on_signals() as stop:
        asyncio.run(run(load_site(token), endpoint, bind, port, stop, seconds, keys))


def _run_window(
    receiver: Receiver,
    frames: Receiver | Loudspeaker,
    stop: Event,
    window: FaceWindow,
    screenshot: Path | None,
    seconds: float | None,
    timeout_s: float,
) -> None:
    from voxmesh.viewer.sheet import save_picture

    telemetry = Telemetry()
    shown: wire.TopologyMessage | None = None
    begin = time.monotonic()
    first_drawn: float | None = None
    written = -1.0
    drawn = 0
    click.echo(f"waiting for {receiver.endpoint} (Ctrl-C ends)")
    while not stop.is_set():
        frame = frames.latest(_REDRAW_S)
        topology = receiver.poll_topology()
        if topology is not None and topology is not shown:
            shown = topology
            window.show(drawable(topology.topology))
        vertices = None
        if frame is not None and shown is not None and frame.session == shown.session:
            vertices = drawn_vertices(frame)
            telemetry.add(frame)
            drawn += 1
        now = time.monotonic()
        if drawn and first_drawn is None:
            first_drawn = now
        if now - written > 0.5:
            window.write(telemetry.line(receiver))
            written = now
        if not window.draw(vertices):
            return
        if screenshot is not None:
            if _due(drawn, first_drawn, seconds):
                save_picture(screenshot, window.capture())
                click.echo(f"wrote {screenshot}")
                return
            if first_drawn is None and now - begin > timeout_s:
                raise _nothing_came(receiver, timeout_s)
        elif seconds is not None and now - begin >= seconds:
            return


def _photograph(
    receiver: Receiver, stop: Event, path: Path, size: tuple[int, int], seconds: float | None, timeout_s: float
) -> None:
    """A picture with no window at all."""
    from voxmesh.viewer.offscreen import Offscreen
    from voxmesh.viewer.sheet import save_picture

    begin = time.monotonic()
    topology = receiver.wait_for_topology(timeout_s)
    newest: wire.FrameMessage | None = None
    first: float | None = None
    drawn = 0
    while not stop.is_set():
        frame = receiver.latest(0.1)
        topology = receiver.poll_topology() or topology
        if frame is not None and frame.session == topology.session:
            newest = frame
            first = first or time.monotonic()
            drawn += 1
        if newest is None:
            if time.monotonic() - begin > timeout_s:
                raise _nothing_came(receiver, timeout_s)
        elif receiver.ended or _due(drawn, first, seconds):
            break
    if newest is None:
        return
    with Offscreen(drawable(topology.topology), *size) as picture:
        save_picture(path, picture.render(drawn_vertices(newest)))
    click.echo(f"wrote {path}")


def _due(drawn: int, first: float | None, seconds: float | None) -> bool:
    """Whether a screenshot is due, after `drawn` frames of which the first came at `first` (monotonic s)."""
    if first is None:
        return False
    return drawn >= _FIRST_FRAMES if seconds is None else time.monotonic() - first >= seconds


def _report(receiver: Receiver, frames: Receiver | Loudspeaker, stop: Event, seconds: float | None) -> None:
    """A line a second in the terminal."""
    telemetry = Telemetry()
    begin = reported = time.monotonic()
    while not stop.is_set() and (seconds is None or time.monotonic() - begin < seconds):
        frame = frames.latest(0.1)
        if frame is not None:
            telemetry.add(frame)
        if time.monotonic() - reported >= 1:
            reported += 1
            click.echo(telemetry.line(receiver))


def drawable(topology: Topology) -> Topology:
    """A topology as it came, with clay for the look it may lack."""
    return with_look(
        topology.template, topology.faces, topology.albedo, topology.occlusion, topology.gloss, topology.landmarks
    )


def drawn_vertices(frame: wire.FrameMessage) -> np.ndarray:
    """(V, 3) metres. Raises VoxmeshError for a frame that carries weights only."""
    if not len(frame.vertices):
        raise VoxmeshError("the publisher sends blendshape weights only, which need its rig; have it send vertices")
    return frame.vertices


def _nothing_came(receiver: Receiver, timeout_s: float) -> VoxmeshError:
    return VoxmeshError(
        f"no frame came from {receiver.endpoint} in {timeout_s:g} s; start a publisher there: voxmesh live"
    )
