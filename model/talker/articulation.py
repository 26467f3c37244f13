"""Phones to mouth curves: dominance functions for what may blend, exact gates for what must touch.

Cohen and Massaro (1993, "Modeling coarticulation in synthetic visual speech") give each phone a dominance over each
articulator that rises before it and decays after it; a curve is the dominance-weighted mean of the phones' targets.
Ours is a product of two logistic edges, so curves are infinitely smooth and a short phone reaches its target less
(undershoot grows with speed). Blending alone never seals the lips, so bilabial closure, labiodental contact and rest
are gates with raised-cosine edges that force their pose exactly while they hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxmesh.model.talker.phones import PARTS, SILENCE, from_flite
from voxmesh.model.talker.targets import CONTACT_POSE, GROUPS, LABIODENTAL, SEAL_PRESS, SEALED, TARGETS
from voxmesh.stream.arkit import ARKIT_NAMES

FPS = 60
Phone = tuple[str, float, float]

_EDGE_S = {"jaw": (0.021, 0.020), "round": (0.030, 0.020), "spread": (0.024, 0.020), "lips": (0.018, 0.018)}
_EDGE_S["tongue"] = (0.014, 0.014)
_LEAD_S = 0.010  # lips move a little before the sound that they shape
_SEAL_RAMP_S, _RELEASE_RAMP_S, _SEAL_MIN_S = 0.065, 0.050, 0.055
_CONTACT_RAMP_S, _CONTACT_MIN_S = 0.075, 0.045
_REST_CLOSE_S, _REST_OPEN_S, _PUCKER_OPEN_S, _MIN_GAP_S = 0.110, 0.090, 0.200, 0.040
OPENERS = ("mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthShrugUpper")
_SIDED = {name[:-4] for name in ARKIT_NAMES if name.endswith("Left")} - {"mouth", "jaw"}
_COLUMN = {name: index for index, name in enumerate(ARKIT_NAMES)}


def columns(shape: str) -> list[int]:
    """Columns of a shape named without its side: "mouthStretch" -> both halves, "jawOpen" -> one."""
    names = (f"{shape}Left", f"{shape}Right") if shape in _SIDED else (shape,)
    return [_COLUMN[name] for name in names]


def _smooth(x: np.ndarray) -> np.ndarray:
    """Raised cosine from 0 at x <= 0 to 1 at x >= 1, with flat ends."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))


def _gate(times: np.ndarray, start: float, end: float, ramp_in: float, ramp_out: float) -> np.ndarray:
    """1 within start..end, rising over `ramp_in` seconds before and falling over `ramp_out` after."""
    return _smooth((times - start + ramp_in) / ramp_in) * _smooth((end + ramp_out - times) / ramp_out)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def split(phones: Sequence[Phone]) -> list[Phone]:
    """Fold names into the inventory, drop silences, split diphthongs and affricates with two lip targets."""
    parts: list[Phone] = []
    for raw, start, end in phones:
        name = from_flite(raw)
        if name == SILENCE or end <= start:
            continue
        if name in PARTS:
            middle = start + 0.55 * (end - start)
            first, second = PARTS[name]
            parts += [(first, start, middle), (second, middle, end)]
        else:
            parts.append((name, start, end))
    return parts


def silences(phones: Sequence[Phone], duration_s: float) -> list[tuple[float, float]]:
    """Gaps (start_s, end_s) before, between and after phones, longer than 40 ms; time may run beyond both ends."""
    edges = [-1.0, *(edge for _, start, end in phones for edge in (start, end)), duration_s + 1.0]
    gaps = zip(edges[0::2], edges[1::2], strict=True)
    return [(start, end) for start, end in gaps if end - start >= _MIN_GAP_S]


def _blend(parts: Sequence[Phone], times: np.ndarray) -> dict[str, np.ndarray]:
    """Dominance-weighted mean of targets per shape, each (frames,)."""
    curves = {shape: np.zeros(len(times)) for shapes in GROUPS.values() for shape in shapes}
    total = {group: np.full(len(times), 1e-9) for group in GROUPS}
    for name, start, end in parts:
        target = TARGETS[name]
        low, high = np.searchsorted(times, (start - 0.5, end + 0.5))
        window = times[low:high] + _LEAD_S
        for group, shapes in GROUPS.items():
            before, after = _EDGE_S[group]
            weight = target.dominance[group] * _sigmoid((window - start) / before) * _sigmoid((end - window) / after)
            total[group][low:high] += weight
            for shape in shapes:
                if value := target.shapes.get(shape, 0.0):
                    curves[shape][low:high] += weight * value
    for group, shapes in GROUPS.items():
        for shape in shapes:
            curves[shape] /= total[group]
    return curves


def _seal(parts: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """How far the lips are sealed, (frames,) 0..1: exactly 1 within every closure of p, b, m."""
    opened = np.ones(len(times))
    for index, (name, start, end) in enumerate(parts):
        if name not in SEALED:
            continue
        share, most_s = SEALED[name]
        last = end - min(share * (end - start), most_s)
        first = min(start, last - _SEAL_MIN_S)  # a short closure grows backwards: lips are early
        before = parts[index - 1][2] if index else -np.inf
        if start - before >= _MIN_GAP_S:  # out of silence the lips simply stay shut
            first = max(first - 0.15, min(first, before + _SEAL_RAMP_S))
        if name == "M" and (index + 1 == len(parts) or parts[index + 1][1] - end >= _MIN_GAP_S):
            last += 0.15
        opened *= 1.0 - _gate(times, first, last, _SEAL_RAMP_S, _RELEASE_RAMP_S)
    return 1.0 - opened


def _contact(parts: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """How far the lower lip is on the teeth, (frames,) 0..1."""
    free = np.ones(len(times))
    for name, start, end in parts:
        if name in LABIODENTAL:
            first, last = (start + fraction * (end - start) for fraction in LABIODENTAL[name])
            free *= 1.0 - _gate(times, min(first, last - _CONTACT_MIN_S), last, _CONTACT_RAMP_S, _CONTACT_RAMP_S)
    return 1.0 - free


def _awake(parts: Sequence[Phone], times: np.ndarray, opening_s: float) -> np.ndarray:
    """1 while speaking, 0 in silence: closes within 110 ms after a phone, opens `opening_s` before the next."""
    awake = np.ones(len(times))
    duration = float(times[-1]) if len(times) else 0.0
    for start, end in silences(parts, duration):
        closing = _smooth((times - start + 0.02) / (_REST_CLOSE_S + 0.02))
        opening = _smooth((end + 0.02 - times) / (opening_s + 0.02))
        awake *= 1.0 - closing * opening
    return awake


def articulate(
    phones: Sequence[Phone], frames: int, *, amplitude: float = 1.0, loudness: np.ndarray | None = None
) -> np.ndarray:
    """Mouth curves of a phone string, (frames, 52) float32 in ARKIT_NAMES' order at 60 fps; the upper face stays 0.

    `phones` are (name, start_s, end_s) in time order, names from ARPAbet (stress digits allowed) and `phones.PHONES`;
    gaps and SIL are silence. `amplitude` (about 0.85..1.15) scales how far everything moves, `loudness` (frames,)
    scales the jaw by 1 + 0.15 * loudness (clip it to -1..1). Raises KeyError for an unknown phone.
    """
    times = np.arange(frames) / FPS
    out = np.zeros((frames, len(ARKIT_NAMES)))
    parts = split(phones)
    if not parts or not frames:
        return out.astype(np.float32)
    curves = _blend(parts, times)
    awake, awake_pucker = _awake(parts, times, _REST_OPEN_S), _awake(parts, times, _PUCKER_OPEN_S)
    seal, contact = _seal(parts, times), _contact(parts, times) * awake
    for shape, curve in curves.items():
        curves[shape] = amplitude * curve * (awake_pucker if shape == "mouthPucker" else awake)
    if loudness is not None:
        curves["jawOpen"] = curves["jawOpen"] * (1.0 + 0.15 * np.clip(loudness, -1.0, 1.0))
    for shape in ("mouthRollLower", "mouthPress", "mouthRollUpper"):
        curves[shape] = np.zeros(frames)
    for shape, value in CONTACT_POSE.items():
        curves[shape] = curves[shape] + contact * (value - curves[shape])
    for shape in ("mouthFunnel", "mouthStretch", "mouthPucker"):
        curves[shape] = curves[shape] * (1.0 - 0.6 * contact)
    for shape in OPENERS:
        curves[shape] = curves[shape] * (1.0 - seal)
    curves["mouthPress"] = SEAL_PRESS * seal * awake
    curves["tongueOut"] = curves["tongueOut"] * (1.0 - seal) * (1.0 - contact)
    curves["mouthClose"] = curves["jawOpen"] * seal
    for shape, curve in curves.items():
        out[:, columns(shape)] = curve[:, None]
    return np.clip(out, 0.0, 1.0).astype(np.float32)
