"""Another look-ahead from the same features, and less of it from the same run.

A hop's window ends at its tick plus the look-ahead, so what frame t hears L frames further ahead is what frame t + L
hears now. A run that was prepared for 100 ms therefore holds the features for every look-ahead below, frame by frame,
and shares stage one with them: only what listens live, the context model and after it the decoder, is trained again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voxmesh.model.store import Store
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.features import FeatureConfig


def at_lookahead(store: Store, more: int, least: int = 0, most: int = 0) -> Store:
    """The same features heard `more` frames further ahead (negative: less far), for no computation and no copy.

    Features stay, curves and phones move. `least` and `most` are the ends of a comparison: frames that one of them
    cannot serve, at either end of a clip, are drawn by none, so that all learn from the same frames.
    """
    least, most = min(least, more), max(most, more)
    spans = store.spans + np.array([max(0, -least) + more, more - max(0, most)])
    moved = {name: np.roll(getattr(store, name), more, axis=0) for name in ("curves", "phones", "calm")}
    return replace(store, spans=spans, **moved)


def frames_late(prepared: FeatureConfig, lookahead_ms: float | None) -> int:
    """How many frames later features come than `prepared`; None is no wish.

    Raises VoxmeshError when it is no whole number of frames, or more look-ahead than the run was prepared for.
    """
    if lookahead_ms is None:
        return 0
    frame_ms = 1000.0 / prepared.clock.fps
    most_ms = 1000.0 * prepared.lookahead_samples / prepared.sample_rate
    late = (most_ms - lookahead_ms) / frame_ms
    if late < -0.1 or lookahead_ms < 0 or abs(late - round(late)) > 0.1:
        choices = [most_ms - k * frame_ms for k in range(int(most_ms / frame_ms + 1e-6), -1, -1)]
        listed = ", ".join(f"{choice:.0f}" for choice in choices)
        raise VoxmeshError(f"this run cannot be heard with {lookahead_ms:g} ms of look-ahead; choose one of {listed}")
    return round(late)


def with_delay(prepared: FeatureConfig, delay_frames: int) -> FeatureConfig:
    """What a live stream computes to hear as training did with features `delay_frames` late."""
    late_samples = delay_frames * prepared.sample_rate / prepared.clock.fps
    return replace(prepared, lookahead_samples=max(0, round(prepared.lookahead_samples - late_samples)))


def stage_name(stage: str, delay_frames: int) -> str:
    """The name of a stage's files in a run: "context", or "context-late6" for features 6 frames late."""
    return f"{stage}-late{delay_frames}" if delay_frames else stage
