"""Who may connect: ZeroMQ asks (ZAP, rfc.zeromq.org/spec/27) before it lets a peer in, and this answers."""

from __future__ import annotations

import zmq
from zmq.utils import z85

from voxmesh.stream.keys import ServerKeys

ASKED = 64
"""Peers answered in one poll: the rest wait for the next."""
_DOMAIN = b"voxmesh"


class Door:
    """Guards the sockets of one context. `poll` often: until it is called, nobody new comes in.

    With keys only those who are allowed, and all is encrypted; without, any peer that speaks ZeroMQ 4's protocol. Older
    ones are turned away then too: a browser can be made to send bytes that the oldest would read as a message.
    Each message of a peer that came in with a key carries it, in Z85, as its `User-Id`.
    admitted, refused: peers. Those whose protocol is another are turned away by ZeroMQ itself and counted nowhere.
    """

    def __init__(self, context: zmq.Context, keys: ServerKeys | None) -> None:
        self.admitted = self.refused = 0
        self._keys = keys
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind("inproc://zeromq.zap.01")

    def guard(self, socket: zmq.Socket) -> None:
        """Before the socket, one of the same context, is bound."""
        socket.zap_domain = _DOMAIN
        # Whoever connects and says nothing holds a file descriptor: not for long.
        socket.handshake_ivl = 5000
        if self._keys is not None:
            self._keys.guard(socket)

    def poll(self) -> None:
        """Answer those who stand before the door. Never waits."""
        for _ in range(ASKED):
            try:
                version, request, _domain, _address, _identity, mechanism, *credentials = self._socket.recv_multipart(
                    zmq.NOBLOCK
                )
            except zmq.Again:
                return
            welcome = self._welcome(mechanism, credentials)
            self.admitted += welcome
            self.refused += not welcome
            status = (b"200", b"OK") if welcome else (b"400", b"not allowed")
            user = z85.encode(credentials[0]) if welcome and credentials else b""
            self._socket.send_multipart([version, request, *status, user, b""])

    def _welcome(self, mechanism: bytes, credentials: list[bytes]) -> bool:
        if self._keys is None:
            return mechanism == b"NULL"
        return mechanism == b"CURVE" and (self._keys.allowed is None or credentials[0] in self._keys.allowed)
