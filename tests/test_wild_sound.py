"""Sound that no microphone should give: the face goes on, and after it speaks as if nothing had been."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import voice

from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.types import AudioChunk

RATE = 16000


def wild(kind: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return {
        "silence": lambda: np.zeros(count),
        "dc": lambda: np.full(count, 0.9),
        "clipped": lambda: np.sign(rng.normal(0, 1, count)),
        "whisper, -80 dB": lambda: rng.normal(0, 1e-4, count),
        "shout, 0 dB": lambda: np.clip(rng.normal(0, 1, count), -1, 1),
        "not numbers": lambda: np.full(count, np.nan),
        "some infinite": lambda: np.where(np.arange(count) % 100 == 0, np.inf, 0.01),
        "beyond all measure": lambda: np.where(np.arange(count) % 2, 3e38, -3e38),
        "denormal": lambda: np.full(count, 1e-42),
    }[kind]().astype(np.float32)


KINDS = ("silence", "dc", "clipped", "whisper, -80 dB", "shout, 0 dB", "not numbers", "some infinite")
KINDS += ("beyond all measure", "denormal")


def spoken(bundle: Bundle, before: np.ndarray) -> tuple[np.ndarray, Engine]:
    """The frames of something and then two seconds of speech."""
    engine = Engine(bundle)
    frames = engine.push(AudioChunk(before, 0))
    frames += engine.push(AudioChunk(voice(2.0, RATE), len(before)))
    frames += engine.flush()
    assert [frame.index for frame in frames] == list(range(engine.clock.frames(len(before) + 2 * RATE)))
    return np.stack([frame.vertices for frame in frames]), engine


@pytest.mark.parametrize("kind", KINDS)
def test_no_sound_stops_or_spoils_the_face(bundle: Bundle, kind: str) -> None:
    """Frames keep their cadence, are finite, and move with the speech after it; what was replaced is counted."""
    sound = wild(kind, RATE // 2)
    vertices, engine = spoken(bundle, sound)
    assert np.isfinite(vertices).all()
    assert engine.replaced_samples == int((~np.isfinite(sound)).sum())
    assert all(np.isfinite(array).all() for array in engine._state.values())
    # The same speech after plain silence, once the features' mean has had two seconds to follow: as much motion.
    calm, _ = spoken(bundle, np.zeros(RATE // 2, np.float32))
    moved, calmly = (np.ptp(v[-60:], axis=0).max() for v in (vertices, calm))
    assert moved > 0.5 * calmly
