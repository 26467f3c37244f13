"""How a face looks for each sound: the 15 well-known visemes as weights of the ARKit blendshapes.

The classes are the silence and fourteen sounds of MPEG-4's facial animation (ISO/IEC 14496-2, visemes 0-14) under
their usual short names. The weights were set by eye on this package's own avatar. Rules they keep: p b m seal the
lips (`mouthClose` equals `jawOpen`), f v bring the lower lip to the upper teeth, w u o round and protrude, s z keep
the teeth together, vowels open in proportion.
"""

from __future__ import annotations

VISEMES: dict[str, dict[str, float]] = {
    "sil": {},
    # p b m: lips sealed and slightly pressed.
    "PP": {
        "jawOpen": 0.08,
        "mouthClose": 0.08,
        "mouthPressLeft": 0.55,
        "mouthPressRight": 0.55,
    },
    # f v: the lower lip tucks back and up to the edge of the upper incisors.
    "FF": {
        "jawOpen": 0.06,
        "mouthRollLower": 1.0,
        "mouthUpperUpLeft": 0.3,
        "mouthUpperUpRight": 0.3,
    },
    # th dh: tongue tip between the teeth.
    "TH": {
        "jawOpen": 0.2,
        "tongueOut": 0.3,
        "mouthLowerDownLeft": 0.25,
        "mouthLowerDownRight": 0.25,
        "mouthUpperUpLeft": 0.1,
        "mouthUpperUpRight": 0.1,
    },
    # t d
    "DD": {
        "jawOpen": 0.16,
        "mouthLowerDownLeft": 0.3,
        "mouthLowerDownRight": 0.3,
        "mouthUpperUpLeft": 0.15,
        "mouthUpperUpRight": 0.15,
        "mouthStretchLeft": 0.15,
        "mouthStretchRight": 0.15,
    },
    # n l: as t d, the tongue a little lower
    "nn": {
        "jawOpen": 0.19,
        "mouthLowerDownLeft": 0.25,
        "mouthLowerDownRight": 0.25,
        "mouthUpperUpLeft": 0.1,
        "mouthUpperUpRight": 0.1,
        "mouthStretchLeft": 0.1,
        "mouthStretchRight": 0.1,
    },
    # k g ng
    "kk": {
        "jawOpen": 0.26,
        "mouthLowerDownLeft": 0.2,
        "mouthLowerDownRight": 0.2,
        "mouthStretchLeft": 0.15,
        "mouthStretchRight": 0.15,
    },
    # sh zh ch jh: teeth near, lips squared and pushed forward.
    "CH": {
        "jawOpen": 0.1,
        "mouthFunnel": 0.75,
        "mouthPucker": 0.25,
        "mouthUpperUpLeft": 0.1,
        "mouthUpperUpRight": 0.1,
    },
    # s z: teeth together, lips spread a little.
    "SS": {
        "jawOpen": 0.05,
        "mouthLowerDownLeft": 0.35,
        "mouthLowerDownRight": 0.35,
        "mouthUpperUpLeft": 0.25,
        "mouthUpperUpRight": 0.25,
        "mouthStretchLeft": 0.4,
        "mouthStretchRight": 0.4,
    },
    # r er
    "RR": {
        "jawOpen": 0.16,
        "mouthFunnel": 0.4,
        "mouthPucker": 0.3,
    },
    # aa ah ay: wide open.
    "aa": {
        "jawOpen": 0.62,
        "mouthLowerDownLeft": 0.2,
        "mouthLowerDownRight": 0.2,
        "mouthUpperUpLeft": 0.15,
        "mouthUpperUpRight": 0.15,
    },
    # eh ae ey
    "E": {
        "jawOpen": 0.36,
        "mouthStretchLeft": 0.35,
        "mouthStretchRight": 0.35,
        "mouthLowerDownLeft": 0.3,
        "mouthLowerDownRight": 0.3,
        "mouthUpperUpLeft": 0.15,
        "mouthUpperUpRight": 0.15,
        "mouthSmileLeft": 0.15,
        "mouthSmileRight": 0.15,
    },
    # ih iy: spread, little jaw.
    "ih": {
        "jawOpen": 0.17,
        "mouthStretchLeft": 0.45,
        "mouthStretchRight": 0.45,
        "mouthLowerDownLeft": 0.25,
        "mouthLowerDownRight": 0.25,
        "mouthUpperUpLeft": 0.15,
        "mouthUpperUpRight": 0.15,
        "mouthSmileLeft": 0.3,
        "mouthSmileRight": 0.3,
    },
    # ao oh ow: open and round.
    "oh": {
        "jawOpen": 0.45,
        "mouthFunnel": 0.45,
        "mouthPucker": 0.3,
    },
    # uw uh w: small and round, pushed forward.
    "ou": {
        "jawOpen": 0.11,
        "mouthFunnel": 0.3,
        "mouthPucker": 0.8,
    },
}
"""viseme -> {ARKit name: weight in 0..1}; names left out are 0."""
