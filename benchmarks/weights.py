"""Do blendshape weights survive the way to vertices and back? `python benchmarks/weights.py DATA [--bundle B]`.

Poses each face by the curves of DATA (from `voxmesh talker make`), fits weights to its vertices as `animate` and `live`
do, and compares. A person's shapes are their own, and the fit knows the neutral identity's only: identity 0 tells what
the fit does, the others what that costs too. Then `animate`'s other question: how much of the live model's vertices do
weights explain. The last line is one JSON object.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import numpy as np

from mendable import mendable
from mouth import streamed
from voxmesh.model.avatar.build import build_avatar
from voxmesh.model.talker.dataset import SAMPLE_RATE, read_dataset
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.blendshapes import BlendshapeFit, face_fit
from voxmesh.stream.bundle import Bundle, load

TARGET = 0.02
"""Mean error of a weight that one would not see."""
ACTIVE = 0.02
"""A curve that is above this moves something."""
WORST = 5


def round_trip(bundle: Bundle, identity: int, curves: np.ndarray) -> tuple[np.ndarray, float]:
    """(T, 52) absolute errors, and the median ms a frame takes when it comes alone, as live."""
    avatar = build_avatar(identity)
    fit = face_fit(bundle.topology(identity), bundle.deltas)
    found, spent_s = np.zeros_like(curves), []
    for row, weights in zip(found, curves, strict=True):
        vertices = avatar.pose(weights)[None]
        began = time.perf_counter()
        row[:] = fit.fit(vertices)[0]
        spent_s.append(time.perf_counter() - began)
    return np.abs(found - curves), 1000 * float(np.median(spent_s))


def unexplained(bundle: Bundle, audio: np.ndarray) -> tuple[float, float]:
    """mm: mean distance of the live model's moving vertices from what their weights make, and from the face at rest."""
    moving = np.flatnonzero(np.abs(bundle.deltas).max(axis=(0, 2)) > 0)
    vertices = streamed(bundle, [audio], SAMPLE_RATE, moving, 0)
    template, deltas = bundle.topology(0).template[moving], bundle.deltas[:, moving]
    weights = BlendshapeFit(template, deltas).fit(vertices)
    made = template + np.einsum("ts,svc->tvc", weights, deltas, optimize=True)
    left, whole = (1000 * float(np.linalg.norm(vertices - other, axis=2).mean()) for other in (made, template))
    return left, whole


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--bundle", "bundle_path", type=click.Path(path_type=Path), help="A bundle (default: the shipped one).")
@click.option("--clips", default=20, show_default=True, type=click.IntRange(1), help="How many of DATA's clips.")
@click.option("--identities", default="0,5,12,13,14,15", show_default=True, help="Faces; the last four are held out.")
def main(data: Path, bundle_path: Path | None, clips: int, identities: str) -> None:
    """Rig to vertices to weights, identity by identity."""
    with mendable("weights"):
        _measure(data, bundle_path, clips, [int(word) for word in identities.split(",")])


def _measure(data: Path, bundle_path: Path | None, clips: int, identities: list[int]) -> None:
    bundle, chosen = load(bundle_path), read_dataset(data)[:clips]
    curves = np.concatenate([clip.curves for clip in chosen])
    print(f"{len(curves)} frames of {len(chosen)} clips; errors of weights, 0 to 1")
    print("identity   mean  active    p95    max  ms/frame  worst shapes (mean)")
    rows = {}
    for identity in identities:
        errors, frame_ms = round_trip(bundle, identity, curves)
        by_shape = errors.mean(0)
        worst = {ARKIT_NAMES[shape]: round(float(by_shape[shape]), 4) for shape in np.argsort(-by_shape)[:WORST]}
        row = {
            "mean": float(errors.mean()),
            "active": float(errors[curves > ACTIVE].mean()),
            "p95": float(np.percentile(errors, 95)),
            "max": float(errors.max()),
            "frame_ms": frame_ms,
        }
        numbers = f"{row['mean']:.4f}  {row['active']:.4f}  {row['p95']:.3f}  {row['max']:.3f}  {frame_ms:8.2f}"
        print(f"{identity:8}  {numbers}  {', '.join(f'{name} {value:.3f}' for name, value in worst.items())}")
        rows[identity] = {name: round(value, 4) for name, value in row.items()} | {"worst": worst}
    left, whole = unexplained(bundle, chosen[0].audio)
    print(f"live vertices, clip 0: {left:.3f} mm from what their weights make, of {whole:.3f} mm of motion")
    met = all(row["mean"] <= TARGET for row in rows.values())
    print(json.dumps({"target": TARGET, "met": met, "identities": rows, "left_mm": left, "motion_mm": whole}))


if __name__ == "__main__":
    main()
