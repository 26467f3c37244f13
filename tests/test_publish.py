"""The publisher, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import zmq
from conftest import tiny_topologies

from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.publish import GREETINGS, READ, Publisher
from voxmesh.stream.types import Frame

HELLO = wire.TopologyMessage("test", tiny_topologies(np.random.default_rng(0))[0], 16000, 60, 1, ())
Subscribe = Callable[..., zmq.Socket]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:*", HELLO, lookahead_samples=1280) as publisher:
        yield publisher


def frame(index: int, vertices: int = 200) -> Frame:
    return Frame(index, index * 266, 5, np.full((vertices, 3), index, np.float32), np.zeros(8, np.int64))


def subscribed(publisher: Publisher, count: int) -> None:
    """Poll until `count` subscriptions are there."""
    until = time.monotonic() + 10
    while publisher.subscriptions != count:
        assert time.monotonic() < until, f"{publisher.subscriptions} subscriptions, not {count}"
        publisher.poll()
        time.sleep(0.005)


def receive(socket: zmq.Socket) -> wire.Message:
    return wire.unpack(socket.recv())


def test_each_new_subscriber_gets_the_topology_first(publisher: Publisher, subscribe: Subscribe) -> None:
    """Also the second with the same topic, and then frames in order."""
    first = subscribe(publisher.endpoint)
    subscribed(publisher, 1)
    assert isinstance(receive(first), wire.TopologyMessage)
    publisher.publish(frame(0))
    second = subscribe(publisher.endpoint)
    subscribed(publisher, 2)
    sent = publisher.publish(frame(1))
    assert [receive(first).index, type(receive(first)), receive(first).index] == [0, wire.TopologyMessage, 1]
    assert isinstance(receive(second), wire.TopologyMessage)
    got = receive(second)
    assert (got.session, got.index, got.sample, got.captured_ns) == ("test", 1, 266, 5)
    assert (got.published_ns, got.lookahead_samples) == (sent, 1280)
    np.testing.assert_array_equal(got.vertices, frame(1).vertices)


def test_who_asks_for_frames_only_gets_frames_only(publisher: Publisher, subscribe: Subscribe) -> None:
    """Topics are honoured: no topology, nothing of another session."""
    frames = subscribe(publisher.endpoint, wire.topic(wire.FRAME))
    other = subscribe(publisher.endpoint, wire.topic(wire.FRAME, "else"))
    subscribed(publisher, 2)
    assert publisher.viewers == 1
    publisher.publish(frame(0))
    assert receive(frames).index == 0
    other.rcvtimeo = 100
    with pytest.raises(zmq.Again):
        other.recv()


def test_leaving_is_noticed(publisher: Publisher, subscribe: Subscribe) -> None:
    """Subscriptions go down again, one at a time, also of the same topic."""
    first, _second = subscribe(publisher.endpoint), subscribe(publisher.endpoint)
    subscribed(publisher, 2)
    first.close()
    subscribed(publisher, 1)
    assert publisher.viewers == 1


def test_leaving_says_bye(subscribe: Subscribe) -> None:
    """The last message of a publisher that is closed."""
    with Publisher("tcp://127.0.0.1:*", HELLO) as publisher:
        socket = subscribe(publisher.endpoint)
        subscribed(publisher, 1)
    assert isinstance(receive(socket), wire.TopologyMessage)
    assert receive(socket) == wire.ByeMessage("test")


def test_a_subscriber_that_sleeps_delays_nobody(subscribe: Subscribe) -> None:
    """It loses frames, which is noticed; another gets every one; publishing never blocks."""
    with Publisher("tcp://127.0.0.1:*", HELLO, high_water=10) as publisher:
        sleeper = subscribe(publisher.endpoint, wire.topic(wire.FRAME), high_water=1)
        awake = subscribe(publisher.endpoint, wire.topic(wire.FRAME))
        subscribed(publisher, 2)
        for i in range(200):
            publisher.poll()
            publisher.publish(frame(i, vertices=20_000))  # one that waited for the sleeper would wait for ever
            assert receive(awake).index == i
        assert publisher.overruns > 0 and publisher.published == 200
        got = [receive(sleeper).index]
        sleeper.rcvtimeo = 300
        with pytest.raises(zmq.Again):
            while True:
                got.append(receive(sleeper).index)
        assert got == sorted(set(got)) and len(got) < 200


def test_nobody_listening_drops_nothing(publisher: Publisher) -> None:
    """A thousand frames for nobody: none of them was missed by anybody."""
    for i in range(1000):
        publisher.publish(frame(i))
    publisher.poll()
    assert publisher.overruns == 0


def test_who_joins_without_end_floods_nobody(subscribe: Subscribe) -> None:
    """Thousands of subscriptions are read a few at a time, and greetings are rationed; what is none is passed over."""
    topic = wire.topic(wire.TOPOLOGY)
    with (
        Publisher("tcp://127.0.0.1:*", HELLO, now_s=lambda: 0.0) as publisher,
        zmq.Context() as context,
        context.socket(zmq.XSUB) as flood,
    ):
        calm = subscribe(publisher.endpoint, topic)
        subscribed(publisher, 1)
        flood.linger = flood.sndhwm = 0
        flood.connect(publisher.endpoint)
        for _ in range(10 * READ):
            for message in (b"\1" + topic, b"\0" + topic, b"\2", b""):
                flood.send(message)
        flood.send(b"\1" + wire.topic(wire.FRAME))
        until = time.monotonic() + 60
        polls = 0
        while publisher.viewers == 0:
            publisher.poll()
            polls += 1
            assert time.monotonic() < until, publisher.subscriptions
        assert polls >= 4 * 10 and publisher.subscriptions == 2
        greeted = 0
        while calm.poll(500):
            greeted += isinstance(receive(calm), wire.TopologyMessage)
        assert 1 <= greeted <= GREETINGS


def test_a_port_that_is_taken_is_named(publisher: Publisher) -> None:
    """And so is an endpoint that is none."""
    with pytest.raises(VoxmeshError, match=rf"{publisher.endpoint}: the port is taken"):
        Publisher(publisher.endpoint, HELLO)
    for wrong in ("nonsense", "tcp://127.0.0.1", "carrier-pigeon://1", "tcp://203.0.113.7:5556"):
        with pytest.raises(VoxmeshError, match="cannot listen"):
            Publisher(wrong, HELLO)


def test_a_topology_that_changes_goes_to_all(publisher: Publisher, subscribe: Subscribe) -> None:
    """To those who are there and to those who come later; at another sample rate it is refused."""
    first = subscribe(publisher.endpoint, wire.topic(wire.TOPOLOGY))
    subscribed(publisher, 1)
    assert receive(first).blendshape_names == ()
    publisher.add(wire.TopologyMessage("test", HELLO.topology, 16000, 60, 1, ("jawOpen",)))
    assert receive(first).blendshape_names == ("jawOpen",)
    second = subscribe(publisher.endpoint, wire.topic(wire.TOPOLOGY))
    subscribed(publisher, 2)
    assert receive(second).blendshape_names == ("jawOpen",)
    with pytest.raises(VoxmeshError, match="8000 Hz"):
        publisher.add(wire.TopologyMessage("test", HELLO.topology, 8000, 60, 1, ()))
