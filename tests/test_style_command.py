"""`voxmesh style`: what there is, and a style of a clip."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from styled import SPACE

from voxmesh.stream import bundle as bundles
from voxmesh.stream.bundle import STYLE_GRAPH, Bundle, sha256
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.style import read_style, write_style
from voxmesh.stream.style_fit import SENTENCE, fit_style


def test_the_styles_of_a_bundle_are_named(
    tmp_path: Path, styled_bundle: Path, tiny_bundle: Path, cli: Callable
) -> None:
    """With their numbers and the files that fit; one that does not fit is told; a bundle without any says so."""
    write_style(tmp_path / "anna.style.json", SPACE, SPACE.names["sad"], "a test")
    (tmp_path / "odd.style.json").write_text("{}")
    result = cli("style", "list", "--bundle", styled_bundle)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in SPACE.names) and "anna" in result.stdout
    assert "odd.style.json" in result.stderr and "test-moods" in result.stdout
    without = cli("style", "list", "--bundle", tiny_bundle)
    assert without.returncode == 2 and "takes no style" in without.stderr


def test_a_style_is_found_in_what_was_said_in_it(tmp_path: Path, styled_bundle: Path, cli: Callable) -> None:
    """The clip of a blend gives its parts back, in a file that says where it is from and how well it fits."""
    chosen = ("--bundle", styled_bundle, "--style", "sad:0.8,surprised:0.4")
    assert cli("animate", SENTENCE, "-o", "clip.npz", *chosen).returncode == 0
    result = cli("style", "extract", "clip.npz", "-o", "her.style.json", "--bundle", styled_bundle)
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(read_style(tmp_path / "her.style.json", SPACE), [0, 0.8, 0, 0.4, 0], atol=0.15)
    about = json.loads((tmp_path / "her.style.json").read_text())
    assert about["name"] == "her" and "clip.npz" in about["from"] and "explains" in about["from"]
    wrong = cli("style", "extract", "clip.npz", "-o", "her.json", "--bundle", styled_bundle)
    assert wrong.returncode == 2 and ".style.json" in wrong.stderr


def test_a_short_clip_has_no_style(styled: Bundle) -> None:
    """It says how long one must be."""
    with pytest.raises(VoxmeshError, match="too short"):
        fit_style(styled, SPACE, np.zeros((30, 200, 3), np.float32), styled.features.clock.fps)


def test_a_bundle_with_an_encoder_uses_it(tmp_path: Path, styled_bundle: Path, cli: Callable) -> None:
    """style.onnx makes the vector; here it is the mean of the clip's offsets."""
    folder = tmp_path / "bundle"
    shutil.copytree(styled_bundle, folder)
    vertices = bundles.load(folder).topologies[0].vertices
    inputs = [helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["frames", vertices, 3])]
    outputs = [helper.make_tensor_value_info("style", TensorProto.FLOAT, [5])]
    mean = helper.make_node("ReduceMean", ["offsets"], ["mean"], keepdims=0)
    five = helper.make_tensor("five", TensorProto.INT64, [1], [5])
    graph = helper.make_graph(
        [mean, helper.make_node("Expand", ["mean", "five"], ["style"])], "s", inputs, outputs, [five]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / STYLE_GRAPH)
    about = json.loads((folder / "bundle.json").read_text())
    about["checksums"][STYLE_GRAPH] = sha256(folder / STYLE_GRAPH)
    (folder / "bundle.json").write_text(json.dumps(about))
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "talker.npz", curves=rng.random((90, 52)).astype(np.float16))
    result = cli("style", "extract", "talker.npz", "-o", "x.style.json", "--bundle", folder)
    assert result.returncode == 0 and "encoder" in result.stdout, result.stderr
    vector = read_style(tmp_path / "x.style.json", SPACE)
    assert np.ptp(vector) == 0 and vector[0] != 0
