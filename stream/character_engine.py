"""An engine whose frames show a character: the bundle's own face is made as always, and its weights drive the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.blendshapes import face_fit
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.character import Character, Pose
from voxmesh.stream.engine import Engine
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.types import AudioChunk, Frame


class CharacterEngine(Engine):
    """`topology` and the bundle's shapes are the character's; a frame has its vertices, and the weights that made them.

    Raises VoxmeshError, as Engine does, and when the bundle's blendshapes are not the 52 of ARKit.
    """

    def __init__(self, bundle: Bundle, character: Character, **settings: Any) -> None:
        """settings: what Engine takes by name."""
        if bundle.blendshape_names != ARKIT_NAMES:
            raise VoxmeshError(f"the blendshapes of {bundle.folder} are not ARKit's 52: it cannot drive an avatar")
        super().__init__(bundle, **settings)
        self._fit = face_fit(self.topology, bundle.deltas)
        self._pose = Pose(character.topology.template, character.deltas)
        self.topology = character.topology
        self.bundle = replace(bundle, topologies=(character.topology,), deltas=character.deltas)

    def push(self, chunk: AudioChunk) -> list[Frame]:
        return [self._dressed(frame) for frame in super().push(chunk)]

    def flush(self) -> list[Frame]:
        return [self._dressed(frame) for frame in super().flush()]

    def _dressed(self, frame: Frame) -> Frame:
        weights = self._fit.fit(frame.vertices[None])[0]
        return replace(frame, vertices=self._pose(weights), weights=weights)
