"""Datagrams to HOST:PORT, sent or dropped at once: a face never waits for a network."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from voxmesh.stream.errors import VoxmeshError


@dataclass(frozen=True)
class Target:
    """Where datagrams go. `parse` makes one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse(text: str, default_port: int) -> Target:
    """`192.168.1.20:11111`, `studio.local:11111`, or a host alone for `default_port`.

    Raises VoxmeshError for anything else.
    """
    host, colon, port = text.strip().partition(":")
    if not host or "/" in text or ":" in port:
        raise VoxmeshError(f"cannot send to {text!r}: say HOST:PORT, such as 127.0.0.1:{default_port} (IPv4 or a name)")
    if colon and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise VoxmeshError(f"cannot send to {text!r}: {port!r} is not a port, which is a number from 1 to 65535")
    return Target(host, int(port) if colon else default_port)


class UdpSender:
    """A socket that sends to one target and never blocks. The name is looked up here, once.

    dropped: datagrams that the system would not take (its queue was full, or there was no way to the host).
    Raises VoxmeshError when the host has no IPv4 address.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.dropped = 0
        try:
            found = socket.getaddrinfo(target.host, target.port, socket.AF_INET, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise VoxmeshError(f"cannot send to {target}: no IPv4 address for {target.host!r} ({reason})") from error
        self._address = found[0][4]
        # Not connected: a receiver that is not there yet must not make later sends fail.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        # 192.168.1.255 reaches all machines of a studio.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, self._address)
        except OSError:
            self.dropped += 1

    def close(self) -> None:
        self._socket.close()
