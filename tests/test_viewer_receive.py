"""The receiver, on real sockets."""

from __future__ import annotations

import time

import pytest
import zmq
from viewer_helpers import Speaker, ball

from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.receive import Receiver


def test_frames_come_in_order_and_gaps_are_counted() -> None:
    """Reading in order gets every frame that was sent; the three that were not are missed, and nothing else."""
    topology = ball()
    with Speaker(topology, lost=frozenset({4, 5, 9})) as speaker, Receiver(speaker.endpoint) as receiver:
        frames = [receiver.next(10) for _ in range(12)]
    indices = [frame.index for frame in frames if frame is not None]
    assert len(indices) == 12 and indices == sorted(indices)
    assert receiver.missed == indices[-1] - indices[0] + 1 - 12 <= 3
    assert (receiver.received, receiver.skipped, receiver.damaged) == (12, 0, 0)
    assert frames[0].vertices.shape == topology.template.shape


def test_latest_gives_the_newest_frame_and_counts_the_rest() -> None:
    """After a nap the newest frame comes, not the oldest that waits; the others count as skipped, not as missed."""
    with Speaker(ball()) as speaker, Receiver(speaker.endpoint) as receiver:
        first = receiver.next(10)
        time.sleep(0.5)
        newest = receiver.latest(1)
        age_s = (time.monotonic_ns() - newest.published_ns) / 1e9
    assert newest.index > first.index + 10
    assert receiver.skipped == newest.index - first.index - 1 and receiver.missed == 0
    assert age_s < 0.25


def test_the_topology_arrives_and_stays_the_same_when_others_join() -> None:
    """The publisher greets everybody again for each newcomer; that is no new topology."""
    topology = ball()
    with Speaker(topology) as speaker, Receiver(speaker.endpoint) as receiver:
        message = receiver.wait_for_topology(10)
        assert (message.topology.template == topology.template).all() and message.fps_num == 60
        with Receiver(speaker.endpoint) as other:
            other.wait_for_topology(10)
            receiver.next(1)
            assert receiver.poll_topology() is message


def test_iteration_ends_at_the_goodbye() -> None:
    """A publisher that stops ends the loop after its last frame."""
    with Speaker(ball()) as speaker:
        receiver = Receiver(speaker.endpoint)
        first = receiver.next(10)
    with receiver:
        rest = [frame.index for frame in receiver]
        assert receiver.ended and receiver.missed == 0
    assert rest == list(range(first.index + 1, first.index + 1 + len(rest)))


def test_a_publisher_may_come_late_and_come_back() -> None:
    """A receiver waits without a publisher, and takes up a new session, with its topology, without counting a gap."""
    with Speaker(ball()) as probe:
        endpoint = probe.endpoint
    with Receiver(endpoint) as receiver:
        assert receiver.latest(0.05) is None and receiver.topology is None
        for session in ("one", "two"):
            with Speaker(ball(), session, endpoint):
                until = time.monotonic() + 20
                while (frame := receiver.latest(0.2)) is None or frame.session != session:
                    assert time.monotonic() < until
                # The topology may be a moment behind the frames: it has its own socket.
                while receiver.poll_topology() is None or receiver.topology.session != session:
                    assert time.monotonic() < until
                    time.sleep(0.01)
        assert receiver.missed == 0


def test_other_peoples_messages_are_counted_and_passed_over() -> None:
    """A message that starts like ours and is not does not end the stream."""
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.linger = 0
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with Receiver(f"tcp://127.0.0.1:{port}") as receiver:
            until = time.monotonic() + 10
            while not receiver.damaged and time.monotonic() < until:
                socket.send(b"VXM1F and then nonsense")
                assert receiver.next(0.05) is None
            assert receiver.damaged and receiver.received == 0


def test_what_is_no_address_is_refused() -> None:
    """The message names the address and shows what one looks like; silence names the command that speaks."""
    with pytest.raises(VoxmeshError, match=r"'nowhere'.*tcp://127.0.0.1:5556"):
        Receiver("nowhere")
    with Receiver("tcp://127.0.0.1:9") as receiver, pytest.raises(VoxmeshError, match="voxmesh live"):
        receiver.wait_for_topology(0.05)


def test_a_newer_publisher_is_heard_of() -> None:
    """Its frames have another magic and never arrive; its greeting does, and says what to do."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.linger = 0
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with Receiver(f"tcp://127.0.0.1:{port}") as receiver:
            while socket.recv() != b"\1VXM2T":
                pass
            socket.send(b"VXM2T and who knows what")
            with pytest.raises(VoxmeshError, match=r"version b'2'.*update voxmesh"):
                receiver.wait_for_topology(10)
            assert receiver.damaged == 1
