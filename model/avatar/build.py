"""The avatar itself: head, rig, identity and look, in metres.

Inside this package lengths are centimetres, because a face is made of them; here they become the product's metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from voxmesh.model.avatar.hair import HairStyle
from voxmesh.model.avatar.head import Head, build_head
from voxmesh.model.avatar.identity import PEOPLE, Traits, warp
from voxmesh.model.avatar.look import albedo, bake, gloss
from voxmesh.model.avatar.marks import landmarks, regions
from voxmesh.model.avatar.rig_eyes import eye_shapes
from voxmesh.model.avatar.rig_face import face_shapes
from voxmesh.model.avatar.rig_jaw import jaw_shapes
from voxmesh.model.avatar.rig_mouth import mouth_shapes
from voxmesh.model.avatar.rings import BELL, MOUTH
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.topology import Topology

CM = 0.01
IDENTITIES = len(PEOPLE)
"""Number of identities: 0 is the default, the last `HELD_OUT` are kept from training."""
HELD_OUT = 4
LIP_RINGS = ("contact", "lip1", "lip2", "lip3", "border")


@dataclass(frozen=True)
class Avatar:
    """A face and its rig.

    topology: the neutral face. deltas: (52, V, 3) float32 metres, in the order of `ARKIT_NAMES`.
    parts: name -> vertex indices: skin, eyeball_left, eyeball_right, teeth_upper, teeth_lower, tongue, hair, and so on;
    and lips, the red of them, which is part of the skin.
    """

    topology: Topology
    deltas: np.ndarray
    parts: dict[str, np.ndarray]

    def pose(self, weights: np.ndarray) -> np.ndarray:
        """template + sum_k w_k delta_k, strictly linear. weights (..., 52) -> (..., V, 3) float32 metres."""
        weights = np.asarray(weights, np.float32)
        flat = weights.reshape(-1, len(self.deltas)) @ self.deltas.reshape(len(self.deltas), -1)
        return self.topology.template + flat.reshape(*weights.shape[:-1], *self.topology.template.shape)


def rig(head: Head) -> np.ndarray:
    """(52, V, 3) cm in the order of `ARKIT_NAMES`."""
    shapes = {**jaw_shapes(head), **mouth_shapes(head), **eye_shapes(head), **face_shapes(head)}
    return np.array([shapes[name] for name in ARKIT_NAMES])


def _trim(head: Head, traits: Traits) -> np.ndarray:
    """(V, 3) cm added to the head before the warp: fuller or thinner lips, larger or smaller ears."""
    d = head.zeros()
    for name, share in (
        ("lip1", 0.25),
        ("lip2", 0.6),
        ("lip3", 0.9),
        ("border", 1.0),
        ("rim", 0.9),
        ("skin1", 0.55),
        ("skin2", 0.2),
    ):
        row = head.skin.ring(name)
        d[row, 1] = 0.32 * traits.lip_fullness * share * BELL * MOUTH.side
    for name, share in (("lip1", 0.6), ("lip2", 1.0), ("lip3", 0.8), ("border", 0.4)):
        d[head.skin.ring(name), 2] = 0.26 * traits.lip_fullness * share * BELL
    for side in ("left", "right"):
        at = head.slices[f"ear_{side}"]
        centre = head.vertices[at].mean(0)
        under_hair = -0.45 if traits.hair_style.hang else traits.ear_size
        d[at] = under_hair * (head.vertices[at] - centre)
        if traits.hair_style.hang:
            d[at, 0] -= 0.5 * np.sign(centre[0])
    return d


def _personal(head: Head, deltas: np.ndarray, traits: Traits) -> tuple[np.ndarray, np.ndarray]:
    """Template (V, 3) and deltas (52, V, 3) of one person, cm: the warp of the posed head less the warp of the rest.

    mouthClose is warped on top of jawOpen, so that the two still seal the lips exactly at equal weights.
    """
    rest = head.vertices + _trim(head, traits)
    template = warp(rest, traits)
    out = np.zeros_like(deltas)
    jaw, close = ARKIT_NAMES.index("jawOpen"), ARKIT_NAMES.index("mouthClose")
    for k, delta in enumerate(deltas):
        moved = np.flatnonzero(np.any(delta != 0, axis=1) | (np.any(deltas[jaw] != 0, axis=1) if k == close else False))
        total = delta[moved] + (deltas[jaw][moved] if k == close else 0.0)
        out[k, moved] = warp(rest[moved] + total, traits) - template[moved]
    out[close] -= out[jaw]
    return template, out


@cache
def _rig(brow_thickness: float) -> np.ndarray:
    return rig(build_head(brow_thickness=brow_thickness))


@cache
def _occlusion(style: HairStyle) -> np.ndarray:
    """(V, 3) uint8: the hair shades the face, so it is baked once a style, on the default face."""
    return bake(build_head(style), _rig(1.0)[ARKIT_NAMES.index("jawOpen")])


@cache
def build_avatar(identity: int = 0) -> Avatar:
    """The avatar of identity 0 .. IDENTITIES - 1; same faces, landmarks and regions for all. Deterministic.

    The first call takes some seconds, later ones about one. Raises IndexError if there is no such identity.
    """
    if not 0 <= identity < IDENTITIES:
        raise IndexError(f"identity {identity} does not exist; there are {IDENTITIES}, counted from 0")
    traits = PEOPLE[identity]
    head = build_head(traits.hair_style, traits.brow_thickness)
    template, deltas = _personal(head, _rig(traits.brow_thickness), traits)
    topology = Topology(
        template=(CM * template).astype(np.float32),
        faces=head.faces.astype(np.int32),
        albedo=albedo(head, traits.palette()),
        occlusion=_occlusion(traits.hair_style),
        gloss=gloss(head),
        landmarks=landmarks(),
        regions=regions(),
    )
    parts = {name: np.arange(at.start, at.stop) for name, at in head.slices.items()}
    parts["lips"] = np.concatenate([head.skin.ring(name) for name in LIP_RINGS])
    return Avatar(topology, (CM * deltas).astype(np.float32), parts)
