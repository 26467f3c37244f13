"""How near is a bundle to the least that a frame can cost on this machine?

\b
python benchmarks/roofline.py --bundle instant

Counted from the graph that ONNX Runtime runs (`graph_costs.py`): the bytes of weights and activations that a frame must
touch, and its multiply-adds. Measured here, on one thread: how fast a working set of that very size is read, again and
again as frames do it; the peak of multiply-adds, in a product of matrices that stay in the cache; and their rate in
matrix-vector products over weights of the bundle's size, which is what a frame is made of.

The floor is the larger of bytes over bandwidth and multiply-adds over the peak: nothing that reads these numbers in
these types goes below it. Rates are the best of many tries. The last line is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import torch

from graph_costs import count
from made_up import stepper
from mendable import mendable
from timing import load_average, time_calls, time_in_turns
from voxmesh.stream.bundle import load

TRIES = 200
WIDTH = 512
"""Columns of the matrix in a matrix-vector product, and about those of our layers."""
PEAK_SIZE = 384
"""Of the square matrices whose product shows the peak: 0.6 MB each."""


def best_s(call: Callable[[], object], tries: int = TRIES) -> float:
    """Seconds of the fastest of many calls: what others on the machine do does not count."""
    return float(time_calls(call, tries).wall_ms.min()) / 1e3


def read_gb_s(size: int) -> float:
    """GB/s at which one thread reads a working set of `size` bytes that it has read before."""
    numbers = torch.ones(max(size // 4, 1))
    return numbers.nbytes / best_s(numbers.amax) / 1e9


def vector_gmac_s(weights: int) -> float:
    """10^9 multiply-adds a second in matrix-vector products over so many weights, stored in the faster order."""
    matrix, vector = torch.ones(max(weights // WIDTH, 1), WIDTH), torch.ones(WIDTH)
    columns = matrix.reshape(WIDTH, -1).T
    fastest = min(best_s(lambda: torch.mv(matrix, vector)), best_s(lambda: torch.mv(columns, vector)))
    return matrix.numel() / fastest / 1e9


def peak_gmac_s() -> float:
    """10^9 multiply-adds a second in a product of matrices."""
    matrix = torch.ones(PEAK_SIZE, PEAK_SIZE)
    return PEAK_SIZE**3 / best_s(lambda: matrix @ matrix) / 1e9


@click.command(help=__doc__)
@click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")
@click.option("--frames", type=click.IntRange(min=10), default=2000, show_default=True, help="Frames timed.")
def main(bundle: Path | None, frames: int) -> None:
    torch.set_num_threads(1)
    with mendable("roofline"):
        loaded = load(bundle)
        costs = count(loaded)
        measured = time_in_turns({"step": stepper(loaded)}, frames)["step"].summary()
    with torch.inference_mode():
        gb_s, peak, vector = read_gb_s(costs.bytes), peak_gmac_s(), vector_gmac_s(costs.weight_bytes // 4)
    memory_ms, compute_ms = costs.bytes / gb_s / 1e6, costs.multiply_adds / peak / 1e6
    vector_ms, floor_ms = costs.multiply_adds / vector / 1e6, max(memory_ms, compute_ms)
    megabytes, millions = f"{costs.bytes / 1e6:.2f} MB", f"{costs.multiply_adds / 1e6:.2f} M"
    touched = f"weights {costs.weight_bytes / 1e6:.2f} MB, activations {costs.activation_bytes / 1e6:.2f} MB"
    rows = [
        (f"memory: {touched}", megabytes, f"{gb_s:.1f} GB/s", memory_ms),
        ("multiply-adds at the peak", millions, f"{peak:.1f} G/s", compute_ms),
        ("multiply-adds, matrix by vector", millions, f"{vector:.1f} G/s", vector_ms),
        ("**floor**, the larger of the first two", "", "", floor_ms),
        ("measured, p50", "", "", measured["p50"]),
        ("measured, p50 of CPU", "", "", measured["cpu_p50"]),
    ]
    click.echo("| a frame | | rate, one thread | ms | measured p50 over it |\n|---|---|---|---|---|")
    for name, amount, rate, ms in rows:
        click.echo(f"| {name} | {amount} | {rate} | {ms:.4f} | {measured['p50'] / ms:.2f} |")
    if costs.uncounted:
        click.echo(f"\nmultiply-adds not counted, the floor is higher: {', '.join(costs.uncounted)}")
    report = {
        "bundle": str(loaded.folder),
        "weight_bytes": costs.weight_bytes,
        "activation_bytes": costs.activation_bytes,
        "multiply_adds": costs.multiply_adds,
        "uncounted": costs.uncounted,
        "read_gb_s": round(gb_s, 2),
        "peak_gmac_s": round(peak, 2),
        "vector_gmac_s": round(vector, 2),
        "memory_ms": round(memory_ms, 4),
        "compute_ms": round(compute_ms, 4),
        "vector_ms": round(vector_ms, 4),
        "floor_ms": round(floor_ms, 4),
        "measured_ms": measured,
        "over_floor": round(measured["p50"] / floor_ms, 2),
        "cpu_over_floor": round(measured["cpu_p50"] / floor_ms, 2),
        "load_average": load_average(),
    }
    click.echo("\n" + json.dumps(report))


if __name__ == "__main__":
    main()
