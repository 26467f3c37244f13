"""The wire: what goes in comes out, and nothing else is taken for a message."""

from __future__ import annotations

import json
import os
import re
import struct
from pathlib import Path

import golden
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
EXAMPLES = int(os.environ.get("VOXMESH_FUZZ_EXAMPLES", "500"))
"""How many damaged messages to try; a thorough run takes 100000."""
PROTOCOL = Path(wire.__file__).with_name("PROTOCOL.md")


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


@pytest.mark.parametrize(("kind", "tolerance_m"), [("float32", 0.0), ("float16", 62e-6), ("int16", 2.5e-6)])
def test_vertices_of_a_head_keep_their_places(kind: str, tolerance_m: float) -> None:
    """What narrower types cost within 15 cm of the origin, and that unpacking says which one it was."""
    vertices = np.random.default_rng(3).uniform(-0.15, 0.15, (2000, 3)).astype(np.float32)
    sent = wire.FrameMessage("a", 7, 1866, 1, 2, 1600, vertices, np.zeros(52, np.float32), 16000, kind)
    data = wire.pack(sent)
    assert len(data) == wire.HEADER_BYTES + 52 * 4 + 2000 * 3 * (4 if kind == "float32" else 2)
    got = wire.unpack(data)
    assert (got.vertex_type, got.sample_rate, got.vertices.dtype) == (kind, 16000, np.float32)
    assert np.abs(got.vertices.astype(float) - vertices).max() <= tolerance_m


@pytest.mark.parametrize("vertices", [np.zeros((0, 3)), np.full((3, 3), 0.1), np.array([[0, 0, 0], [0, 5e-45, 0]])])
def test_int16_takes_faces_without_extent(vertices: np.ndarray) -> None:
    """No vertices, all in one place, or nearer than float32 can scale: to within a step, which is nothing."""
    sent = wire.FrameMessage("a", 7, 0, 0, 0, 0, vertices.astype(np.float32), np.zeros(0), 16000, "int16")
    np.testing.assert_allclose(wire.unpack(wire.pack(sent)).vertices, vertices, atol=1e-40)


@pytest.mark.parametrize(("kind", "value"), [("int16", np.nan), ("int16", np.inf), ("float16", 1e5), ("int8", 0.0)])
def test_what_a_type_cannot_hold_is_refused(kind: str, value: float) -> None:
    """NaN, infinity and what float16 would make of 100 km, when packing; so are types that the wire does not know."""
    vertices = np.full((2, 3), value, np.float32)
    with pytest.raises(wire.WireError, match=kind):
        wire.pack(wire.FrameMessage("a", 7, 0, 0, 0, 0, vertices, np.zeros(0), 16000, kind))


@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 0.0), ("int16", 0.5 / 32768)])
def test_sound_survives_the_trip(kind: str, tolerance: float) -> None:
    """float32 to the bit, int16 as PCM; what is too loud is clipped, not turned over."""
    samples = np.linspace(-1, 32767 / 32768, 267).astype(np.float32)
    sent = wire.AudioMessage("a", 7, 1866, 1, 2, 1600, 16000, samples, kind)
    got = wire.unpack(wire.pack(sent))
    assert (got.session, got.index, got.sample, got.captured_ns, got.published_ns) == ("a", 7, 1866, 1, 2)
    assert (got.lookahead_samples, got.sample_rate, got.sample_type) == (1600, 16000, kind)
    assert np.abs(got.samples - samples).max() <= tolerance
    loud = wire.AudioMessage("a", 7, 0, 0, 0, 0, 16000, np.array([-2, 2], np.float32), "int16")
    assert wire.unpack(wire.pack(loud)).samples.tolist() == [-1, 32767 / 32768]


@pytest.mark.parametrize("name", golden.messages())
def test_golden_messages_are_packed_and_told_as_they_were(name: str) -> None:
    """The same bytes today as when they were written, and in them what messages.json says."""
    data = (golden.DATA / name).read_bytes()
    assert wire.pack(golden.messages()[name]) == data
    assert json.loads(json.dumps(golden.told(wire.unpack(data)))) == golden_table()[name]


@pytest.mark.parametrize("name", golden.refused())
def test_golden_refusals_are_refused(name: str) -> None:
    """A newer version, flag or kind asks for an update; a wrong length says so; other readers are held to the same."""
    data = (golden.DATA / name).read_bytes()
    assert data == golden.refused()[name] and "refused" in golden_table()[name]
    with pytest.raises(wire.WireError, match="bytes" if "short" in name or "long" in name else "update voxmesh"):
        wire.unpack(data)


def golden_table() -> dict[str, dict]:
    return json.loads((golden.DATA / "messages.json").read_text("utf-8"))


def test_the_page_says_where_each_field_is() -> None:
    """PROTOCOL.md's table: no hole, no overlap, every number at a multiple of its size, the size that wire.py has."""
    sizes = {"char": 1, "u8": 1, "u32": 4, "f32": 4, "u64": 8, "i64": 8}
    rows = re.findall(r"^\| (\d+) \| (\w+?)(?:\[(\d+)\])? \|", PROTOCOL.read_text("utf-8"), re.MULTILINE)
    end = 0
    for offset, kind, count in rows:
        assert int(offset) == end and end % sizes[kind] == 0
        end += sizes[kind] * int(count or 1)
    assert end == wire.HEADER_BYTES and end % 8 == 0


def test_arrays_of_a_topology_are_aligned() -> None:
    """Each begins at a multiple of 8 bytes of the message, which JavaScript's typed arrays ask for."""
    data = wire.pack(hello())
    (length,) = struct.unpack_from("<I", data, wire.HEADER_BYTES)
    begin = wire.HEADER_BYTES + 8 + length
    about = json.loads(data[wire.HEADER_BYTES + 8 : begin])
    assert begin % 8 == 0 and all(entry["offset"] % 8 == 0 for entry in about["arrays"])
    (faces,) = (entry for entry in about["arrays"] if entry["name"] == "faces")
    found = np.frombuffer(data, "<i4", int(np.prod(faces["shape"])), begin + faces["offset"])
    np.testing.assert_array_equal(found.reshape(-1, 3), hello().topology.faces)


MESSAGES = [wire.pack(message) for message in golden.messages().values()]
positions = st.one_of(st.integers(0, 95), st.integers(0, 2**31))


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(MESSAGES), st.data())
def test_damaged_messages_raise_wire_errors_only(message: bytes, data: st.DataObject) -> None:
    """Cut, lengthened or with bytes changed: a message still, or a WireError, never another exception or a warning."""
    damaged = bytearray(message)
    if data.draw(st.booleans()):
        damaged = damaged[: data.draw(st.integers(0, len(message)))] + data.draw(st.binary(max_size=8))
    for position, value in data.draw(st.lists(st.tuples(positions, st.integers(0, 255)), max_size=6)):
        if damaged:
            damaged[position % len(damaged)] = value
    with np.errstate(all="raise"):
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
