"""The wire: what goes in comes out, and nothing else is taken for a message."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_topologies
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from voxmesh.stream import wire

u64 = st.integers(0, 2**64 - 1)
sessions = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda s: len(s.encode()) <= 16
)
floats = st.floats(width=32, allow_nan=True)


def hello() -> wire.TopologyMessage:
    return wire.TopologyMessage("a", tiny_topologies(np.random.default_rng(1))[0], 16000, 60, 1, ("jawOpen",))


def sample_frame() -> wire.FrameMessage:
    return wire.FrameMessage(
        "a", 7, 1866, 1, 2, 1280, np.arange(30, dtype=np.float32).reshape(10, 3), np.zeros(52, np.float32)
    )


@given(
    sessions,
    u64,
    u64,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 20).flatmap(lambda n: hnp.arrays(np.float32, (n, 3), elements=floats)),
    st.sampled_from([0, 52]).flatmap(lambda n: hnp.arrays(np.float32, (n,), elements=floats)),
)
def test_frames_survive_the_trip(session, index, sample, captured, published, lookahead, vertices, weights) -> None:
    """Every field of a frame, to the bit."""
    sent = wire.FrameMessage(session, index, sample, captured, published, lookahead, vertices, weights)
    got = wire.unpack(wire.pack(sent))
    assert isinstance(got, wire.FrameMessage)
    assert (got.session, got.index, got.sample, got.captured_ns) == (session, index, sample, captured)
    assert (got.published_ns, got.lookahead_samples) == (published, lookahead)
    assert got.vertices.tobytes() == vertices.tobytes() and got.vertices.shape == vertices.shape
    assert got.weights.tobytes() == weights.tobytes()


def test_a_topology_survives_the_trip() -> None:
    """Every array, landmark and name of a topology, and the clock."""
    sent = hello()
    got = wire.unpack(wire.pack(sent))
    assert isinstance(got, wire.TopologyMessage)
    for name in ("template", "faces", "albedo", "occlusion", "gloss"):
        np.testing.assert_array_equal(getattr(got.topology, name), getattr(sent.topology, name))
    assert got.topology.landmarks == sent.topology.landmarks
    assert {n: m.tolist() for n, m in got.topology.regions.items()} == {
        n: m.tolist() for n, m in sent.topology.regions.items()
    }
    assert (got.sample_rate, got.fps_num, got.fps_den) == (16000, 60, 1)
    assert got.blendshape_names == ("jawOpen",)


def test_topics_are_prefixes_of_messages() -> None:
    """Subscribing to a kind, or to a kind of one session, gets just those."""
    frame = wire.pack(sample_frame())
    for topic in (wire.topic(), wire.topic(wire.FRAME), wire.topic(wire.FRAME, "a")):
        assert frame.startswith(topic)
    for topic in (wire.topic(wire.TOPOLOGY), wire.topic(wire.FRAME, "b"), wire.topic(wire.FRAME, "aa")):
        assert not frame.startswith(topic)
    assert wire.unpack(wire.pack(wire.ByeMessage("a"))) == wire.ByeMessage("a")


MESSAGES = [wire.pack(sample_frame()), wire.pack(hello()), wire.pack(wire.ByeMessage("a"))]


@settings(max_examples=400)
@given(st.sampled_from(MESSAGES), st.data())
def test_damaged_messages_raise_wire_errors_only(message: bytes, data: st.DataObject) -> None:
    """Cut, lengthened or with bytes changed: a message still, or a WireError, never another exception."""
    damaged = bytearray(message[: data.draw(st.integers(0, len(message)))] + data.draw(st.binary(max_size=8)))
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, min(len(damaged), 2000) - 1))] = data.draw(st.integers(0, 255))
    try:
        wire.unpack(bytes(damaged))
    except wire.WireError as error:
        assert "\n" not in str(error)


@given(st.binary(max_size=200))
def test_noise_is_not_a_message(data: bytes) -> None:
    """Bytes that do not start with the magic are refused."""
    with pytest.raises(wire.WireError):
        wire.unpack(b"x" + data)


def test_another_version_asks_for_an_update() -> None:
    """VXM2 is named as what it is: a newer wire."""
    with pytest.raises(wire.WireError, match="version"):
        wire.unpack(b"VXM2" + wire.pack(sample_frame())[4:])


@pytest.mark.parametrize("name", ["", "x" * 17, "é" * 9, "a\0b"])
def test_session_names_fit_sixteen_bytes(name: str) -> None:
    """Empty, too long (in bytes) or with a NUL: refused when packing."""
    with pytest.raises(wire.WireError, match="session"):
        wire.pack(wire.ByeMessage(name))
