"""Eyes and brows that live on their own: blinks, gaze with lids following, brows loosely tied to prosody.

Blinks: 17 a minute at rest, 26 in conversation (Bentivoglio et al. 1997, "Analysis of blink rate patterns in normal
subjects", Movement Disorders 12:1028). Chosen by us around textbook figures: log-normal intervals, 150-300 ms a blink
with the closing half as long as the opening, a gaze shift every 1-3 s that takes 30-60 ms, brows that follow some
pitch accents.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from voxmesh.stream.arkit import ARKIT_NAMES

FPS = 60
BLINKS_PER_MINUTE = {"rest": 17.0, "speech": 26.0}
BLINK_S = (0.150, 0.300)
_COLUMN = {name: index for index, name in enumerate(ARKIT_NAMES)}


def _smooth(x: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))


def blink_times(seconds: float, rng: np.random.Generator, per_minute: float) -> list[tuple[float, float]]:
    """Blinks as (start_s, duration_s): log-normal intervals of mean 60 / per_minute, at least 0.4 s between starts."""
    sigma = 0.65
    mean = 60.0 / per_minute
    blinks: list[tuple[float, float]] = []
    now = -float(rng.uniform(0.0, mean))
    while True:
        now += max(0.4, float(rng.lognormal(np.log(mean) - sigma**2 / 2, sigma)))
        if now >= seconds:
            return blinks
        duration = float(np.clip(rng.lognormal(np.log(0.21), 0.16), *BLINK_S))
        if now >= 0.0:
            blinks.append((now, duration))


def blink_curve(times: np.ndarray, blinks: list[tuple[float, float]], depth: np.ndarray) -> np.ndarray:
    """Lid closure (frames,) 0..1: closing in a third of the time, opening in two thirds."""
    curve = np.zeros(len(times))
    for (start, duration), deep in zip(blinks, depth, strict=True):
        closing = _smooth((times - start) / (duration / 3))
        opening = _smooth((start + duration - times) / (duration * 2 / 3))
        curve = np.maximum(curve, deep * np.minimum(closing, opening))
    return curve


def _gaze(times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Yaw (left positive) and pitch (up positive) as ARKit weights, (frames,) each in -1..1; mostly at the listener."""
    yaw, pitch = np.zeros(len(times)), np.zeros(len(times))
    now, at = float(rng.uniform(0.0, 1.5)), (0.0, 0.0)
    while len(times) and now < times[-1]:
        home = rng.random() < 0.45
        to = tuple(rng.normal(0, (0.03, 0.02)) if home else rng.normal((0.0, -0.04), (0.20, 0.12)).clip(-0.45, 0.35))
        travel = 0.033 + 0.05 * min(1.0, float(np.hypot(to[0] - at[0], to[1] - at[1])))
        step = _smooth((times - now) / travel)
        yaw += (to[0] - at[0]) * step
        pitch += (to[1] - at[1]) * step
        now, at = now + float(np.clip(rng.lognormal(np.log(1.5), 0.45), 0.4, 4.0)), to
    return yaw, pitch


def _brows(frames: int, rng: np.random.Generator, pitch: np.ndarray | None, energy: np.ndarray | None) -> np.ndarray:
    """Brow raise (frames,) 0..1: slow drift, a few raises, and bumps on some pitch accents."""
    raise_ = 0.04 * np.abs(gaussian_filter1d(rng.normal(size=frames + 1), 40.0, mode="nearest")[:frames]) * 9.0
    if pitch is not None and frames > 8:
        voiced = pitch > 0
        if voiced.sum() > 20:
            log = np.where(voiced, np.log2(np.maximum(pitch, 1.0)), np.nan)
            rise = np.nan_to_num(log - np.nanmedian(log), nan=0.0)
            accent = gaussian_filter1d(np.clip(rise, 0.0, 1.0), 7.0)
            raise_ += float(rng.uniform(0.2, 0.9)) * accent
    if energy is not None and frames > 8:
        raise_ += 0.12 * float(rng.uniform(0.0, 1.0)) * gaussian_filter1d(np.clip(energy, 0.0, 1.0), 12.0)
    for start in np.arange(0, frames, 60 * 5):
        if rng.random() < 0.45:
            centre, width = start + rng.uniform(0, 300), rng.uniform(12, 30)
            raise_ += rng.uniform(0.15, 0.5) * np.exp(-0.5 * ((np.arange(frames) - centre) / width) ** 2)
    return np.clip(raise_, 0.0, 0.8)


def upper_face(
    frames: int, rng: np.random.Generator, *, energy: np.ndarray | None = None, pitch: np.ndarray | None = None
) -> np.ndarray:
    """Curves of eyes, brows and cheeks, (frames, 52) float32 in ARKIT_NAMES' order at 60 fps; the mouth stays 0.

    `energy` (frames,) 0..1 and `pitch` (frames,) in hertz, 0 where unvoiced, sway the brows; None leaves them alone.
    """
    times = np.arange(frames) / FPS
    out = np.zeros((frames, len(ARKIT_NAMES)))
    talking = energy is not None and 5 * int(np.sum(energy > 0.1)) > frames
    blinks = blink_times(frames / FPS, rng, BLINKS_PER_MINUTE["speech" if talking else "rest"])
    lids = blink_curve(times, blinks, rng.uniform(0.92, 1.0, len(blinks)))
    yaw, tilt = _gaze(times, rng)
    down, up = np.maximum(-tilt, 0.0), np.maximum(tilt, 0.0)
    brow = _brows(frames, rng, pitch, energy)
    frown = np.clip(gaussian_filter1d(rng.normal(size=frames + 1), 50.0, mode="nearest")[:frames] * 1.2, 0.0, 0.25)
    squint = np.clip(0.06 + 0.9 * frown - 0.1 * brow, 0.0, 0.35)
    skew = float(rng.normal(0.0, 0.08))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        outward = sign * yaw
        put = {
            f"eyeBlink{side}": np.maximum(lids, 0.35 * down),
            f"eyeLookOut{side}": np.maximum(outward, 0.0),
            f"eyeLookIn{side}": np.maximum(-outward, 0.0),
            f"eyeLookDown{side}": down,
            f"eyeLookUp{side}": up,
            f"eyeWide{side}": (0.30 * up + 0.25 * brow) * (1.0 - lids),
            f"eyeSquint{side}": squint,
            f"browOuterUp{side}": brow * (0.7 + sign * skew),
            f"browDown{side}": np.clip(frown - 0.5 * brow, 0.0, 1.0),
            f"cheekSquint{side}": 0.4 * squint,
        }
        for name, curve in put.items():
            out[:, _COLUMN[name]] = curve
    out[:, _COLUMN["browInnerUp"]] = brow
    return np.clip(out, 0.0, 1.0).astype(np.float32)
