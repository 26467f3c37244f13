"""What a face's landmarks tell without a truth: blinks, and whether the lips say what is heard.

points: (T, L, 3) metres, rest: (L, 3), the neutral face, both in the order of LANDMARKS, Y up, facing +Z. Where a
capture's landmarks are guessed (`datasets/landmarks.py`), so is what is read here.

The AUCs are `benchmarks/lip_sync.py`'s: the chance that a phone of one kind is above (or below) one of the other, 0.5
for a face that knows nothing. P B M and F V are read over the phone and 40 ms around, and not against phones that one
of them is so near to; the others are read inside the phone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from voxmesh.stream.topology import LANDMARKS

Phone = tuple[str, float, float]
"""Name, start and end in seconds."""

BLINK_CLOSED, BLINK_EDGE = 0.6, 0.2
"""A blink is a run of frames whose lids are BLINK_EDGE of the way shut or more, and somewhere BLINK_CLOSED."""
LEAST_EYE_M = 0.002
"""Lids that are nearer than this at rest are no open eye: the landmarks, or the capture, do not show blinks."""
MARGIN_S = 0.040
_BILABIAL, _LABIODENTAL = {"P", "B", "M"}, {"F", "V"}
_ROUNDED, _UNROUNDED = {"W", "UW", "OW", "AO"}, {"IY", "IH", "EH", "AE", "EY", "AA", "S", "T", "D"}
_SPREAD, _UNSPREAD = {"IY", "EY"}, {"AA", "AO", "UW", "OW", "W"}
_OPEN, _SHUT = {"AA", "AE", "AY", "AW"}, {"IY", "UW", "S", "Z", "SH", "CH", "P", "B", "M", "F", "V", "W"}


def blinks(points: np.ndarray, rest: np.ndarray, fps: float) -> dict[str, float] | None:
    """per_minute, mean_ms and closed_share (of time, 60 % shut or more); None where the eyes are not open at rest."""
    openness = []
    for side in ("left", "right"):
        upper, lower = (LANDMARKS.index(f"lid_{lid}_{side}") for lid in ("upper", "lower"))
        neutral = float(np.linalg.norm(rest[upper] - rest[lower]))
        if neutral < LEAST_EYE_M:
            return None
        openness.append(np.linalg.norm(points[:, upper] - points[:, lower], axis=1) / neutral)
    closure = 1.0 - np.max(openness, axis=0)  # of the eye that is less closed: a wink is no blink
    edges = np.flatnonzero(np.diff(np.r_[False, closure >= BLINK_EDGE, False].astype(int)))
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if closure[a:b].max() >= BLINK_CLOSED]
    return {
        "per_minute": 60.0 * fps * len(runs) / len(closure),
        "mean_ms": float(np.mean([1000.0 * (b - a) / fps for a, b in runs])) if runs else 0.0,
        "closed_share": float((closure >= BLINK_CLOSED).mean()),
    }


def auc(above: Sequence[float], below: Sequence[float]) -> float | None:
    """The chance that one of `above` is larger than one of `below`, ties half; None where one side is empty."""
    if not len(above) or not len(below):
        return None
    difference = np.subtract.outer(np.asarray(above, float), np.asarray(below, float))
    return float((np.sign(difference).mean() + 1.0) / 2.0)


def readings(points: np.ndarray, rest: np.ndarray, fps: float, phones: Sequence[Phone]) -> dict[str, list[tuple]]:
    """Of each AUC, (whether the phone is of its kind, reading), one a phone: concatenate clips', then `aucs`."""
    at = {name: points[:, i].astype(float) for i, name in enumerate(LANDMARKS)}
    neutral = {name: rest[i].astype(float) for i, name in enumerate(LANDMARKS)}

    def distance(one: str, other: str) -> np.ndarray:
        return np.linalg.norm(at[one] - at[other], axis=1)

    lips = ("lip_upper_inner", "lip_lower_inner")
    aperture, width = distance(*lips), distance("mouth_left", "mouth_right")
    protrusion = np.mean([at[lip][:, 2] - neutral[lip][2] for lip in lips], axis=0)
    kinds: dict[str, tuple[set[str], set[str] | None, np.ndarray, float, Callable]] = {
        "bilabial": (_BILABIAL, None, -aperture, MARGIN_S, np.max),
        "labiodental": (_LABIODENTAL, None, -distance("lip_lower_inner", "teeth_upper"), MARGIN_S, np.max),
        "rounded": (_ROUNDED, _UNROUNDED, protrusion - width, 0.0, np.mean),
        "spread": (_SPREAD, _UNSPREAD, width, 0.0, np.mean),
        "open": (_OPEN, _SHUT, aperture, 0.0, np.mean),
    }
    found: dict[str, list[tuple]] = {name: [] for name in kinds}
    for phone, start_s, end_s in phones:
        for name, (kind, others, curve, margin_s, read) in kinds.items():
            if phone not in kind and (phone not in others if others else phone in _BILABIAL | _LABIODENTAL):
                continue
            if phone not in kind and margin_s and _near(kind, phones, start_s - margin_s, end_s + margin_s):
                continue
            first = min(max(0, int(np.ceil((start_s - margin_s) * fps))), len(curve) - 1)
            last = max(first + 1, int(np.ceil((end_s + margin_s) * fps)))
            found[name].append((phone in kind, float(read(curve[first:last]))))
    return found


def _near(kind: set[str], phones: Sequence[Phone], start_s: float, end_s: float) -> bool:
    """Whether a phone of the kind lies in part between the two: its closure would be read as another's."""
    return any(name in kind and start < end_s and start_s < end for name, start, end in phones)


def aucs(found: dict[str, list[tuple]]) -> dict[str, float | None]:
    """Of the pooled `readings` of all clips."""
    return {name: auc([v for hit, v in rows if hit], [v for hit, v in rows if not hit]) for name, rows in found.items()}
