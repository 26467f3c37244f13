"""What each phone asks of the lips and jaw: ARKit weights, and how strongly it insists (its dominance).

The weights follow articulatory anatomy (Ladefoged, A Course in Phonetics; Cohen and Massaro 1993 for the idea that
each phone insists on some articulators and leaves the others to its neighbours). jawOpen = 1 is about 27 mm between
the lips, so speech lives below 0.45.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUPS: dict[str, tuple[str, ...]] = {
    "jaw": ("jawOpen",),
    "round": ("mouthPucker", "mouthFunnel"),
    "spread": ("mouthStretch", "mouthSmile", "mouthDimple"),
    "lips": ("mouthLowerDown", "mouthUpperUp", "mouthShrugUpper"),
    "tongue": ("tongueOut",),
}
"""Articulators and their shapes; a shape with a left and a right half is named once."""


@dataclass(frozen=True)
class Target:
    """One phone: `shapes` (ARKit name without side -> weight) and `dominance` per group of GROUPS, 0..2."""

    shapes: dict[str, float]
    dominance: dict[str, float]


def _target(
    jaw: float, strengths: tuple[float, float, float, float], *, lower: float = 0.0, upper: float = 0.0, **more: float
) -> Target:
    shapes = {"jawOpen": jaw, "mouthLowerDown": lower, "mouthUpperUp": upper, **more}
    jaw_d, round_d, spread_d, lips_d = strengths
    return Target(shapes, {"jaw": jaw_d, "round": round_d, "spread": spread_d, "lips": lips_d, "tongue": 1.0})


_OPEN, _SPREAD, _ROUND = (1.0, 0.7, 0.6, 0.8), (0.9, 0.9, 1.0, 0.8), (0.9, 1.2, 1.0, 0.9)
_WEAK, _CORONAL, _SIBILANT = (0.30, 0.12, 0.15, 0.25), (0.65, 0.15, 0.25, 0.45), (1.3, 0.35, 0.6, 0.9)
_POSTALVEOLAR, _LABIAL = (1.2, 1.0, 0.9, 0.8), (0.6, 0.15, 0.25, 0.3)

_SS = _target(0.045, _SIBILANT, lower=0.24, upper=0.12, mouthStretch=0.18, mouthSmile=0.06)
_SHH = _target(0.07, _POSTALVEOLAR, lower=0.14, upper=0.10, mouthFunnel=0.50, mouthPucker=0.22)
_TD = _target(0.085, _CORONAL, lower=0.16, upper=0.07)
_KG = _target(0.13, _WEAK, lower=0.12, upper=0.05)
_PBM = _target(0.05, _LABIAL)
_FV = _target(0.06, (1.1, 0.25, 0.3, 1.0), upper=0.30)

TARGETS: dict[str, Target] = {
    "AA": _target(0.40, _OPEN, lower=0.26, upper=0.12),
    "AE": _target(0.35, _OPEN, lower=0.30, upper=0.17, mouthStretch=0.22, mouthSmile=0.10),
    "AH": _target(0.26, (0.9, 0.5, 0.5, 0.7), lower=0.20, upper=0.09, mouthStretch=0.05),
    "AX": _target(0.17, (0.5, 0.3, 0.3, 0.45), lower=0.14, upper=0.06),
    "AO": _target(0.31, _ROUND, lower=0.16, upper=0.08, mouthFunnel=0.38, mouthPucker=0.18),
    "EH": _target(0.26, _SPREAD, lower=0.26, upper=0.14, mouthStretch=0.20, mouthSmile=0.10),
    "ER": _target(0.16, (0.9, 0.8, 0.7, 0.7), lower=0.13, upper=0.07, mouthFunnel=0.28, mouthPucker=0.14),
    "IH": _target(0.15, (0.8, 0.7, 0.8, 0.7), lower=0.20, upper=0.10, mouthStretch=0.20, mouthSmile=0.12),
    "IY": _target(0.085, (0.9, 1.0, 1.1, 0.9), lower=0.24, upper=0.13, mouthStretch=0.32, mouthSmile=0.26),
    "UH": _target(0.14, _ROUND, lower=0.10, upper=0.05, mouthFunnel=0.30, mouthPucker=0.28),
    "UW": _target(0.075, (0.9, 1.4, 1.0, 1.0), lower=0.04, upper=0.02, mouthFunnel=0.28, mouthPucker=0.70),
    "UE": _target(0.075, (0.9, 1.4, 1.0, 1.0), lower=0.06, upper=0.04, mouthFunnel=0.36, mouthPucker=0.62),
    "OE": _target(0.18, _ROUND, lower=0.10, upper=0.06, mouthFunnel=0.42, mouthPucker=0.40),
    "P": _PBM,
    "B": _PBM,
    "M": _PBM,
    "BV": _target(0.05, (0.8, 0.2, 0.3, 1.0), lower=0.02),
    "F": _FV,
    "V": _FV,
    "TH": _target(0.12, (0.8, 0.2, 0.3, 0.6), lower=0.20, upper=0.10, tongueOut=0.40),
    "DH": _target(0.11, (0.7, 0.2, 0.3, 0.55), lower=0.18, upper=0.09, tongueOut=0.28),
    "T": _TD,
    "D": _TD,
    "N": _TD,
    "L": _target(0.13, _CORONAL, lower=0.18, upper=0.08),
    "S": _SS,
    "Z": _SS,
    "TS": _SS,
    "DZ": _SS,
    "SH": _SHH,
    "ZH": _SHH,
    "CH": _SHH,
    "JH": _SHH,
    "K": _KG,
    "G": _KG,
    "NG": _KG,
    "XX": _KG,
    "CC": _target(0.075, (0.8, 0.3, 0.6, 0.5), lower=0.18, upper=0.09, mouthStretch=0.18, mouthSmile=0.14),
    "NY": _target(0.08, (0.7, 0.3, 0.5, 0.5), lower=0.16, upper=0.08, mouthStretch=0.14, mouthSmile=0.10),
    "Y": _target(0.075, (0.8, 0.5, 0.8, 0.6), lower=0.18, upper=0.10, mouthStretch=0.22, mouthSmile=0.20),
    "R": _target(0.09, (0.8, 0.8, 0.6, 0.6), lower=0.10, upper=0.06, mouthFunnel=0.32, mouthPucker=0.34),
    "RU": _target(0.15, _WEAK, lower=0.12, upper=0.05),
    "W": _target(0.05, (1.0, 1.7, 1.0, 1.1), mouthFunnel=0.14, mouthPucker=0.85),
    "HH": _target(0.16, (0.12, 0.05, 0.06, 0.10), lower=0.12, upper=0.05),
    "Q": _target(0.14, (0.10, 0.05, 0.06, 0.10), lower=0.10, upper=0.04),
}
"""Every phone of `phones.PHONES` but silence and those that `phones.PARTS` splits."""

SEALED: dict[str, tuple[float, float]] = {"P": (0.35, 0.040), "B": (0.28, 0.020), "M": (0.0, 0.0)}
"""Lips are sealed from the phone's start until this fraction before its end, but no more than so many seconds: a stop's
label also covers burst and breath. Measured on espeak-ng and flite: p bursts 25-40 ms before its end, b 10-25 ms."""

LABIODENTAL: dict[str, tuple[float, float]] = {"F": (0.05, 0.95), "V": (0.1, 0.9)}
"""The lower lip touches the upper teeth between these fractions of the phone."""

CONTACT_POSE: dict[str, float] = {
    **{"mouthRollLower": 0.65, "mouthRollUpper": 0.5, "mouthUpperUp": 0.2, "jawOpen": 0.04, "mouthLowerDown": 0.0}
}
"""The pose of f and v, held exactly: the lower lip under the upper teeth, the upper lip drawn back with it."""

SEAL_PRESS = 0.3
"""mouthPress at the middle of a bilabial closure: lips flatten against each other. No roll: that would part them."""
