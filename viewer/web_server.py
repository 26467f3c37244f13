"""`voxmesh view --web`: a page in the browser, and the wire's own messages over a WebSocket.

The page and its modules lie in the folder `web`. What the WebSocket carries as bytes is a message of the wire, as it
came. What it carries as text is between the page and this server: the page says `taken` for each frame that it took,
and `clock` to be told this machine's CLOCK_MONOTONIC; it is told once, at the start, where frames come from.
"""

from __future__ import annotations

import asyncio
import errno
import json
import mimetypes
import re
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from threading import Event
from urllib.parse import parse_qs, urlsplit

import click
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from voxmesh.stream.endpoints import is_local
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ClientKeys
from voxmesh.viewer.relay import Mailbox, Relay

STREAM_PATH = "/stream"
_HEADERS = {
    # Nothing from elsewhere: the page works with no network, and shows nothing that is not ours. Older Safaris take
    # 'self' for http only, hence ws:.
    "Content-Security-Policy": "default-src 'self' data:; connect-src 'self' ws: wss:; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Site:
    """What is served: path -> (content type, body), and the token that a WebSocket must bring."""

    files: dict[str, tuple[str, bytes]]
    token: str


def load_site(token: str | None = None) -> Site:
    """The page as it is installed, and a new token unless one is given. Raises VoxmeshError for a bad one."""
    if token is not None and not re.fullmatch(r"[\w.~-]{8,}", token, re.ASCII):
        raise VoxmeshError(
            f"{token!r} is no token; give 8 or more letters, digits and - . _ ~, or none for a random one"
        )
    files = {}
    for file in resources.files("voxmesh.viewer").joinpath("web").iterdir():
        # The system's own table of types may not know .mjs, and a browser runs no module without its type.
        kind = "text/javascript" if file.name.endswith(".mjs") else mimetypes.guess_type(file.name)[0] or "text/plain"
        files[f"/{file.name}"] = (f"{kind}; charset=utf-8", file.read_bytes())
    return Site({"/": files.pop("/index.html"), **files}, token or secrets.token_urlsafe(12))


async def run(
    site: Site,
    endpoint: str,
    bind: str,
    port: int,
    stop: Event,
    seconds: float | None = None,
    keys: ClientKeys | None = None,
) -> None:
    """Serves until `stop` is set, or for so many seconds. keys: where the publisher asks for them.

    Raises VoxmeshError if it cannot listen there.
    """
    with Relay(endpoint, keys) as relay:

        async def handler(connection: ServerConnection) -> None:
            await _stream(connection, relay)

        try:
            # Vertices do not compress in the time there is. A page sends a few bytes at a time.
            server = await serve(
                handler,
                bind,
                port,
                process_request=lambda connection, request: answer(site, request),
                compression=None,
                max_size=256,
                server_header=None,
                close_timeout=1,
            )
        except OSError as error:
            raise VoxmeshError(f"cannot listen on {bind}:{port}: {_reason(error)}") from error
        async with server:
            _announce(endpoint, bind, server.sockets[0].getsockname()[1], site.token)
            begin = time.monotonic()
            while not stop.is_set() and (seconds is None or time.monotonic() - begin < seconds):
                await asyncio.sleep(0.05)


def answer(site: Site, request: Request) -> Response | None:
    """A file, an error, or None to let a WebSocket open."""
    path = urlsplit(request.path)
    if getattr(request, "method", "GET") != "GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n")
    if path.path != STREAM_PATH:
        found = site.files.get(path.path)
        return _response(HTTPStatus.OK, *found) if found else _response(HTTPStatus.NOT_FOUND, "text/plain", b"no\n")
    token = parse_qs(path.query).get("token", [""])[0]
    if not secrets.compare_digest(token.encode(), site.token.encode()):
        return _response(HTTPStatus.FORBIDDEN, "text/plain", b"wrong token: open the address that was printed\n")
    # Browsers say from which site a WebSocket is opened; only our own page may.
    origins, hosts = request.headers.get_all("Origin"), request.headers.get_all("Host")
    if len(hosts) != 1 or not hosts[0] or [urlsplit(origin).netloc for origin in origins] != hosts:
        return _response(HTTPStatus.FORBIDDEN, "text/plain", b"opened from another site\n")
    return None


def _response(status: HTTPStatus, kind: str, body: bytes) -> Response:
    headers = Headers(**_HEADERS)
    headers["Content-Type"], headers["Content-Length"], headers["Connection"] = kind, str(len(body)), "close"
    return Response(status.value, status.phrase, headers, body)


async def _stream(connection: ServerConnection, relay: Relay) -> None:
    """One page, from its opening to its end."""
    mailbox, who = relay.join(), connection.remote_address[0]
    click.echo(f"{who} looks on")
    await connection.send(json.dumps({"endpoint": relay.endpoint, "same_clock": is_local(relay.endpoint)}))
    tasks = [asyncio.create_task(part(connection, mailbox)) for part in (_talk, _listen)]
    try:
        # Listening ends when the page goes, also while there is nothing to say.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(mailbox)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        lost = f"{mailbox.skipped} skipped" + (f", {mailbox.unheard} of sound lost" if mailbox.unheard else "")
        click.echo(f"{who} has left: {mailbox.frames} frames sent, {lost}")


async def _talk(connection: ServerConnection, mailbox: Mailbox) -> None:
    with suppress(ConnectionClosed):
        while True:
            for message in await mailbox.take():
                await connection.send(message)


async def _listen(connection: ServerConnection, mailbox: Mailbox) -> None:
    with suppress(ConnectionClosed):
        async for text in connection:
            if text == "taken":
                mailbox.taken()
            elif text == "clock":
                await connection.send(json.dumps({"clock_ms": time.monotonic_ns() / 1e6}))


def _announce(endpoint: str, bind: str, port: int, token: str) -> None:
    everywhere = bind in ("0.0.0.0", "::")
    host = _lan_address() if everywhere else bind
    # After a '#', the token is in no request for the page, and so in no log of requests.
    click.echo(f"showing {endpoint} on http://{f'[{host}]' if ':' in host else host}:{port}/#{token} (Ctrl-C ends)")
    if everywhere or not is_local(f"tcp://{host}:{port}"):
        click.echo(
            "anyone on this network who has this address sees the face and hears the sound, unencrypted", err=True
        )


def _lan_address() -> str:
    """This machine's address on the way out; connecting a datagram socket sends nothing."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken: choose another with --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this port is not for ordinary users: choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine has no such address: give --bind 127.0.0.1 or 0.0.0.0"
    return str(error)
