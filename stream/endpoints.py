"""Addresses as users give them: short ones made whole, and whether others than this machine can reach them."""

from __future__ import annotations

import errno
import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit

import zmq


def full_endpoint(text: str) -> str:
    """`5556` and `host:5556` are accepted for `tcp://127.0.0.1:5556` and `tcp://host:5556`."""
    if "://" in text:
        return text
    return f"tcp://127.0.0.1:{text}" if ":" not in text else f"tcp://{text}"


def is_local(endpoint: str) -> bool:
    """Whether `endpoint` is on this machine alone. A name that is not known to be (eth0, a host's) counts as open."""
    if endpoint.startswith(("ipc:", "inproc:")):
        return True
    with suppress(ValueError):
        host = urlsplit(endpoint).hostname or ""
        return host in ("localhost", "lo") or ipaddress.ip_address(host).is_loopback
    return False


def why_not_bound(error: zmq.ZMQError, option: str) -> str:
    """What to tell a user whose endpoint, given with `option`, could not be bound."""
    if error.errno == errno.EADDRINUSE:
        return f"the port is taken (is another voxmesh running?): choose another with {option}"
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        return "this machine has no such address"
    if error.errno in (errno.EINVAL, errno.EPROTONOSUPPORT):
        return "an endpoint looks like tcp://127.0.0.1:5556"
    return str(error)
