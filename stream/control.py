"""A running stream's control socket: small JSON requests, answered between two chunks of sound.

A request is `{"name": "style", "value": "cheerful"}`, one part of a ZeroMQ REQ socket (or DEALER, with an empty part
before it); the reply is `{"ok": true, "value": ...}` or `{"ok": false, "error": "why, and what to do"}`.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import zmq

from voxmesh.stream.door import Door
from voxmesh.stream.endpoints import why_not_bound
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ClientKeys, ServerKeys
from voxmesh.stream.rate_limit import Bucket

DEFAULT_CONTROL = "tcp://127.0.0.1:5558"
MAX_BYTES = 4096
"""Of a request. What is longer than CUT_BYTES is not even received: ZeroMQ cuts its sender's connection."""
CUT_BYTES = 1 << 16
TAKEN = 16
"""Requests looked at in one poll: a flood costs the loop a bounded time, and the rest wait in ZeroMQ's queue."""
RATE_PER_S, BURST = 20.0, 20.0
"""Requests that one client may make, in the long run and at once."""
_CLIENTS = 256

Handler = Callable[[Any], Any]
"""Takes the request's value (None if it has none), returns what JSON can hold. Raises VoxmeshError to refuse; then it
must have changed nothing. Called between two chunks: it must not block.
"""


class Control:
    """Binds `endpoint`; `poll` answers what has come. Use as a context manager.

    handlers: name -> what does it; `add` gives it more. `help` is always there and lists the names.
    Messages of no use are dropped and counted in `dropped`, by why: malformed, huge, fast (more than a client may).
    done, refused: requests that were answered.
    Raises VoxmeshError when the endpoint cannot be bound.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_CONTROL,
        handlers: Mapping[str, Handler] | None = None,
        *,
        keys: ServerKeys | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.done = self.refused = 0
        self._handlers: dict[str, Handler] = {"help": lambda value: sorted(self._handlers), **(handlers or {})}
        self._now_s = now_s
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()
        self._context = zmq.Context()
        self.door = Door(self._context, keys)
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = TAKEN
        self._socket.setsockopt(zmq.MAXMSGSIZE, CUT_BYTES)
        self.door.guard(self._socket)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise VoxmeshError(f"cannot listen on {endpoint}: {why_not_bound(error, '--control')}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def add(self, name: str, handler: Handler) -> None:
        """One more request that is understood. Raises ValueError for a name that is taken."""
        if name in self._handlers:
            raise ValueError(f"{name!r} has a handler already")
        self._handlers[name] = handler

    def poll(self) -> None:
        """Answer what has come, TAKEN requests at most. Never waits: who does not read its reply does not get it."""
        self.door.poll()
        for _ in range(TAKEN):
            try:
                client, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            reply = self._answer(client, parts)
            if reply is not None:
                self._socket.send_multipart([client, b"", reply], zmq.NOBLOCK)

    def _answer(self, client: bytes, parts: list[bytes]) -> bytes | None:
        if not self._may(client):
            self.dropped["fast"] += 1
        elif sum(map(len, parts)) > MAX_BYTES:
            self.dropped["huge"] += 1
        elif (request := _request(parts)) is None:
            self.dropped["malformed"] += 1
        else:
            try:
                reply = self._do(*request)
                self.done += 1
            except VoxmeshError as error:
                reply = json.dumps({"ok": False, "error": str(error)})
                self.refused += 1
            return reply.encode()
        return None

    def _may(self, client: bytes) -> bool:
        """A bucket a client; those not heard of for long are forgotten."""
        bucket = self._buckets.pop(client, None) or Bucket(RATE_PER_S, BURST, self._now_s)
        self._buckets[client] = bucket
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return bucket.take()

    def _do(self, name: str, value: Any) -> str:
        if name not in self._handlers:
            raise VoxmeshError(f"no request {name!r}: there are {', '.join(sorted(self._handlers))}")
        try:
            return json.dumps({"ok": True, "value": self._handlers[name](value)})
        except VoxmeshError:
            raise
        except Exception as error:  # whatever a stranger's value does to a handler, the stream goes on
            raise VoxmeshError(f"{name} failed ({type(error).__name__}: {error})") from error

    def close(self) -> None:
        self._context.destroy(linger=0)

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def number(value: Any, low: float, high: float, what: str) -> float:
    """`value` as a number from `low` to `high`, for handlers. Raises VoxmeshError naming `what` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise VoxmeshError(f"{what} is {value!r}: give a number from {low:g} to {high:g}")
    return float(value)


def ask(endpoint: str, name: str, value: Any = None, timeout_s: float = 5.0, keys: ClientKeys | None = None) -> Any:
    """What a running stream's control socket answers. Raises VoxmeshError when it refuses, or says nothing in time."""
    data = json.dumps({"name": name, "value": value}).encode()
    if len(data) > MAX_BYTES:
        raise VoxmeshError(f"a request of {len(data)} bytes: {MAX_BYTES} are the most")
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        if keys is not None:
            keys.sign(socket)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise VoxmeshError(f"cannot connect to {endpoint!r} ({error}): it looks like {DEFAULT_CONTROL}") from error
        socket.send(data)
        if not socket.poll(round(timeout_s * 1000)):
            raise VoxmeshError(
                f"no answer from {endpoint} in {timeout_s:g} s: does a `voxmesh live --control` run there, and does it "
                "know your key?"
            )
        reply = json.loads(socket.recv())
    if not reply["ok"]:
        raise VoxmeshError(reply["error"])
    return reply["value"]


def _request(parts: list[bytes]) -> tuple[str, Any] | None:
    """The name and value in an empty part and a part of JSON; None when they are not there."""
    if len(parts) != 2 or parts[0]:
        return None
    try:
        request = json.loads(parts[1].decode(), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict) or not isinstance(request.get("name"), str) or request.keys() - {"name", "value"}:
        return None
    return request["name"], request.get("value")


def _finite(text: str) -> float:
    """Python reads NaN, Infinity and 1e999; JSON has none of them."""
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is no number")
    return value
