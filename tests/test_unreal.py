"""The Unreal plugin's engine-free part: its parser against Python's, on damaged messages and over real sockets."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_topologies
from foreign import GOLDEN, ROOT, compare_live, crc, golden_lines, run, tool

from voxmesh.stream import keys as certificates
from voxmesh.stream import wire
from voxmesh.stream.publish import Publisher
from voxmesh.stream.types import Frame

PLUGIN = ROOT / "viewer" / "unreal"
HEADERS = PLUGIN / "Source" / "VoxMesh" / "Public"
STRICT = (
    "-std=c++17",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The command that reads messages with the plugin's headers, under sanitizers."""
    program = tmp_path_factory.mktemp("unreal") / "reader"
    source = ROOT / "tests" / "unreal" / "reader.cpp"
    run([tool("g++", "g++ libzmq3-dev cppzmq-dev"), *STRICT, "-I", HEADERS, source, "-o", program, "-lzmq", "-pthread"])
    return [program]


def test_golden_messages_read_the_same_in_cpp(reader: list[object]) -> None:
    """Every field and every number, to the bit, of each golden message; and the same ones are refused."""
    assert run([*reader, "files", *GOLDEN]).splitlines() == golden_lines()


@pytest.mark.parametrize("vertex_type", ["float32", "float16", "int16"])
def test_a_live_publisher_reads_the_same_in_cpp(reader: list[object], vertex_type: str) -> None:
    """Topology, frames, sound and goodbye over libzmq: the same lines as Python's, with the same checksums."""
    compare_live([*reader, "live"], vertex_type)


def test_damaged_messages_are_refused_in_cpp(reader: list[object]) -> None:
    """20000 changed, cut and lengthened messages under the address and undefined-behaviour sanitizers: not a word."""
    assert run([*reader, "mutate", 20000, *GOLDEN]).startswith("mutations 20000 refused ")


@pytest.mark.parametrize("locked", [False, True])
def test_the_receiver_ends_with_the_newest_frame(reader: list[object], tmp_path: Path, locked: bool) -> None:
    """Its thread takes topology and frames, counts the three that were left out, and keeps the last before goodbye.

    Also where keys are asked for.
    """
    ours, theirs = (certificates.read_pair(certificates.new(tmp_path, name)[1]) for name in ("studio", "unreal"))
    keys = certificates.ServerKeys(ours, certificates.read_allowed([tmp_path / "unreal.key"])) if locked else None
    words = [ours.public.decode(), theirs.public.decode(), theirs.secret.decode()] if locked else []
    rng = np.random.default_rng(2)
    hello = wire.TopologyMessage("test", tiny_topologies(rng)[0], 16000, 60, 1, ("jawOpen",))
    weights = np.array([0.5], np.float32)
    with Publisher("tcp://127.0.0.1:*", hello, vertex_type="int16", keys=keys) as publisher:
        words = [*map(str, reader), "newest", publisher.endpoint, *words]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while publisher.subscriptions < 3 + len(wire.newer_topics()):
            assert time.monotonic() < until and process.poll() is None, process.communicate()
            publisher.poll()
            time.sleep(0.01)
        for index in (0, 1, 2, 6, 7):
            frame = Frame(index, 0, 0, rng.normal(0, 0.1, (200, 3)).astype(np.float32), np.zeros(1, np.int64))
            publisher.publish(frame, weights)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    packed = wire.pack(wire.FrameMessage("test", 7, 0, 0, 0, 0, frame.vertices, weights, 16000, "int16"))
    sums = f"{crc(wire.unpack(packed).vertices.tobytes())} {crc(weights.tobytes())}"
    template = crc(hello.topology.template.tobytes())
    assert printed == f"ready\nnewest 7 {sums} received 5 missed 3 damaged 0 template {template}\n"


def test_the_plugin_names_what_it_is_made_of() -> None:
    """The .uplugin's module has its Build.cs, and the engine-free headers include nothing of the engine."""
    about = json.loads((PLUGIN / "VoxMesh.uplugin").read_text("utf-8"))
    for module in about["Modules"]:
        assert (PLUGIN / "Source" / module["Name"] / f"{module['Name']}.Build.cs").is_file()
    for name in ("Message", "Json", "Topology", "Receiver"):
        text = (HEADERS / f"VoxMesh{name}.h").read_text("utf-8")
        ours = re.findall(r'#include "(.*?)"', text)
        assert all(re.fullmatch(r"VoxMesh(Message|Json|Topology)\.h", include) for include in ours)
