"""Whatever comes in: no crash, no hang, no vertex that is no number, and an error that says what was wrong.

A few cases of each sort here; `make fuzz` tries 100,000 and more, other ones each time.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import zmq
from conftest import voice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from websockets.datastructures import Headers
from websockets.http11 import Request

from voxmesh.stream import bundle as bundles
from voxmesh.stream import keys as certificates
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.audio_wire import AudioMessage, pack_audio, unpack_audio
from voxmesh.stream.backend import Backend, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.control import MAX_BYTES, Control
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.publish import Publisher
from voxmesh.stream.serve import Limits, Server
from voxmesh.stream.sessions import Sessions
from voxmesh.stream.torchscript_check import check_torchscript
from voxmesh.stream.types import AudioChunk
from voxmesh.stream.wire import WireError
from voxmesh.viewer.web_server import Site, answer

EXAMPLES = int(os.environ.get("VOXMESH_FUZZ_EXAMPLES", "0"))
"""`make fuzz` says how many cases in all; the tests share them."""


def cases(share: float, here: int) -> Callable:
    """Settings of a test: its share of EXAMPLES, or so many of them in CI."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(max_examples=round(EXAMPLES * share) or here, suppress_health_check=checks, deadline=None)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """NumPy tells of an overflow or a NaN by a warning: here it is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.fixture(scope="session")
def backend(tiny: Bundle) -> Backend:
    return open_backend(tiny)


def one_line(error: VoxmeshError) -> None:
    """It reads as a line: some words, and no traceback's."""
    assert 10 < len(str(error)) < 2000 and "\n" not in str(error), str(error)


# Sound

rates = st.one_of(st.sampled_from([8000, 16000, 22050, 44100, 48000, 96000, 192000]), st.integers(-1, 10**6))
shapes = st.one_of(st.integers(0, 4000), st.tuples(st.integers(0, 600), st.integers(0, 8)), st.just((2, 2, 2)))
types = st.sampled_from([np.float32, np.float64, np.float16, np.int16, np.int32, np.uint8, np.int64, np.bool_])
chunks = st.tuples(types, shapes).flatmap(lambda one: hnp.arrays(one[0], one[1], fill=values(one[0])))


def values(type_: Any) -> st.SearchStrategy:
    kind = np.dtype(type_)
    if kind.kind != "f":
        return hnp.from_dtype(kind)
    # All that a float can be, and more often what sound is.
    return st.one_of(st.floats(-1, 1, width=16), hnp.from_dtype(kind, allow_nan=True, allow_infinity=True))


@cases(0.03, 40)
@given(rates, st.lists(st.tuples(chunks, st.integers(-500, 3000)), max_size=6), st.floats(0, 4), st.integers())
def test_any_sound_makes_a_face(tiny: Bundle, backend: Backend, rate, sounds, temperature, seed) -> None:
    """Any rate, type, shape, gap and overlap: as many frames as the clock says, finite; or an error that says why."""
    try:
        engine = Engine(tiny, source_rate=rate, backend=backend, temperature=temperature, seed=seed)
    except VoxmeshError as error:
        assert not 1000 <= rate <= 768_000
        return one_line(error)
    frames, start, heard = [], 0, 0
    for samples, jump in sounds:
        try:
            frames += engine.push(AudioChunk(samples, max(0, start + jump)))
        except VoxmeshError as error:
            one_line(error)
            assert samples.ndim == 3 or samples.dtype == np.bool_ or samples.shape[1:] == (0,)
            continue
        start = max(0, start + jump) + len(samples)
        heard = max(heard, start)
    frames += engine.flush()
    assert engine.hearing.received == heard
    assert [frame.index for frame in frames] == list(range(engine.clock.frames(engine.hearing.samples)))
    assert all(np.isfinite(frame.vertices).all() for frame in frames)


damage = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=5)


def damaged(data: bytes, changes: list[tuple[float, int]], cut: float = 1.0) -> bytes:
    """With bits flipped at places of 0..1, and cut off."""
    spoilt = bytearray(data[: round(cut * len(data))])
    for place, bits in changes:
        if spoilt:
            spoilt[min(int(place * len(spoilt)), len(spoilt) - 1)] ^= bits
    return bytes(spoilt)


@pytest.fixture(scope="session")
def recordings() -> dict[str, bytes]:
    found = {}
    for kind in ("WAV", "FLAC", "OGG", "AIFF"):
        file = io.BytesIO()
        soundfile.write(file, voice(0.2, 16000), 16000, format=kind)
        found[kind.lower()] = file.getvalue()
    return found


@cases(0.03, 40)
@given(st.sampled_from(["wav", "flac", "ogg", "aiff"]), damage, st.floats(0, 1))
def test_any_file_is_sound_or_refused(recordings, tmp_path: Path, kind: str, changes, cut: float) -> None:
    """Cut short or with bits flipped: read as far as it goes, or an error that names it."""
    path = tmp_path / f"sound.{kind}"
    path.write_bytes(damaged(recordings[kind], changes, cut))
    try:
        with AudioFile(path) as file:
            for _ in range(20):
                if not len(block := file.read(4096)):
                    break
                assert block.dtype == np.float32 and block.shape[1] == file.channels
    except VoxmeshError as error:
        one_line(error)
        assert path.name in str(error)


# Bundles and configurations

FILES = ("bundle.json", "avatar.npz", "step.onnx", "identity.onnx", "step.pt", "identity.pt")


@pytest.fixture(scope="session")
def spoilable(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose files each test puts back."""
    return Path(shutil.copytree(tiny_bundle, tmp_path_factory.mktemp("fuzz") / "bundle"))


def write(folder: Path, original: Path, name: str, data: bytes, sealed: bool) -> None:
    """The original's files but one, with the checksum that its maker would give it if `sealed`."""
    for file in ("bundle.json", *(one for one in FILES if one != name)):
        if (folder / file).read_bytes() != (original / file).read_bytes():
            shutil.copy(original / file, folder / file)
    (folder / name).write_bytes(data)
    if sealed and name != "bundle.json":
        about = json.loads((folder / "bundle.json").read_text())
        about["checksums"][name] = bundles.sha256(folder / name)
        (folder / "bundle.json").write_text(json.dumps(about))


def speaks(bundle: Bundle, backend: Backend) -> None:
    """A tenth of a second through it is finite."""
    engine = Engine(bundle, backend=backend, identity=len(bundle.topologies) - 1)
    frames = engine.push(AudioChunk(voice(0.1, engine.source_rate), 0)) + engine.flush()
    assert all(np.isfinite(frame.vertices).all() for frame in frames)


@cases(0.05, 60)
@given(st.sampled_from(FILES), damage.filter(bool), st.sampled_from([1.0, 1.0, 0.5]), st.booleans())
def test_a_bundle_with_flipped_bits_is_refused_or_speaks(
    tiny_bundle: Path, spoilable: Path, backend: Backend, name: str, changes, cut: float, sealed: bool
) -> None:
    """In any of its files, also when checksums were made to fit: an error that names the file, or a face."""
    original = (tiny_bundle / name).read_bytes()
    data = damaged(original, changes, cut)
    write(spoilable, tiny_bundle, name, data, sealed)
    try:
        bundle = bundles.load(spoilable)
        if name.endswith(".pt"):
            check_torchscript(data)
    except VoxmeshError as error:
        one_line(error)
        assert str(spoilable) in str(error)
        return
    except ValueError:
        assert name.endswith(".pt") and sealed
        return
    assert sealed or name == "bundle.json" or data == original
    if name in ("bundle.json", "avatar.npz"):
        speaks(bundle, backend)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
numbers = st.one_of(st.integers(-2, 100), st.sampled_from([2**31, 2**63, 10**400, -1, 0, 1, 1e-320, 1e308, 0.5]))


def changed(about: Any, steps: list[int], value: Any) -> Any:
    """`about` with the value at the end of a path through it replaced (a missing key is added)."""
    if not steps or not isinstance(about, dict | list) or not about:
        return value
    keys = list(about) if isinstance(about, dict) else list(range(len(about)))
    key = keys[steps[0] % len(keys)]
    about[key] = changed(about[key], steps[1:], value)
    return about


@cases(0.08, 60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=3), anything | numbers)
def test_any_configuration_is_refused_or_speaks(
    tiny_bundle: Path, spoilable: Path, backend: Backend, steps: list[int], value: Any
) -> None:
    """A value of bundle.json that is anything at all: an error that names the file, or a face."""
    about = changed(json.loads((tiny_bundle / "bundle.json").read_text()), steps, value)
    write(spoilable, tiny_bundle, "bundle.json", json.dumps(about).encode(), sealed=False)
    try:
        bundle = bundles.load(spoilable)
    except VoxmeshError as error:
        one_line(error)
        assert str(spoilable) in str(error)
        return
    speaks(bundle, backend)


@cases(0.04, 30)
@given(damage, st.floats(0, 1), st.binary(max_size=40))
def test_any_key_is_read_or_refused(tmp_path: Path, changes, cut: float, tail: bytes) -> None:
    """A key's file that was damaged: a key of the right length, or an error that names it."""
    path = tmp_path / "me.key_secret"
    if not path.exists():
        certificates.new(tmp_path, "me")
        (tmp_path / "kept").write_bytes(path.read_bytes())
    path.write_bytes(damaged((tmp_path / "kept").read_bytes(), changes, cut) + tail)
    try:
        pair = certificates.read_pair(path)
        assert len(pair.public) == len(pair.secret) == 40
    except VoxmeshError as error:
        one_line(error)
        assert path.name in str(error)


# Messages

audio_messages = st.builds(
    AudioMessage,
    st.sampled_from(["a", "b", "zoë"]),
    st.one_of(
        st.none(), hnp.arrays(np.float32, st.integers(0, 3000), fill=values(np.float32)), hnp.arrays(np.int16, 50)
    ),
    st.one_of(st.integers(0, 20_000), st.integers(0, 2**64 - 1)),
    st.sampled_from([16000, 48000, 0, 1, 999, 2**32 - 1]),
    st.sampled_from([0, 1, 2, 3, 65535]),
    st.integers(0, 2**32 - 1),
)
GOOD = pack_audio(AudioMessage("a", voice(0.02, 16000)))


@cases(0.4, 150)
@given(damage, st.floats(0, 1), st.binary(max_size=9))
def test_any_bytes_are_sound_or_refused(changes, cut: float, tail: bytes) -> None:
    """Of the audio wire: a message, or a WireError."""
    try:
        message = unpack_audio(damaged(GOOD, changes, cut) + tail)
        assert message.samples is None or message.samples.dtype == np.float32
    except WireError as error:
        one_line(error)


@cases(0.02, 25)
@given(st.lists(st.one_of(audio_messages.map(pack_audio), st.binary(max_size=100)), max_size=12))
def test_any_messages_leave_the_server_serving(tiny: Bundle, backend: Backend, messages: list[bytes]) -> None:
    """In any order, of sessions and of none: each is heard or counted, and a session that behaves gets its frames."""
    now = 0.0
    with (
        Publisher("inproc://frames", None) as publisher,
        Server(Sessions(tiny, backend), publisher, "tcp://127.0.0.1:*", Limits(sessions=3), lambda: now) as server,
        zmq.Context() as context,
        context.socket(zmq.PUSH) as socket,
    ):
        made: list[np.ndarray] = []
        real = server.publisher.publish
        server.publisher.publish = lambda frame, **more: (made.append(frame.vertices), real(frame, **more))[1]
        socket.linger = 0
        socket.connect(server.endpoint)
        mine = pack_audio(AudioMessage("mine", voice(0.2, 16000)))
        for message in (mine, *messages, pack_audio(AudioMessage("mine", None))):
            socket.send(message)
        for _ in range(3000):
            server.turn()
            if server.most and "mine" not in server.sessions:
                break
        assert "mine" not in server.sessions and len(made) >= 12
        assert all(np.isfinite(vertices).all() for vertices in made)
        for name in server.sessions.names():
            server.end(name)


@pytest.fixture(scope="module")
def control() -> Iterator[tuple[Control, zmq.Socket]]:
    clock = iter(range(10**9))
    with (
        Control("tcp://127.0.0.1:*", {"set": lambda value: value}, now_s=lambda: float(next(clock))) as one,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.linger = 0
        socket.connect(one.endpoint)
        yield one, socket


requests = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from(["set", "help", "no"])}, optional={"value": anything}).map(
        lambda request: json.dumps(request).encode()
    ),
    anything.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
)


@cases(0.3, 100)
@given(st.lists(st.one_of(st.just(b""), requests), min_size=1, max_size=3))
def test_any_request_is_answered_or_counted(control, parts: list[bytes]) -> None:
    """Whatever comes to the control socket; and the next request gets its answer."""
    one, socket = control
    before = one.done + one.refused + one.dropped.total()
    socket.send_multipart(parts)
    socket.send_multipart([b"", b'{"name": "help"}'])
    while one.done + one.refused + one.dropped.total() < before + 2:
        one.poll()
    while True:
        assert socket.poll(60_000)
        reply = json.loads(socket.recv_multipart()[-1])
        if reply == {"ok": True, "value": ["help", "set"]}:
            break
        assert set(reply) in ({"ok", "value"}, {"ok", "error"}) and len(b"".join(parts)) <= MAX_BYTES
    while socket.poll(0):
        socket.recv_multipart()


@cases(0.05, 60)
@given(
    st.sampled_from(["/stream?token=", "/stream?", "/", "/../", "/stream#", "//stream?token="]),
    st.one_of(st.just("secret-token"), st.text(max_size=14)),
    st.lists(st.tuples(st.sampled_from(["Origin", "Host"]), st.sampled_from(["http://a", "a", "b", "null", ""]))),
)
def test_only_our_page_with_the_token_gets_the_stream(path: str, token: str, headers: list[tuple[str, str]]) -> None:
    """Whatever a browser, or what pretends to be one, asks for: without both, an error of the page's."""
    site = Site({"/": ("text/html", b"page")}, "secret-token")
    sent = Headers()
    for name, value in headers:
        sent[name] = value
    response = answer(site, Request(f"{path}{token}", sent))
    if response is None:
        assert path.startswith("/stream?token=") and token.split("&")[0].split("#")[0] == "secret-token"
        assert [value for name, value in headers if name == "Host"] == ["a"]
    else:
        assert response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)
