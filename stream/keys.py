"""CURVE keys: who may connect to a socket, and that what answers is who it says.

NAME.key holds a public key, to be given away; NAME.key_secret holds both halves and stays where it was made, readable
by its owner alone. They are small text files in the form that ZeroMQ's own tools write (ZPL, with keys in Z85).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from voxmesh.stream.errors import VoxmeshError

PUBLIC, SECRET = ".key", ".key_secret"
MAX_BYTES = 4096
"""Of a file of keys."""
ANYONE = "any"
"""Given for a folder of clients: whoever knows the server's public key may connect."""
_LINE = re.compile(r'^\s*(public|secret)-key\s*=\s*"([!-~]{40})"\s*$', re.MULTILINE)


@dataclass(frozen=True)
class Pair:
    """Both halves of a key, Z85, 40 ASCII characters each."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class ServerKeys:
    """For a socket that binds. allowed: public keys, 32 bytes each, of those who may connect; None is anyone who knows
    ours.
    """

    own: Pair
    allowed: frozenset[bytes] | None

    def guard(self, socket: zmq.Socket) -> None:
        """Before the socket is bound. A `Door` in the socket's context then decides who comes in."""
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = self.own.public, self.own.secret


@dataclass(frozen=True)
class ClientKeys:
    """For a socket that connects. server: public key (Z85) of the one that it will talk to, and to no other."""

    own: Pair
    server: bytes

    def sign(self, socket: zmq.Socket) -> None:
        """Before the socket connects."""
        socket.curve_serverkey = self.server
        socket.curve_publickey, socket.curve_secretkey = self.own.public, self.own.secret


def new(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a key; returns its public and its secret file. Raises VoxmeshError for a name that is taken or none."""
    if not re.fullmatch(r"[\w-][\w.-]*", name):
        raise VoxmeshError(f"{name!r} is no name for a key: use letters, digits and - _ .")
    public, secret = zmq.curve_keypair()
    paths = folder / f"{name}{PUBLIC}", folder / f"{name}{SECRET}"
    for path in paths:
        if path.exists():
            raise VoxmeshError(f"{path} is there already: choose another name, or remove it")
    about = f"# A voxmesh key, {name}: "
    shared = f'{about}public, to be given away.\ncurve\n    public-key = "{public.decode()}"\n'
    kept = f'{about}SECRET, it never leaves this machine.\ncurve\n    public-key = "{public.decode()}"\n'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(paths[0], shared, 0o644)
        _write(paths[1], f'{kept}    secret-key = "{secret.decode()}"\n', 0o600)
    except OSError as error:
        raise VoxmeshError(f"cannot write a key to {folder}: {error.strerror or error}") from error
    return paths


def _write(path: Path, text: str, mode: int) -> None:
    # Made with its mode: at no time is a secret readable by others.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        file.write(text)


def read_public(path: Path) -> bytes:
    """The public key in a file of either sort, Z85. Raises VoxmeshError."""
    return _read(path)["public"]


def read_pair(path: Path) -> Pair:
    """Both halves, from a .key_secret file. Raises VoxmeshError, also when everybody could have read it."""
    keys = _read(path)
    if "secret" not in keys:
        raise VoxmeshError(f"{path} holds no secret key: give the file that ends in {SECRET}")
    # A group may: it is how a service is given its key, and how access lists show in a mode.
    if os.name == "posix" and path.stat().st_mode & 0o007:
        raise VoxmeshError(f"{path} can be read by everybody: chmod 600 {path}, and make a new key if they may have")
    return Pair(keys["public"], keys["secret"])


def read_allowed(places: Iterable[Path]) -> frozenset[bytes] | None:
    """Public keys, 32 bytes each, of .key files and of folders of them; None when ANYONE is among them.

    Raises VoxmeshError for a file that is no key and for a folder without one.
    """
    allowed: set[bytes] = set()
    places = list(places)
    if any(str(place) == ANYONE for place in places):
        return None
    for place in places:
        files = sorted(place.glob(f"*{PUBLIC}")) if place.is_dir() else [place]
        if not files:
            raise VoxmeshError(f"{place} holds no *{PUBLIC} file: put the public keys of those who may connect there")
        allowed |= {z85.decode(read_public(file)) for file in files}
    return frozenset(allowed)


def server_keys(key: Path | None, allow: Iterable[Path]) -> ServerKeys | None:
    """From --key and --allow; None without. Raises VoxmeshError when one is given without the other."""
    allow = list(allow)
    if key is None:
        if allow:
            raise VoxmeshError("--allow needs --key: make one with `voxmesh keys new NAME`")
        return None
    if not allow:
        raise VoxmeshError(f"--key needs --allow: a folder of clients' {PUBLIC} files, or {ANYONE}")
    return ServerKeys(read_pair(key), read_allowed(allow))


def client_keys(key: Path | None, server: Path | None) -> ClientKeys | None:
    """From --key and --server; None without. Raises VoxmeshError when one is given without the other."""
    if key is None and server is None:
        return None
    if key is None or server is None:
        raise VoxmeshError(f"--key (your own {SECRET}) and --server (the other's {PUBLIC}) go together: give both")
    return ClientKeys(read_pair(key), read_public(server))


def with_guest(keys: ServerKeys, folder: Path) -> tuple[ServerKeys, list[str]]:
    """Keys that also allow one client made for the occasion in `folder`, and the options that it is to be given."""
    public, secret = new(folder, "guest")
    server = folder / f"server{PUBLIC}"
    _write(server, f'    public-key = "{keys.own.public.decode()}"\n', 0o644)
    allowed = None if keys.allowed is None else keys.allowed | {z85.decode(read_public(public))}
    return ServerKeys(keys.own, allowed), ["--key", str(secret), "--server", str(server)]


def _read(path: Path) -> dict[str, bytes]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VoxmeshError(f"cannot read the key {path}: {error.strerror or error}") from error
    keys = {kind: text.encode() for kind, text in _LINE.findall(data.decode("ascii", "replace"))}
    try:
        good = len(data) <= MAX_BYTES and "public" in keys and all(len(z85.decode(key)) == 32 for key in keys.values())
    except (ValueError, KeyError, TypeError, struct.error):
        good = False
    if not good:
        raise VoxmeshError(f"{path} is no key: make one with `voxmesh keys new NAME`")
    return keys
