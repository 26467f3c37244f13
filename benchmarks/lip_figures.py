"""How each lip-sync figure is read from a mouth's motion: arrays in, the samples of every figure out.

Windows hold the frames whose time lies in them, or the nearest frame where none does. P B M and F V, and the phones
that they are told from, are read over [start - 40 ms, end + 40 ms]. A contrast phone whose window overlaps a target
phone's own [start, end] is left out: it would hold the target's closure. The other contrasts are read inside the phone,
where nothing of a neighbour is, so none is left out there. `p95` is the 95th percentile of the clip's aperture.
Distances are in space: lips that meet in the picture, one rolled in behind the other, are apart by their depth.

AUC: the chance that a target phone is above (or below) a contrast phone, a half for a face that knows nothing.
- bilabial: the least aperture, P B M below all other phones.
- labiodental: the least tuck, F V below the other phones but P B M.
- rounded: protrusion - width, mean over the phone, W UW OW AO above IY IH EH AE EY AA S T D.
- spread: width, mean over the phone, IY EY above AA AO UW OW W.
- open: aperture, mean over the phone's middle half, AA AE AY AW above IY UW S Z SH CH P B M F V W.

Shares and sizes:
- closure_rate: P B M whose least aperture is at most 10 % of p95. false_closure: AA AE AY AW AO EH with an aperture
  that low within their middle half.
- silence: pauses of 300 ms or more in which the aperture stays at most 10 % of p95, but for the first and last 120 ms,
  where the mouth is closing and opening. silence_whole: the same over the whole pause. sealed: at most 2 % of W, again
  but for 120 ms at both ends.
- lag_ms: the shift, within 200 ms, that makes the aperture correlate best with the articulation model's; late is
  positive. jitter: mean length of the mouth landmarks' third difference, as a ratio to the articulation model's. For
  both, a phone brings the frames from its start to the next phone's.
- bilabial_aperture: median of P B M's least aperture. open_aperture: median of open vowels' greatest. Shares of W.
- blinks_per_minute: by seconds, of all clips. quiet_share: time of clips where nobody speaks with an aperture under
  15 % of the 95th percentile of the folder's speech clips (of W when it has none), by seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bootstrap import Groups, Statistic, auc, median, ratio, share
from mouth import Motion
from voxmesh.model.talker.articulation import Phone

BILABIAL, LABIODENTAL = ("P", "B", "M"), ("F", "V")
NEVER_CLOSED = ("AA", "AE", "AY", "AW", "AO", "EH")
ROUNDED, UNROUNDED = ("W", "UW", "OW", "AO"), ("IY", "IH", "EH", "AE", "EY", "AA", "S", "T", "D")
SPREAD, UNSPREAD = ("IY", "EY"), ("AA", "AO", "UW", "OW", "W")
OPEN, NEARLY_SHUT = ("AA", "AE", "AY", "AW"), ("IY", "UW", "S", "Z", "SH", "CH", "P", "B", "M", "F", "V", "W")
OPEN_VOWELS = ("AA", "AE", "AH", "AY", "AW", "AO", "EH")
MARGIN_S, PAUSE_S, SETTLE_S = 0.040, 0.300, 0.120
SHUT, SEALED, QUIET, BLINK_MM = 0.10, 0.02, 0.15, 4.0
LAGS_S = np.arange(-100, 101) * 0.002

Samples = dict[str, tuple[np.ndarray, ...]]
"""Figure -> the groups that its statistic in KINDS takes, an item a phone, pause or second."""


def lag(groups: Groups, weights: Groups) -> np.ndarray:
    """The shift of LAGS_S, in ms, with the highest Pearson correlation. Groups: one of (n, 6, S), see `lag_moments`."""
    items = groups[0]
    count, x, xx, y, yy, xy = np.moveaxis(
        (weights[0] @ items.reshape(len(items), -1)).reshape(-1, *items.shape[1:]), 1, 0
    )
    spread = (count * xx - x * x) * (count * yy - y * y)
    correlation = np.where(spread > 1e-12 * (count * xx) * (count * yy), (count * xy - x * y) / np.sqrt(spread), np.nan)
    known = ~np.isnan(correlation).any(axis=1)
    best = np.argmax(np.where(known[:, None], correlation, 0.0), axis=1)
    return np.where(known, 1000.0 * LAGS_S[best], np.nan)


KINDS: dict[str, Statistic] = {
    **dict.fromkeys(("bilabial", "labiodental", "rounded", "spread", "open"), auc),
    **dict.fromkeys(("closure_rate", "false_closure"), share),
    "lag_ms": lag,
    **dict.fromkeys(("silence", "silence_whole", "sealed"), share),
    "jitter": ratio,
    **dict.fromkeys(("bilabial_aperture", "open_aperture"), median),
    **dict.fromkeys(("blinks_per_minute", "quiet_share"), ratio),
}
TITLES = {
    "bilabial": "AUC, P B M by least aperture",
    "labiodental": "AUC, F V by least tuck",
    "rounded": "AUC, W UW OW AO by protrusion - width",
    "spread": "AUC, IY EY by width",
    "open": "AUC, AA AE AY AW by aperture",
    "closure_rate": "P B M that close to 10 % of p95",
    "false_closure": "open vowels that close as far",
    "lag_ms": "behind the articulation model",
    "silence": "pauses >= 300 ms that stay shut to 10 % of p95",
    "silence_whole": "the same with their first and last 120 ms",
    "sealed": "pauses >= 300 ms that stay shut to 2 % of W",
    "jitter": "third difference, times the articulation model's",
    "bilabial_aperture": "median least aperture of P B M, / W",
    "open_aperture": "median greatest aperture of open vowels, / W",
    "blinks_per_minute": "n: seconds",
    "quiet_share": "time nearly shut where nobody speaks, n: seconds",
}
UNITS = dict.fromkeys(KINDS, 2) | {"lag_ms": 0, "blinks_per_minute": 1, "bilabial_aperture": 3, "open_aperture": 3}
"""Digits after the point."""


def speech_samples(phones: list[Phone], motion: Motion, model: Motion) -> Samples:
    """The samples of a clip with phones. model: the articulation model's motion for them, as many frames."""
    names = np.array([name for name, _, _ in phones])
    start, end = np.array([phone[1:] for phone in phones], float).T
    quarter = (end - start) / 4.0
    windows = {
        "wide": (start - MARGIN_S, end + MARGIN_S),
        "phone": (start, end),
        "middle": (start + quarter, end - quarter),
    }

    def read(track: np.ndarray, statistic: Callable[[np.ndarray], float], window: str) -> np.ndarray:
        """(phones,): the statistic of the track over every phone's window."""
        spans = zip(*windows[window], strict=True)
        return np.array([statistic(track[frames_within(a, b, motion.fps, len(track))]) for a, b in spans])

    def among(wanted: tuple[str, ...]) -> np.ndarray:
        return np.isin(names, wanted)

    shut = SHUT * np.percentile(motion.aperture, 95)
    bilabial, labiodental = among(BILABIAL), among(LABIODENTAL)
    nearest, tucked = read(motion.aperture, np.min, "wide"), read(motion.tuck, np.min, "wide")
    forward, width = read(motion.protrusion - motion.width, np.mean, "phone"), read(motion.width, np.mean, "phone")
    opened = read(motion.aperture, np.mean, "middle")
    rests = pauses(phones, motion.seconds)
    widest = [_widest(motion, a + SETTLE_S, b - SETTLE_S) for a, b in rests]
    return {
        "bilabial": (-nearest[bilabial], -nearest[~bilabial & apart(phones, bilabial)]),
        "labiodental": (-tucked[labiodental], -tucked[~labiodental & ~bilabial & apart(phones, labiodental)]),
        "rounded": (forward[among(ROUNDED)], forward[among(UNROUNDED)]),
        "spread": (width[among(SPREAD)], width[among(UNSPREAD)]),
        "open": (opened[among(OPEN)], opened[among(NEARLY_SHUT)]),
        "closure_rate": (nearest[bilabial] <= shut,),
        "false_closure": (read(motion.aperture, np.min, "middle")[among(NEVER_CLOSED)] <= shut,),
        "lag_ms": (lag_moments(phones, motion, model),),
        "silence": (np.array(widest) <= shut,),
        "silence_whole": (np.array([_widest(motion, a, b) for a, b in rests]) <= shut,),
        "sealed": (np.array(widest) <= SEALED,),
        "jitter": (by_phone(np.stack([motion.jerk, model.jerk], axis=1), phones, motion.fps),),
        "bilabial_aperture": (nearest[bilabial],),
        "open_aperture": (read(motion.aperture, np.max, "phone")[among(OPEN_VOWELS)],),
        "blinks_per_minute": (blinks(motion),),
    }


def nonspeech_samples(motion: Motion, loudest: float) -> Samples:
    """The samples of a clip where nobody speaks. loudest: the aperture / W that speech reaches."""
    quiet = by_second(motion.aperture < QUIET * loudest, motion.fps) / motion.fps
    return {"blinks_per_minute": (blinks(motion),), "quiet_share": (quiet,)}


def frames_within(start_s: float, end_s: float, fps: float, count: int) -> slice:
    """Frames t of 0 .. count - 1 with start_s <= t / fps <= end_s; the one nearest to the middle when there is none."""
    first = max(0, int(np.ceil(start_s * fps - 1e-6)))
    last = min(count - 1, int(np.floor(end_s * fps + 1e-6)))
    if last < first:
        first = last = int(np.clip(round((start_s + end_s) / 2.0 * fps), 0, count - 1))
    return slice(first, last + 1)


def apart(phones: list[Phone], target: np.ndarray) -> np.ndarray:
    """(n,) bool: whose [start - 40 ms, end + 40 ms] overlaps no target phone's [start, end]. target: (n,) bool."""
    start, end = np.array([phone[1:] for phone in phones], float).T
    meets = (start[:, None] - MARGIN_S < end[target]) & (start[target] < end[:, None] + MARGIN_S)
    return ~meets.any(axis=1)


def pauses(phones: list[Phone], end_s: float) -> list[tuple[float, float]]:
    """The silences of at least PAUSE_S between phones, before the first and after the last."""
    edges = [0.0, *(t for _, start, end in phones for t in (start, end)), end_s]
    gaps = zip(edges[0::2], edges[1::2], strict=True)
    return [(start, end) for start, end in gaps if end - start >= PAUSE_S]


def _widest(motion: Motion, start_s: float, end_s: float) -> float:
    return float(motion.aperture[frames_within(start_s, end_s, motion.fps, len(motion))].max())


def by_phone(values: np.ndarray, phones: list[Phone], fps: float) -> np.ndarray:
    """(frames, ...) -> (phones, ...): sums over the frames from a phone's start to the next's; none is left over."""
    starts = np.ceil(np.array([start for _, start, _ in phones[1:]]) * fps - 1e-6).astype(int)
    edges = np.concatenate([[0], np.clip(starts, 0, len(values)), [len(values)]])
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=float)])
    return sums[edges[1:]] - sums[edges[:-1]]


def lag_moments(phones: list[Phone], motion: Motion, model: Motion) -> np.ndarray:
    """(phones, 6, S): sums of 1, x, x^2, y, y^2, x y, with x the model's aperture at a frame and y ours, each shift of
    LAGS_S later. Only frames from which every shift stays within the clip count: they are the same for all shifts.
    """
    frames = np.arange(len(motion), dtype=float)
    reach = LAGS_S[-1] * motion.fps
    inside = (frames >= reach) & (frames <= len(motion) - 1 - reach)
    x = model.aperture

    def moments(shift_s: float) -> np.ndarray:
        y = np.interp(frames + shift_s * motion.fps, frames, motion.aperture)
        products = np.stack([np.ones_like(y), x, x * x, y, y * y, x * y], axis=1)
        return by_phone(inside[:, None] * products, phones, motion.fps)

    return np.stack([moments(shift) for shift in LAGS_S], axis=2)


def by_second(values: np.ndarray, fps: float) -> np.ndarray:
    """(frames,) -> (seconds, 2): the sum over every second, and how many frames it has."""
    starts = np.ceil(np.arange(np.ceil(len(values) / fps)) * fps - 1e-6).astype(int)
    return np.stack([np.add.reduceat(column, starts) for column in (values.astype(float), np.ones(len(values)))], 1)


def blinks(motion: Motion) -> np.ndarray:
    """(seconds, 2): times that the lids close below 4 mm, and minutes."""
    shut = motion.lids_mm < BLINK_MM
    begins = shut & ~np.concatenate([shut[:1], shut[:-1]])
    return by_second(begins, motion.fps) / (1.0, 60.0 * motion.fps)
