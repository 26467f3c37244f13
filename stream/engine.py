"""The engine: audio chunks in, frames out. The same for a microphone and a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voxmesh.stream.backend import Backend, initial_state, open_backend
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.frame_rate import FrameRate
from voxmesh.stream.hearing import Heard, Hearing
from voxmesh.stream.manner import Manner
from voxmesh.stream.noise import Noise
from voxmesh.stream.region_gain import AS_IT_IS, Gains
from voxmesh.stream.types import AudioChunk, Frame


class Engine:
    """push(chunk) -> the frames whose look-ahead has been heard; flush() -> the rest.

    Frames out = `clock.frames(samples in)`; the same samples, seed and temperature give the same frames whatever the
    chunking. Samples that never came (a gap in `AudioChunk.start`) are heard as silence and counted in `lost_samples`.
    temperature scales every head's own; 0 takes the most probable label each time. fps: frames a second as a fraction,
    the bundle's own by default; others lie between two of its frames (`FrameRate`).
    style: (S,) of the bundle's style space (`bundle.style`), or None for neutral, and its strength.
    gains: how much regions move.
    template: (V, 3) float32 metres, to be worn instead of the identity's neutral face.
    passing: while it is set sound is heard and no frame is made of it, which is ten times as fast; `passed_frames`
    counts those that are missing (at another frame rate than the bundle's none is: they are interpolated).
    Time is the source's: a sound card that runs fast makes frames as fast as it makes samples, so nothing piles up.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        source_rate: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        identity: int = 0,
        backend: Backend | None = None,
        fps: tuple[int, int] | None = None,
        style: np.ndarray | None = None,
        style_strength: float = 1.0,
        gains: Gains = AS_IT_IS,
        template: np.ndarray | None = None,
    ) -> None:
        self.bundle = bundle
        own = bundle.features.clock
        self.clock = FrameClock(own.sample_rate, *fps) if fps else own
        self._rate = FrameRate(own, self.clock)
        self.topology = bundle.topology(identity)
        if template is not None:
            self.topology = replace(self.topology, template=template)
        self.seed = seed
        self.hearing = Hearing(bundle.features, source_rate)
        self.source_rate = self.hearing.source_rate
        self._backend = backend if backend is not None else open_backend(bundle)
        self._state = initial_state(bundle)
        self._noise = make_noise(bundle, seed, temperature)
        self.manner = Manner(bundle, self.topology, style, style_strength, gains)
        self.passing = False
        self.passed_frames = 0
        template = self.topology.template
        self._face = {"template": template[None], "identity": self._backend.identity(template)[None]}

    @property
    def lost_samples(self) -> int:
        """Samples that never came and were heard as silence."""
        return self.hearing.lost_samples

    @property
    def heard(self) -> np.ndarray:
        """(n,) float32: what the last push or flush heard, mono at the bundle's rate."""
        return self.hearing.heard

    @property
    def replaced_samples(self) -> int:
        """NaN and infinite samples that were heard as silence."""
        return self.hearing.resampler.replaced

    @property
    def next_frame(self) -> int:
        """Index, at the bundle's own rate, of the frame that is made next: the first that a change now can show in."""
        return self.hearing.next_frame

    def set_style(self, style: np.ndarray | None) -> None:
        """Ease to another, (S,) or None for neutral, from the next frame on. Raises VoxmeshError if it does not fit."""
        self.manner.set_style(style, self.next_frame)

    def set_style_strength(self, strength: float) -> None:
        """Of the style that is set, and of those that will be, eased too. Raises VoxmeshError if out of range."""
        self.manner.set_strength(strength, self.next_frame)

    def set_gains(self, gains: Gains) -> None:
        """Ease to other gains from the next frame on. Raises VoxmeshError if the bundle cannot do it."""
        self.manner.set_gains(gains, self.next_frame)

    def push(self, chunk: AudioChunk) -> list[Frame]:
        """Raises ValueError once flushed."""
        return self._frames(self.hearing.push(chunk))

    def flush(self) -> list[Frame]:
        """The frames whose look-ahead ends in silence after the last sample. The engine is done after it."""
        return self._frames(self.hearing.flush()) + self._rate.flush(self.hearing.samples)

    def _frames(self, heard: list[Heard]) -> list[Frame]:
        if self.passing:
            self.passed_frames += len(heard) if self._rate.same else 0
            return []
        return [frame for one in heard for frame in self._rate.push(self._frame(one))]

    def _frame(self, heard: Heard) -> Frame:
        inputs = {
            "features": heard.features[None],
            "noise": self._noise.frame(heard.index)[None],
            **self._face,
            **{name: value[None] for name, value in self.manner.inputs(heard.index).items()},
        }
        vertices, labels, self._state = self._backend.step(inputs, self._state)
        shown = self.manner.shown(vertices[0], heard.index)
        return Frame(heard.index, heard.sample, heard.captured_ns, shown, labels[0])


def make_noise(bundle: Bundle, seed: int, temperature: float) -> Noise:
    """The noise of a stream; `temperature` scales every head's own. Raises VoxmeshError for one that will not do."""
    if not (np.isfinite(temperature) and temperature >= 0):
        raise VoxmeshError(f"temperature is {temperature}: it must be 0 or more")
    return Noise(seed, bundle.temperature * np.float32(temperature), bundle.classes)
