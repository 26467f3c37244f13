"""The benchmarks of what a frame costs: they count right, time in turns, and end in one JSON object."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from graph_costs import count, tally
from timing import time_in_turns
from voxmesh.stream.bundle import Bundle

ROOT = Path(__file__).parent.parent


def report(tool: str, *arguments: object) -> dict[str, Any]:
    """The last line of a benchmark."""
    command = [sys.executable, f"benchmarks/{tool}.py", *map(str, arguments)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_a_small_graph_is_counted_by_hand() -> None:
    """A product, a convolution and a gather: weights once, of a table only the row, and every multiply-add."""
    nodes = [
        helper.make_node("Gather", ["table", "row"], ["x"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("MatMul", ["y", "w"], ["z"]),
        helper.make_node("Unsqueeze", ["z", "axis"], ["z3"]),
        helper.make_node("Conv", ["z3", "k", ""], ["out"]),
    ]
    weights = {"table": np.zeros((100, 8), np.float32), "w": np.zeros((8, 8), np.float32)}
    weights |= {"k": np.zeros((3, 1, 2), np.float16), "axis": np.zeros(1, np.int64)}
    arrays = {name: np.zeros((1, 8), np.float32) for name in "xyz"}
    arrays |= {"row": np.zeros(1, np.int64), "z3": np.zeros((1, 1, 8), np.float32)}
    costs = tally(nodes, weights, {**arrays, "out": np.zeros((1, 3, 7), np.float32)})
    assert costs.weight_bytes == 8 * 4 + 64 * 4 + 6 * 2
    assert costs.multiply_adds == 64 + 64 + 3 * 7 * 2
    # Gather: row, x. Products: x and y, y and z. Convolution: z3 and out. The view moves nothing.
    assert costs.activation_bytes == (8 + 32) + 64 + 64 + (32 + 84)
    assert costs.uncounted == ()


def test_an_unknown_operator_with_weights_is_told() -> None:
    """The count says what it leaves out."""
    node = helper.make_node("Mystery", ["x", "w"], ["y"])
    array = np.zeros((1, 64), np.float32)
    assert tally([node], {"w": np.zeros((64, 64), np.float32)}, {"x": array, "y": array}).uncounted == ("Mystery",)


def test_a_bundles_multiply_adds_are_its_products(tiny: Bundle) -> None:
    """Counted after optimisation, with shapes of a run, they are at least those of the products in the stored file."""
    costs = count(tiny)
    graph = onnx.load(str(tiny.graph("onnx", "step"))).graph
    used = {node.input[1] for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    stored = {t.name: math.prod(t.dims) for t in graph.initializer if t.data_type != TensorProto.INT64}
    least = sum(stored.get(casts.get(name, name), 0) for name in used)
    assert 0 < least <= costs.multiply_adds <= 4 * least
    assert costs.weight_bytes >= least and costs.activation_bytes > 0 and not costs.uncounted


def test_turns_count_every_call_but_the_warm_ups() -> None:
    """As many times as were asked for, each call made in every turn, in order."""
    calls: list[str] = []
    times = time_in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 20)
    assert len(times["a"].wall_ms) == len(times["b"].cpu_ms) == 20
    assert "".join(calls) == ("a" * 5 + "b" * 5) * 10


def test_the_floor_is_the_larger_of_its_parts(tiny_bundle: Path) -> None:
    """Each part is a count over a rate, and what was measured is told over the larger."""
    said = report("roofline", "--bundle", tiny_bundle, "--frames", 50)
    assert said["floor_ms"] == max(said["memory_ms"], said["compute_ms"]) > 0
    total = said["weight_bytes"] + said["activation_bytes"]
    assert said["memory_ms"] == pytest.approx(total / said["read_gb_s"] / 1e6, rel=0.05, abs=1e-4)
    assert said["compute_ms"] == pytest.approx(said["multiply_adds"] / said["peak_gmac_s"] / 1e6, rel=0.05, abs=1e-4)
    assert said["over_floor"] > 0


def test_a_missing_bundle_ends_in_one_line(tmp_path: Path) -> None:
    """Error and exit code of a mistake, no traceback."""
    command = [sys.executable, "benchmarks/roofline.py", "--bundle", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2 and run.stderr.startswith("roofline: error: no bundle in")


def test_the_reference_and_ours_are_timed_beside_one_another() -> None:
    """Streamed, whole and published agree on every label; the ratios are those of the medians."""
    sizes = ("--heads", 3, "--classes", 4, "--vertices", 30)
    said = report("reference", *sizes, "--frames", 10, "--history", 8, "--history", 20, "--parity-frames", 8)
    parity, ms = said["parity"], said["ms"]
    assert parity["differing_labels"] == parity["published_differing_labels"] == 0 and parity["vertices"] < 1e-5
    assert {"published, 8 frames", "published, 20 frames", "streamed", "ours"} < set(ms)
    ratio = ms["published, 8 frames"]["p50"] / ms["ours"]["p50"]
    assert said["ratios"]["published_to_ours"] == pytest.approx(ratio, rel=0.01, abs=0.06)


def test_scaling_draws_all_that_was_varied(tiny_bundle: Path, tmp_path: Path) -> None:
    """Five panels, a row a value, and the long stream's beginning and end."""
    picture = tmp_path / "scaling.png"
    few = ("--heads", 4, "--classes", 4, "--vertices", 50, "--lookahead-ms", 0, "--lookahead-ms", 100)
    said = report("scaling", "--bundle", tiny_bundle, "--minutes", 0.1, "--frames", 10, *few, "-o", picture)
    assert said["stream"]["frames"] == 600 and len(said["stream"]["ms_by_minute"]) == 8
    assert said["stream"]["memory_end_mb"] > 0 and said["stream"]["ms_at_the_end"]["p50"] > 0
    assert list(said["ms"]["heads"]) == ["4"] and len(said["ms"]) == 5
    assert np.asarray(Image.open(picture)).std() > 5
