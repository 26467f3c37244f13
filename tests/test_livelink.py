"""Live Link Face's packets, byte for byte, and how they leave `voxmesh live`."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.avatars import Avatars
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.livelink import NAMES, LiveLinkSender, encode
from voxmesh.stream.types import Frame
from voxmesh.stream.udp import Target, UdpSender, parse

CLOCK = FrameClock(16000, 60)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket on a port of its own that waits 10 s at most."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        yield receiver


def test_a_packet_is_this_to_the_byte() -> None:
    """The recipe's layout, written out by hand."""
    weights = np.zeros(52, np.float32)
    weights[ARKIT_NAMES.index("jawOpen")] = 0.5
    weights[ARKIT_NAMES.index("tongueOut")] = 1.0
    data = encode(weights, 258, CLOCK, "Zoë")
    device, rest = data[5:41], data[41:]
    assert data[:5] == b"\x06" + b"\x00\x00\x00\x24"
    assert [len(part) for part in device.split(b"-")] == [8, 4, 4, 4, 12]
    floats = b"\0" * 4 * 17 + b"\x3f\0\0\0" + b"\0" * 4 * 33 + b"\x3f\x80\0\0" + b"\0" * 4 * 9
    time = b"\x00\x00\x01\x02" + b"\0\0\0\0" + b"\x00\x00\x00\x3c" + b"\x00\x00\x00\x01"
    assert rest == b"\x00\x00\x00\x04" + b"Zo\xc3\xab" + time + b"\x3d" + floats
    assert encode(weights, 258, CLOCK, "Zoë") == data and encode(weights, 258, CLOCK, "Max")[5:41] != device


def test_names_are_the_apps() -> None:
    """61 values: ARKit's 52, capitalised, in the order of Unreal's EARFaceBlendShape, then nine rotations."""
    assert len(NAMES) == len(set(NAMES)) == 61
    assert NAMES[:8] == (
        *("EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft"),
        *("EyeWideLeft", "EyeBlinkRight"),
    )
    assert NAMES[14:23] == (
        *("JawForward", "JawLeft", "JawRight", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker", "MouthLeft"),
        "MouthRight",
    )
    assert NAMES[51:54] == ("TongueOut", "HeadYaw", "HeadPitch") and NAMES[60] == "RightEyeRoll"


def test_weights_reach_several_targets(tiny: Bundle, receiver: socket.socket) -> None:
    """Each is sent the weights that made the vertices, with the frame's own index, and nothing is fitted for nobody."""
    engine = Engine(tiny)
    sought = np.zeros(52, np.float32)
    sought[[3, 17]] = 0.25, 0.75
    vertices = engine.topology.template + np.einsum("s,svc->vc", sought, tiny.deltas)
    frame = Frame(7, 0, 0, vertices.astype(np.float32), np.zeros(8, np.int64))
    target = Target(*receiver.getsockname())
    with Avatars(engine, [LiveLinkSender(target, CLOCK, name) for name in ("one", "two")]) as avatars:
        avatars.send(frame)
    for name in (b"one", b"two"):
        data = receiver.recv(2048)
        assert data[45:48] == name and struct.unpack(">i", data[48:52]) == (7,)
        np.testing.assert_allclose(np.frombuffer(data[-61 * 4 :], ">f4")[:52], sought, atol=0.01)
    with Avatars(engine, []) as nobody:
        nobody.send(Frame(0, 0, 0, np.zeros((1, 3), np.float32), np.zeros(8, np.int64)))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("10.0.0.5:11112", "10.0.0.5", 11112), ("studio.local", "studio.local", 11111), (" localhost:1 ", "localhost", 1)],
)
def test_targets_are_hosts_and_ports(text: str, host: str, port: int) -> None:
    """An address or a name, with the protocol's own port when none is given."""
    assert parse(text, 11111) == Target(host, port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "HOST:PORT") for text in (":11111", "", "udp://x:1", "::1")),
        *((f"x:{port}", f"'{port}' is not a port") for port in ("", "0", "65536", "1a", "²")),
    ],
)
def test_other_targets_are_refused(text: str, words: str) -> None:
    """With the text, and what to say instead."""
    with pytest.raises(VoxmeshError, match=f"cannot send to .*{words}"):
        parse(text, 11111)


def test_a_host_that_is_not_there() -> None:
    """An unknown name is an error at the start; a datagram that cannot leave is counted, and nobody waits."""
    with pytest.raises(VoxmeshError, match=r"no IPv4 address for 'no\.such\.host\.invalid'"):
        UdpSender(Target("no.such.host.invalid", 1))
    sender = UdpSender(Target("127.0.0.1", 9))
    for _ in range(3):
        sender.send(b"nobody listens")
    assert sender.dropped == 0
    sender.send(b"x" * 70_000)
    assert sender.dropped == 1
    sender.close()


def test_live_sends_every_frame(
    tmp_path: Path, tiny_bundle: Path, speech: Path, cli: Callable, receiver: socket.socket
) -> None:
    """`live --livelink`: a packet a frame, in order, under the session's name, beside what is published."""
    target = f"127.0.0.1:{receiver.getsockname()[1]}"
    options = ("--bundle", tiny_bundle, "--listen", "tcp://127.0.0.1:*", "--livelink", target, "--session", "Zoe")
    result = cli("live", "--wav", speech, "--seconds", 0.5, "--stale", 600_000, *options)
    assert result.returncode == 0, result.stderr
    assert f"sending to {target} (LiveLink)" in result.stdout
    packets = [receiver.recv(2048) for _ in range(30)]
    assert [struct.unpack(">i", data[48:52])[0] for data in packets] == list(range(30))
    assert {data[45:48] for data in packets} == {b"Zoe"}
    bad = cli("live", "--wav", speech, "--bundle", tiny_bundle, "--livelink", "host:port")
    assert bad.returncode == 2 and "'port' is not a port" in bad.stderr and bad.stderr.count("\n") == 1
