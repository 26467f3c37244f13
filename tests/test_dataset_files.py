"""What the readers stand on: pickles of numbers only, meshes in their own order, frames on the exact clock."""

from __future__ import annotations

import collections
import os
import pickle
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import trimesh
from dataset_layouts import face, write_obj, write_ply
from hypothesis import given
from hypothesis import strategies as st

from voxmesh.model.datasets.dataset import BadFile
from voxmesh.model.datasets.mesh_file import read_mesh
from voxmesh.model.datasets.timing import at_rate, on_clock, rigid, samples_of
from voxmesh.model.datasets.units import guess_unit
from voxmesh.model.datasets.unpickle import read_pickle
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.frame_rate import FrameRate
from voxmesh.stream.types import Frame

VALUE = {
    "big": np.arange(90_000, dtype=np.float32).reshape(100, 300, 3),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "small": np.array([1, -2], np.int16),
    "nested": [(1, 2.5, None, True), {"name": "é"}, collections.OrderedDict(a=np.float32(0.5))],
    3: b"bytes",
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_containers_come_through(protocol: int, tmp_path: Path) -> None:
    """Whatever Python 3 writes of numbers, text and containers is read back, in every protocol."""
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(VALUE, protocol))
    got = read_pickle(path)
    for name in ("big", "fortran", "small"):
        np.testing.assert_array_equal(got[name], VALUE[name])
        assert got[name].dtype == VALUE[name].dtype
    assert got["nested"] == [(1, 2.5, None, True), {"name": "é"}, {"a": 0.5}] and bytes(got[3]) == b"bytes"


def python2_array(values: np.ndarray) -> bytes:
    """A float32 vector as Python 2's NumPy pickled it (protocol 2): bodies and names are byte strings."""
    body = values.astype("<f4").tobytes()
    minus_one = b"J" + struct.pack("<i", -1)
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01J"
        + struct.pack("<i", len(values))
        + b"\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNN"
        + minus_one * 2
        + b"K\x00tb\x89T"
        + struct.pack("<i", len(body))
        + body
        + b"tb."
    )


@pytest.mark.parametrize("count", [3, 40_000])
def test_python_2_pickles_are_read(count: int, tmp_path: Path) -> None:
    """VOCASET's were written by Python 2: byte strings that are no text, short and long."""
    values = np.linspace(-1, 1, count, dtype=np.float32)
    path = tmp_path / "old.pkl"
    path.write_bytes(python2_array(values))
    np.testing.assert_array_equal(read_pickle(path), values)


@pytest.mark.parametrize("writer", ["python 2", 3, 4, 5])
def test_large_arrays_stay_in_the_file(writer: str | int, tmp_path: Path) -> None:
    """What is read is a view of the file: when a byte of the file changes, so does the array."""
    path = tmp_path / "value.pkl"
    values = np.full(40_000, 2.0, np.float32)
    path.write_bytes(python2_array(values) if writer == "python 2" else pickle.dumps(values, int(writer)))
    got = read_pickle(path)
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(values.tobytes()))
        file.write(np.float32(3.0).tobytes())
    assert (got[0], got[1]) == (3.0, 2.0)


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Calls(os.system, "true"), "system"),
        (Calls(eval, "1"), "eval"),
        (Calls(getattr, "x", "y"), "getattr"),
        (Path("x"), "Path"),
        (np.array([object()], object), "array"),
        (np.zeros(2, [("a", "f4")]), "array"),
        (Fraction(1, 2), "Fraction"),
        (collections.defaultdict(list), "defaultdict"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_anything_else_is_refused_by_name(value: object, named: str, protocol: int, tmp_path: Path) -> None:
    """Functions, classes, arrays of objects and of records: the error names the file and what was asked for."""
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps({"a": value}, protocol))
    with pytest.raises(BadFile, match=rf"value\.pkl: is refused: .*{named}"):
        read_pickle(path)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_damaged_pickle_is_told(protocol: int, tmp_path: Path) -> None:
    """Cut anywhere, it is no pickle: one error with the file's name, never a traceback."""
    whole = pickle.dumps(VALUE, protocol)
    path = tmp_path / "cut.pkl"
    for share in (0.0, 0.001, 0.3, 0.7, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(BadFile, match=r"cut\.pkl"):
            read_pickle(path)


@pytest.mark.parametrize("kind", ["obj", "ascii.ply", "binary.ply"])
def test_meshes_are_read_as_another_library_reads_them(kind: str, tmp_path: Path) -> None:
    """Vertices in the file's order, polygons cut into triangles: trimesh agrees."""
    points, quads = face(150)
    path = tmp_path / f"mesh.{kind}"
    if kind == "obj":
        write_obj(path, points, quads)
    else:
        write_ply(path, points, quads, binary=kind.startswith("binary"))
    mesh, other = read_mesh(path), trimesh.load(path, process=False, maintain_order=True)
    np.testing.assert_allclose(mesh.vertices, points, atol=1e-6)
    np.testing.assert_allclose(mesh.vertices, other.vertices, atol=1e-6)
    assert {tuple(sorted(t)) for t in mesh.faces.tolist()} == {tuple(sorted(t)) for t in other.faces.tolist()}


@pytest.mark.parametrize("text", ["v 1 2\nf 1 2 3\n", "v 0 0 0\nf 1 2 3\n", "", "v a b c\n"])
def test_a_damaged_mesh_is_told(text: str, tmp_path: Path) -> None:
    """Half a vertex, a face of vertices that are not there, nothing at all: the file is named."""
    (tmp_path / "mesh.obj").write_text(text)
    with pytest.raises(BadFile, match=r"mesh\.obj: is no mesh"):
        read_mesh(tmp_path / "mesh.obj")


@given(st.sampled_from([(25, 1), (30, 1), (60, 1), (30000, 1001), (120, 1)]), st.sampled_from([60, 30]))
def test_frames_lie_where_the_live_stage_puts_them(rate: tuple[int, int], wanted: int) -> None:
    """Prepared frames are those that `stream/frame_rate.py` makes of the same ones, and equal rates change nothing."""
    source, target = FrameClock(16000, *rate), FrameClock(16000, wanted)
    poses = np.random.default_rng(1).normal(size=(40, 5, 3)).astype(np.float32)
    ticks, fps = np.arange(40), Fraction(*rate)
    samples = samples_of(ticks, fps, 16000)
    stage = FrameRate(source, target)
    live = [f for t in range(40) for f in stage.push(Frame(t, source.sample(t), 0, poses[t], np.zeros(1)))]
    live += stage.flush(samples)
    got = on_clock(poses, ticks, fps, target, samples)
    np.testing.assert_allclose(got, np.stack([frame.vertices for frame in live]), atol=1e-5)
    if source == target:
        np.testing.assert_array_equal(got, poses)


def test_sound_keeps_its_place() -> None:
    """A click at 0.25 s is at 0.25 s at another rate too."""
    audio = np.zeros(11000, np.float32)
    audio[5500] = 1.0
    assert abs(int(np.argmax(at_rate(audio, 22000, 16000))) - 4000) <= 1


def test_a_pose_between_two_is_a_rotation() -> None:
    """Half-way between two turns is half the turn, not a smaller head; a pose that is not known stays so."""
    c, s = np.cos(0.2), np.sin(0.2)
    turned = np.column_stack([[[c, -s, 0], [s, c, 0], [0, 0, 1]], np.zeros(3)])
    both = rigid(np.stack([(np.eye(3, 4) + turned) / 2, np.full((3, 4), np.nan)]))
    np.testing.assert_allclose(both[0, :2, 0], [np.cos(0.1), np.sin(0.1)], atol=1e-9)
    assert np.isnan(both[1]).all()


@pytest.mark.parametrize(("scale", "name"), [(1.0, "metres"), (100.0, "centimetres"), (1000.0, "millimetres")])
def test_the_unit_is_told_by_the_size_of_a_head(scale: float, name: str) -> None:
    """A head in m, cm or mm comes out in metres, and what was guessed is said; an odd size is no sure guess."""
    points, _ = face(100)
    unit = guess_unit(points * scale)
    assert unit.name.startswith(name) and "guess" in unit.name
    np.testing.assert_allclose(unit.to_metres(points * scale), points, atol=1e-6)
    odd = guess_unit(points * 17)
    assert not odd.sure and np.ptp(odd.to_metres(points * 17), axis=0).max() == pytest.approx(0.25)
