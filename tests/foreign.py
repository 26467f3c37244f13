"""What tests of readers in other languages share: the line that each prints of a message, and a publisher for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zlib
from pathlib import Path

import golden
import numpy as np
import pytest
from conftest import tiny_topologies

from voxmesh.stream import wire
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.depicted_sound import SoundBlock
from voxmesh.stream.publish import Publisher
from voxmesh.stream.types import Frame

ROOT = Path(__file__).parent.parent
GOLDEN = [golden.DATA / name for name in (*golden.messages(), *golden.refused())]
FRAMES = 30


def crc(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


def line(data: bytes) -> str:
    """What a reader prints of a message: its fields, and checksums of its arrays as float32 and int32."""
    try:
        m = wire.unpack(data)
    except wire.WireError:
        return "refused"
    if isinstance(m, wire.ByeMessage):
        return f"bye {m.session}"
    if isinstance(m, wire.TopologyMessage):
        t = m.topology
        sums = (crc(t.template.tobytes()), crc(t.faces.tobytes()), crc("\n".join(m.blendshape_names).encode()))
        clock = (m.sample_rate, m.fps_num, m.fps_den)
        parts = ("topology", m.session, t.vertices, len(t.faces), *clock, *sums, len(t.landmarks))
        return " ".join(map(str, (*parts, t.landmarks.get("nose_tip", -1))))
    stamps = (m.session, m.index, m.sample, m.captured_ns, m.published_ns, m.lookahead_samples, m.sample_rate)
    if isinstance(m, wire.AudioMessage):
        return " ".join(map(str, ("audio", *stamps, len(m.samples), crc(m.samples.tobytes()))))
    sums = (crc(m.vertices.tobytes()), crc(m.weights.tobytes()))
    return " ".join(map(str, ("frame", *stamps, len(m.vertices), len(m.weights), *sums)))


def golden_lines() -> list[str]:
    return [line(path.read_bytes()) for path in GOLDEN]


def tool(name: str, package: str) -> str:
    """The path of a compiler. Where it is not installed the test is skipped; in CI it fails."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {name}: see .ci/system-packages.sh")
        pytest.skip(f"needs {package}")
    return found


def run(words: list[object], **options: object) -> str:
    """Standard output of a command that must succeed and have nothing to complain of."""
    settings = {"capture_output": True, "text": True, "timeout": 300, **options}
    result = subprocess.run([str(word) for word in words], **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def compare_live(words: list[object], vertex_type: str) -> None:
    """`words` + endpoint reads a real publisher until goodbye and prints what Python makes of the same messages."""
    rng = np.random.default_rng(7)
    hello = wire.TopologyMessage("lively ö", tiny_topologies(rng)[0], 16000, 60, 1, ARKIT_NAMES)
    sent: list[bytes] = []
    with Publisher("tcp://127.0.0.1:*", hello, lookahead_samples=1600, vertex_type=vertex_type) as publisher:
        real = publisher._send
        publisher._send = lambda data: (sent.append(data), real(data))[1]  # type: ignore[method-assign]
        reader = subprocess.Popen(
            [*map(str, words), publisher.endpoint], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 60
        while not publisher.subscriptions:
            assert time.monotonic() < until and reader.poll() is None, reader.communicate()
            publisher.poll()
            time.sleep(0.01)
        for index in range(FRAMES):
            vertices = rng.normal(0, 0.1, (200, 3)).astype(np.float32)
            publisher.publish(
                Frame(index, index * 16000 // 60, 5, vertices, np.zeros(1, np.int64)), rng.random(52, np.float32)
            )
            publisher.publish_sound(SoundBlock(index, index * 16000 // 60, 5, rng.random(267, np.float32)), "int16")
    printed, errors = reader.communicate(timeout=240)
    assert reader.returncode == 0, errors
    assert printed.splitlines() == [line(data) for data in sent] and len(sent) == 2 * FRAMES + 2
