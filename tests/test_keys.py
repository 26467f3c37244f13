"""Keys: who has none is given nothing, on every socket, and what is written can be read by its owner alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth
from conftest import voice
from test_control import answering
from test_publish import HELLO, frame

from voxmesh.stream import keys as certificates
from voxmesh.stream import wire
from voxmesh.stream.audio_wire import AudioMessage, pack_audio
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.control import Control, ask
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.keys import ClientKeys, ServerKeys
from voxmesh.stream.publish import Publisher
from voxmesh.stream.serve import Server
from voxmesh.stream.sessions import Sessions
from voxmesh.viewer.receive import Receiver

HERE = "tcp://127.0.0.1:*"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's key and two clients', of whom it allows one."""
    folder = tmp_path_factory.mktemp("keys")
    for where, name in ((folder, "studio"), (folder / "clients", "friend"), (folder, "stranger")):
        certificates.new(where, name)
    return folder


@pytest.fixture
def studio(folder: Path) -> ServerKeys:
    keys = certificates.server_keys(folder / "studio.key_secret", [folder / "clients"])
    assert keys is not None
    return keys


def client(folder: Path, name: str, server: str = "studio") -> ClientKeys:
    keys = certificates.client_keys(next(folder.rglob(f"{name}.key_secret")), folder / f"{server}.key")
    assert keys is not None
    return keys


def others(folder: Path) -> dict[str, ClientKeys | None]:
    """No key, a key that is not allowed, and one that takes somebody else for the server."""
    return {"none": None, "stranger": client(folder, "stranger"), "misled": client(folder, "friend", "stranger")}


@pytest.fixture
def pushing() -> Iterator[Callable[[str, ClientKeys | None], zmq.Socket]]:
    """Opens PUSH sockets with keys; closes them after the test."""
    context = zmq.Context()

    def open_socket(endpoint: str, keys: ClientKeys | None) -> zmq.Socket:
        socket = context.socket(zmq.PUSH)
        socket.linger = 0
        if keys is not None:
            keys.sign(socket)
        socket.connect(endpoint)
        return socket

    yield open_socket
    context.destroy(linger=0)


def test_only_who_is_allowed_sees_frames(folder: Path, studio: ServerKeys) -> None:
    """The friend gets topology and frames; the others nothing, and the publisher never counts them."""
    with Publisher(HERE, HELLO, keys=studio) as publisher:
        receivers = {name: Receiver(publisher.endpoint, keys=keys) for name, keys in others(folder).items()}
        try:
            with Receiver(publisher.endpoint, keys=client(folder, "friend")) as friend:
                deadline = time.monotonic() + 60
                # The friend's two sockets have said all that they want; the stranger's two have knocked.
                while publisher.subscriptions < 3 + len(wire.newer_topics()) or publisher.door.refused < 2:
                    publisher.poll()
                    assert time.monotonic() < deadline
                    time.sleep(0.005)
                for index in range(5):
                    publisher.publish(frame(index))
                assert [friend.next(30).index for _ in range(5)] == list(range(5))
                assert friend.wait_for_topology(30).session == "test"
                assert publisher.viewers == 1 and publisher.door.admitted == 2
            assert all(one.next(0.0) is None and one.poll_topology() is None for one in receivers.values())
        finally:
            for one in receivers.values():
                one.close()


def test_only_who_is_allowed_controls(folder: Path, studio: ServerKeys) -> None:
    """The friend is answered; the others hear nothing and nothing is done."""
    with Control(HERE, keys=studio) as control, answering(control):
        for keys in others(folder).values():
            with pytest.raises(VoxmeshError, match="your key"):
                ask(control.endpoint, "help", timeout_s=0.2, keys=keys)
        assert ask(control.endpoint, "help", timeout_s=60, keys=client(folder, "friend")) == ["help"]
        assert (control.done, control.refused, control.dropped.total()) == (1, 0, 0)


def test_only_who_is_allowed_is_heard(folder: Path, tiny: Bundle, pushing: Callable) -> None:
    """Of the others nothing arrives; and a session is its opener's: another friend's sound and end are foreign."""
    both = certificates.server_keys(folder / "studio.key_secret", [folder / "clients", folder / "studio.key"])
    samples = voice(0.5, 16000)
    with Publisher(HERE, None) as publisher, Server(Sessions(tiny), publisher, HERE, keys=both) as server:
        sockets = [pushing(server.endpoint, keys) for keys in others(folder).values()]
        friend = pushing(server.endpoint, client(folder, "friend"))
        for socket in (*sockets, friend):
            socket.send(pack_audio(AudioMessage("a", samples)))
        wait_for(server, lambda: server.frames > 0)
        assert server.sessions.names() == ["a"] and not server.dropped
        second = pushing(server.endpoint, client(folder, "studio"))
        second.send(pack_audio(AudioMessage("a", samples, 8000)))
        second.send(pack_audio(AudioMessage("a", None)))
        wait_for(server, lambda: server.dropped["foreign"] == 2)
        assert server.sessions.names() == ["a"]
        friend.send(pack_audio(AudioMessage("a", None)))
        wait_for(server, lambda: server.frames == 30 and not len(server.sessions))
        assert dict(server.dropped) == {"foreign": 2}


def wait_for(server: Server, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        server.turn()
        assert time.monotonic() < deadline, (server.dropped, server.frames)


def test_key_files_are_read_by_their_owner_alone(folder: Path, tmp_path: Path) -> None:
    """The secret is 0600 from its making, refused once everybody may read it; ZeroMQ's own tools read both files."""
    public, secret = certificates.new(tmp_path, "me")
    assert os.stat(secret).st_mode & 0o777 == 0o600
    assert zmq.auth.load_certificate(secret) == (
        certificates.read_public(public),
        certificates.read_pair(secret).secret,
    )
    assert zmq.auth.load_certificate(public) == (certificates.read_public(public), None)
    assert certificates.read_pair(secret).secret.decode() not in repr(certificates.read_pair(secret))
    secret.chmod(0o604)
    with pytest.raises(VoxmeshError, match=r"chmod 600"):
        certificates.read_pair(secret)


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (lambda folder: certificates.new(folder, "studio"), "there already"),
        (lambda folder: certificates.new(folder, "../x"), "no name"),
        (lambda folder: certificates.read_pair(folder / "studio.key"), "no secret key"),
        (lambda folder: certificates.read_public(folder / "none.key"), "No such file"),
        (lambda folder: certificates.read_public(folder / "text"), "is no key"),
        (lambda folder: certificates.read_public(folder / "long"), "is no key"),
        (lambda folder: certificates.read_allowed([folder / "empty"]), "holds no"),
        (lambda folder: certificates.server_keys(None, [folder]), "--allow needs --key"),
        (lambda folder: certificates.server_keys(folder / "studio.key_secret", []), "--key needs --allow"),
        (lambda folder: certificates.client_keys(folder / "studio.key_secret", None), "go together"),
    ],
)
def test_mistakes_with_keys_are_told(folder: Path, attempt: Callable[[Path], object], why: str) -> None:
    """Names, files and halves that will not do: one line that says what to do instead."""
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "text").write_text('public-key = "too short"')
    (folder / "long").write_text((folder / "studio.key").read_text() + "#" * certificates.MAX_BYTES)
    with pytest.raises(VoxmeshError, match=why):
        attempt(folder)


def test_anyone_and_guests_may_be_allowed(folder: Path, tmp_path: Path) -> None:
    """`any` allows whoever knows our public key; a guest's key is made and allowed beside the others'."""
    anyone = certificates.server_keys(folder / "studio.key_secret", [Path(certificates.ANYONE)])
    assert anyone is not None and anyone.allowed is None
    keys = certificates.server_keys(folder / "studio.key_secret", [folder / "clients"])
    assert keys is not None and keys.allowed is not None
    more, options = certificates.with_guest(keys, tmp_path)
    guest = certificates.client_keys(Path(options[1]), Path(options[3]))
    assert guest is not None and guest.server == keys.own.public
    assert more.allowed is not None and len(more.allowed - keys.allowed) == 1


def test_the_commands_make_and_use_keys(tmp_path: Path, cli: Callable) -> None:
    """`voxmesh keys new` writes them, `show` prints the public one; half a pair of options is one line, exit code 2."""
    made = cli("keys", "new", "me", "-o", "keys")
    assert made.returncode == 0 and "keep it" in made.stdout
    shown = cli("keys", "show", "keys/me.key")
    assert len(shown.stdout.strip()) == 40
    wrong = cli("view", "--no-window", "--key", "keys/me.key_secret")
    assert wrong.returncode == 2 and "--server" in wrong.stderr and wrong.stderr.count("\n") == 1
