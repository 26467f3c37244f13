"""What `voxmesh live` puts on the wire when it is told: weights, narrow vertices, sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zmq
from test_live import live, receive_all

from voxmesh.stream import wire
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.depicted_sound import DepictedSound
from voxmesh.stream.types import Frame

Subscribe = Callable[..., zmq.Socket]
CLOCK = FrameClock(16000, 60)


def frame(index: int) -> Frame:
    return Frame(index, CLOCK.sample(index), 5 + index, np.zeros((1, 3), np.float32), np.zeros(1, np.int64))


@pytest.mark.parametrize("lookahead", [0, 1600])
@pytest.mark.parametrize("chunk", [1, 160, 5000])
def test_each_frame_gets_its_own_samples(lookahead: int, chunk: int) -> None:
    """Every sample once, from a frame's own up to the next's, however early the frame is made; the rest at the end."""
    sound, samples, made, blocks = DepictedSound(CLOCK), np.arange(4100, dtype=np.float32), 0, []
    for start in range(0, 4100, chunk):
        ready = max(0, CLOCK.frames(min(start + chunk, 4100) - lookahead))
        blocks += sound.push(samples[start : start + chunk], [frame(i) for i in range(made, ready)])
        made = max(made, ready)
    blocks += sound.push(samples[:0], [frame(i) for i in range(made, CLOCK.frames(4100))]) + sound.flush()
    assert [(b.index, b.sample, b.captured_ns) for b in blocks] == [(i, CLOCK.sample(i), 5 + i) for i in range(16)]
    assert all(b.samples[0] == b.sample for b in blocks)
    np.testing.assert_array_equal(np.concatenate([b.samples for b in blocks]), samples)


def test_live_sends_weights_narrow_vertices_and_sound(
    tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Subscribe, cli: Callable
) -> None:
    """Vertices to a micrometre of animate's, the weights that animate fits, and the file's samples to the bit."""
    options = ("--bundle", tiny_bundle, "--seed", 5)
    wanted = ("--send", "both", "--vertices", "int16", "--send-audio")
    with live("--wav", speech, "--wait", 30, *wanted, *options, cwd=tmp_path) as (process, endpoint):
        messages = receive_all(subscribe(endpoint))
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    frames = [m for m in messages if isinstance(m, wire.FrameMessage)]
    blocks = [m for m in messages if isinstance(m, wire.AudioMessage)]
    assert messages[0].blendshape_names == ARKIT_NAMES
    assert {(f.vertex_type, f.sample_rate, f.lookahead_samples) for f in frames} == {("int16", 16000, 1600)}
    result = cli("animate", speech, "-o", "a.npz", *options)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "a.npz") as npz:
        scale = np.ptp(npz["vertices"], axis=(0, 1)).max() / 65534
        error = np.abs(np.stack([f.vertices for f in frames]).astype(float) - npz["vertices"]).max()
        assert error < 0.51 * scale + 1e-7
        np.testing.assert_allclose(np.stack([f.weights for f in frames]), npz["blendshapes"], atol=1e-5)
    stamps = [(f.index, f.sample, f.captured_ns) for f in frames]
    assert [(b.index, b.sample, b.captured_ns) for b in blocks] == stamps and len(stamps) == 90
    given = soundfile.read(speech, dtype="float32")[0]
    np.testing.assert_array_equal(np.concatenate([b.samples for b in blocks]), given)


def test_live_sends_weights_alone(tmp_path: Path, tiny_bundle: Path, speech: Path, subscribe: Subscribe) -> None:
    """52 weights and no vertices: 296 bytes a frame; and no sound that was not asked for."""
    options = ("--send", "weights", "--seconds", 0.3, "--wait", 30, "--bundle", tiny_bundle)
    with live("--wav", speech, *options, cwd=tmp_path) as (_, endpoint):
        messages = receive_all(subscribe(endpoint))
    frames = messages[1:-1]
    assert [(len(f.vertices), len(f.weights)) for f in frames] == [(0, 52)] * 18
    assert {len(wire.pack(f)) for f in frames} == {296}


def test_a_window_cannot_draw_weights(cli: Callable, speech: Path) -> None:
    """The message names the ways out."""
    result = cli("live", "--wav", speech, "--send", "weights", "--window")
    assert result.returncode == 2 and "--send both" in result.stderr
