"""Faults by strangers: without keys, in a flood, with what is too large, repeated or damaged, from a web page."""

from __future__ import annotations

import json
import shutil
import socket as sockets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import zmq

from live_process import SAMPLE, LiveProcess, Watcher, command, end
from torture import Row
from voxmesh.stream import bundle as bundles
from voxmesh.stream import keys as certificates
from voxmesh.stream import wire
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.audio_wire import MAX_BYTES, AudioMessage, pack_audio
from voxmesh.stream.control import ask
from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.receive import Receiver

HERE = "tcp://127.0.0.1:*"
SPEAKING = ("--wav", SAMPLE, "--loop", "--control", HERE)
FLOOD_S = 10.0


@contextmanager
def sending(kind: int, endpoint: str, send: Callable[[zmq.Socket], None], clients: int = 4) -> Iterator[None]:
    """So many strangers that send as fast as they can."""
    stop = threading.Event()

    def flood() -> None:
        with zmq.Context() as context, context.socket(kind) as socket:
            socket.linger = 0
            socket.connect(endpoint)
            while not stop.is_set():
                if socket.poll(50, zmq.POLLOUT):
                    send(socket)

    threads = [threading.Thread(target=flood) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def unmoved(name: str, injected: str, live: LiveProcess, seen: Watcher, since_ns: int, note: str = "") -> Row:
    """The row of a stream that nothing should have come of: it lost what it says it skipped, no pause was a second."""
    seen.wait_for(60)
    pause_s = seen.longest_pause_s(since_ns)
    ending = end(live, seen)
    good = ending.good and pause_s < 1.0
    return Row(name, injected, good, ending.lost, None, f"longest pause {1000 * pause_s:.0f} ms{note}")


def without_a_key(folder: Path) -> Row:
    """Somebody with no key, somebody with one that is not allowed; and a friend, who is."""
    for where, name in ((folder, "studio"), (folder / "clients", "friend"), (folder, "stranger")):
        certificates.new(where, name)
    keys = ("--key", folder / "studio.key_secret", "--allow", folder / "clients")
    made = {
        name: certificates.client_keys(path, folder / "studio.key")
        for name, path in (
            ("friend", folder / "clients/friend.key_secret"),
            ("stranger", folder / "stranger.key_secret"),
        )
    }
    with ExitStack() as stack:
        live = stack.enter_context(LiveProcess(*SPEAKING, *keys))
        control = live.control
        strangers = [stack.enter_context(Receiver(live.endpoint, keys=one)) for one in (None, made["stranger"])]
        friend = stack.enter_context(Receiver(live.endpoint, keys=made["friend"]))
        friend.wait_for_topology(60)
        frames = [friend.next(60) for _ in range(300)]
        refused = 0
        for one in (None, made["stranger"]):
            try:
                ask(control, "status", timeout_s=1, keys=one)
            except VoxmeshError:
                refused += 1
        status = ask(control, "status", timeout_s=60, keys=made["friend"])
        heard = sum(one.next(0) is not None or one.poll_topology() is not None for one in strangers)
        live.process.terminate()
        code = live.wait()
    let_in = heard or refused != 2 or status["viewers"] != 1
    good = code == 0 and None not in frames and not let_in and friend.missed <= live.final()["skipped"]
    return Row(
        "clients without a key", "frames, control", good, friend.missed, None, f"{status['viewers']} viewer, the friend"
    )


def control_flood(folder: Path) -> Row:
    """Requests as fast as four clients can, good ones and nonsense; a fifth one still gets its answer."""
    parts = [[b"", b'{"name": "status"}'], [b"", b"\xff" * 3000], [b"x" * 5000], [b"", bytes(60_000)]]
    turn = iter(range(10**9))
    with LiveProcess(*SPEAKING) as live, Watcher(live.endpoint) as seen:
        control, since = live.control, time.monotonic_ns()
        with sending(zmq.DEALER, control, lambda s: s.send_multipart(parts[next(turn) % 4])):
            until, answers = time.monotonic() + FLOOD_S, 0
            while time.monotonic() < until:
                ask(control, "status", timeout_s=10)
                answers += 1
                time.sleep(0.5)
        return unmoved(
            "control flood", f"{FLOOD_S:.0f} s", live, seen, since, f"; a fifth client was answered {answers} times"
        )


def subscription_flood(folder: Path) -> Row:
    """Joining and leaving without end, which would have the topology sent to all each time."""
    topic = wire.topic(wire.TOPOLOGY)
    turn = iter(range(10**9))
    with LiveProcess(*SPEAKING) as live, Watcher(live.endpoint) as seen:
        since = time.monotonic_ns()
        with sending(zmq.XSUB, live.endpoint, lambda s: s.send((b"\1" if next(turn) % 2 else b"\0") + topic)):
            time.sleep(FLOOD_S)
        return unmoved("subscriptions without end", f"{FLOOD_S:.0f} s", live, seen, since)


def huge_messages(folder: Path) -> Row:
    """16 MB to the control socket and to the publisher: their senders are cut off."""
    with LiveProcess(*SPEAKING) as live, Watcher(live.endpoint) as seen:
        control, since, big = live.control, time.monotonic_ns(), bytes(16 << 20)
        with (
            sending(zmq.DEALER, control, lambda s: s.send_multipart([b"", big]), 1),
            sending(zmq.XSUB, live.endpoint, lambda s: s.send(b"\1" + big), 1),
        ):
            time.sleep(FLOOD_S / 2)
        ask(control, "status", timeout_s=10)
        return unmoved("messages of 16 MB", f"{FLOOD_S / 2:.0f} s", live, seen, since)


def web_page(folder: Path) -> Row:
    """A browser's POST that ZeroMQ's oldest protocol would read as a request."""
    request = b'{"name": "mouth-gain", "value": 0}'
    body = bytes([1, 1]) + bytes([len(request) + 1, 0]) + request
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n".ljust(81, b"x")
    with LiveProcess(*SPEAKING) as live, Watcher(live.endpoint) as seen:
        control, since = live.control, time.monotonic_ns()
        for _ in range(100):
            with sockets.create_connection(("127.0.0.1", int(control.rpartition(":")[2]))) as page:
                page.sendall(head + body)
        seen.wait_for(120)
        gain = ask(control, "mouth-gain", timeout_s=10)
        row = unmoved(
            "a web page posts to the control socket", "100 times", live, seen, since, f"; mouth-gain is {gain}"
        )
        return Row(row.fault, row.injected, row.survived and gain == 1, row.lost, None, row.note)


def audio_in(folder: Path) -> Row:
    """Malformed, huge, repeated, out of order, too fast, sessions without end; a session that behaves goes on."""
    words = ("serve", "--audio", HERE, "--listen", HERE, "--control", HERE, "--sessions", 8)
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline().replace(",", "").split()
        audio, frames = line[line.index("audio") + 2], line[line.index("frames") + 2]
        control = process.stdout.readline().split()[-1]
        samples = AudioFile(SAMPLE).read(16000 * 20)[:, 0]
        samples = np.resize(samples, 16000 * 20)
        turn = iter(range(10**9))

        def nonsense(socket: zmq.Socket) -> None:
            n = next(turn)
            bad = (
                b"VXA1",
                bytes(MAX_BYTES + 1),
                pack_audio(AudioMessage("mine", samples[:1600], 0)),
                pack_audio(AudioMessage("mine", samples[:1600], 16000 * (1 + n % 500))),
                pack_audio(AudioMessage(f"other{n % 3}", samples[:16000], 16000 * (n // 20))),
                pack_audio(AudioMessage(f"x{n % 1000}", samples[:16], 0)),
                pack_audio(AudioMessage(f"x{n % 1000}", None, 0)),
            )
            socket.send(bad[n % len(bad)])

        with (
            Receiver(frames, "mine") as receiver,
            zmq.Context() as context,
            context.socket(zmq.PUSH) as mine,
        ):
            mine.linger = 0
            mine.connect(audio)
            mine.send(pack_audio(AudioMessage("mine", samples[:800], 0)))
            receiver.wait_for_topology(60)
            began, got, pause_s, last = time.monotonic(), 0, 0.0, time.monotonic()
            with sending(zmq.PUSH, audio, nonsense, 1):
                for start in range(800, len(samples), 800):
                    mine.send(pack_audio(AudioMessage("mine", samples[start : start + 800], start)))
                    while time.monotonic() < began + start / 16000:
                        if receiver.next(0.02) is not None:
                            pause_s, last, got = max(pause_s, time.monotonic() - last), time.monotonic(), got + 1
                dropped = ask(control, "status", timeout_s=30)["dropped"]
        survived = process.poll() is None and receiver.received > 1000 and not receiver.missed
        told = ", ".join(f"{count} {why}" for why, count in sorted(dropped.items()))
        return Row(
            "strangers' sound",
            "20 s",
            survived,
            receiver.missed,
            None,
            f"longest pause {1000 * pause_s:.0f} ms; {told}",
        )
    finally:
        process.kill()
        process.wait()


def bad_origin(folder: Path) -> Row:
    """`voxmesh view --web`: another site's page with the token, and our own page's address without it."""
    with LiveProcess(*SPEAKING) as live, Watcher(live.endpoint) as seen:
        since = time.monotonic_ns()
        words = command("view", live.endpoint, "--web", "--port", 0, "--token", "a-secret-token")
        page = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            port = int(page.stdout.readline().split("http://127.0.0.1:")[1].split("/")[0])
            answers = [
                _upgrade(port, token, origin)
                for token, origin in (
                    ("a-secret-token", "http://evil.example"),
                    ("guess", f"http://127.0.0.1:{port}"),
                    ("a-secret-token", f"http://127.0.0.1:{port}"),
                )
            ]
        finally:
            page.terminate()
            page.wait()
        row = unmoved("a page of another site, one without the token", "once", live, seen, since)
        good = row.survived and answers == [403, 403, 101]
        return Row(
            row.fault, row.injected, good, row.lost, None, f"answers {answers}: only our own page with the token"
        )


def _upgrade(port: int, token: str, origin: str) -> int:
    """The status of a WebSocket's opening."""
    with sockets.create_connection(("127.0.0.1", port), timeout=30) as socket:
        socket.sendall(
            f"GET /stream?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        return int(socket.recv(64).split()[1])


def damaged_bundles(folder: Path) -> Row:
    """A bit flipped in each file of the bundle, then with checksums made to fit: refused in a line, never run."""
    original, refused, lines = bundles.find(), 0, []
    names = [path.name for path in sorted(original.iterdir())]
    attempts = [(name, sealed) for name in names for sealed in (False, True) if not (sealed and name == "bundle.json")]
    for name, sealed in attempts:
        copy = Path(shutil.copytree(original, folder / f"{name}-{sealed}"))
        data = bytearray((copy / name).read_bytes())
        # Where a flip always matters: of a graph its first bytes, of JSON and zips anywhere.
        data[2 if sealed else len(data) // 2] ^= 0xFF
        (copy / name).write_bytes(data)
        if sealed:
            about = json.loads((copy / "bundle.json").read_text())
            about["checksums"][name] = bundles.sha256(copy / name)
            (copy / "bundle.json").write_text(json.dumps(about))
        backend = "torchscript" if name.endswith(".pt") else "onnx"
        words = command("animate", SAMPLE, "-o", folder / "x.npz", "--bundle", copy, "--backend", backend)
        done = subprocess.run(words, capture_output=True, text=True)
        one_line = done.stderr.count("\n") == 1 and name in done.stderr
        refused += done.returncode == 2 and one_line
        lines.append(f"{name} {'resealed ' if sealed else ''}{done.returncode}")
    good = refused == len(attempts) and not (folder / "x.npz").exists()
    return Row("damaged bundles", f"{len(attempts)} files", good, 0, None, f"{refused} refused in one line")


ROWS = [
    without_a_key,
    control_flood,
    subscription_flood,
    huge_messages,
    web_page,
    audio_in,
    bad_origin,
    damaged_bundles,
]
