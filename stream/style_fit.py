"""The style of a clip, told by what it looks like: the blend of a bundle's own named styles that looks most like it.

What a manner looks like is three numbers a blendshape, as in MM 2023: the mean of its weight, its standard deviation
and that of its change. The bundle speaks a sentence in each of its styles; the clip's numbers are then fitted, by
weights that are not negative, with the differences that the styles make from neutral. It finds what the named styles
can say, no more; and somebody else's sentence, face or recording looks different from neutral by itself.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from tqdm import tqdm

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.blendshapes import BlendshapeFit
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.style import MAX_STRENGTH, NEUTRAL, StyleSpace
from voxmesh.stream.types import AudioChunk

SENTENCE = Path(__file__).parent / "sample.wav"
SHORTEST_S = 1.0
_SEED = 0


def looks(weights: np.ndarray, fps: float) -> np.ndarray:
    """(T, B) blendshape weights -> (B, 3) float32: mean, standard deviation, and that of the change in 1/60 s."""
    change = np.diff(weights, axis=0) * np.float32(fps / 60)
    return np.stack([weights.mean(0), weights.std(0), change.std(0)], 1).astype(np.float32)


def fit_style(bundle: Bundle, space: StyleSpace, offsets: np.ndarray, fps: Fraction) -> tuple[np.ndarray, float]:
    """The style (S,) of offsets (T, V, 3), metres from the clip's own neutral face, and the share that it explains.

    The share, up to 1, is of how the clip looks different from the bundle's neutral; a low one says that the clip does
    something that the bundle has no style for. Raises VoxmeshError for a clip that is too short.
    """
    if len(offsets) < SHORTEST_S * fps:
        raise VoxmeshError(f"{len(offsets) / float(fps):.1f} s are too short for a style: it takes {SHORTEST_S:g} s")
    fit = BlendshapeFit(np.zeros_like(offsets[0]), bundle.deltas)
    seen = looks(fit.fit(offsets), float(fps))
    own = {}
    for name, vector in tqdm(space.names.items(), desc="styles", unit="style", disable=None):
        own[name] = looks(fit.fit(_spoken(bundle, vector)), bundle.features.clock.fps)
    neutral = own.pop(NEUTRAL)
    # A fit of at most 1 each, of differences as large as styles may be.
    differences = MAX_STRENGTH * np.stack([look - neutral for look in own.values()])
    shares = BlendshapeFit(neutral, differences).fit(seen[None])[0]
    rest = seen - neutral - np.tensordot(shares, differences, 1)
    style = space.neutral + MAX_STRENGTH * shares @ np.stack([space.names[name] - space.neutral for name in own])
    return style.astype(np.float32), 1.0 - float((rest**2).sum() / max(((seen - neutral) ** 2).sum(), 1e-12))


def _spoken(bundle: Bundle, style: np.ndarray) -> np.ndarray:
    """(T, V, 3) float32: offsets of the bundle's first face, speaking a sentence in this style."""
    with AudioFile(SENTENCE) as audio:
        samples = np.concatenate(list(audio.blocks()))
        engine = Engine(bundle, source_rate=audio.rate, seed=_SEED, style=style)
    frames = engine.push(AudioChunk(samples, 0)) + engine.flush()
    return np.stack([frame.vertices for frame in frames]) - engine.topology.template
