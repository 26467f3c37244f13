"""Bundles: read back as written, and refused when anything is amiss."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_topologies

from voxmesh.stream import bundle as bundles
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.backend import BACKENDS, open_backend
from voxmesh.stream.errors import VoxmeshError


@pytest.fixture
def copy(tmp_path: Path, tiny_bundle: Path) -> Path:
    """A bundle to spoil."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def test_an_avatar_is_read_as_it_was_written(tiny: bundles.Bundle) -> None:
    """Positions to 10 micrometres, the rest exactly."""
    written = tiny_topologies(np.random.default_rng(0))
    assert len(tiny.topologies) == 3 and tiny.blendshape_names == ARKIT_NAMES
    for got, want in zip(tiny.topologies, written, strict=True):
        np.testing.assert_allclose(got.template, want.template, atol=0.51 * bundles.UNIT_M)
        np.testing.assert_array_equal(got.faces, want.faces)
        assert got.template.dtype == np.float32 and got.landmarks == want.landmarks
    assert tiny.deltas.shape == (52, 200, 3) and tiny.temperature.shape == (8,)


@pytest.mark.parametrize("name", ["step.onnx", "identity.onnx", "step.pt", "identity.pt", "avatar.npz", "bundle.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    """Every file counts, also those of the backend that is not asked for."""
    (copy / name).unlink()
    with pytest.raises(VoxmeshError, match=name):
        bundles.load(copy)


@pytest.mark.parametrize("name", ["step.onnx", "identity.onnx", "step.pt", "identity.pt", "avatar.npz"])
def test_one_flipped_bit_is_noticed(copy: Path, name: str) -> None:
    """By its checksum."""
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(VoxmeshError, match=rf"{name} is damaged"):
        bundles.load(copy)


def spoil(change: Callable[[dict], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        about = json.loads(text)
        change(about)
        return json.dumps(about)

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "null",
        spoil(lambda about: about.update(format=99)),
        spoil(lambda about: about.pop("heads")),
        spoil(lambda about: about["features"].update(surprise=1)),
        spoil(lambda about: about["landmarks"].pop("chin")),
        spoil(lambda about: about.update(heads=9)),
        spoil(lambda about: about["blendshape_names"].pop()),
        spoil(lambda about: about["checksums"].pop("step.pt")),
        spoil(lambda about: about.update(states=[["x", "float32"]])),
    ],
)
def test_a_spoilt_bundle_json_is_an_error_of_one_line(copy: Path, edit: Callable[[str], str]) -> None:
    """Cut short, of another format, with fields missing, unknown or inconsistent."""
    path = copy / "bundle.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(VoxmeshError, match=r"bundle\.json") as caught:
        bundles.load(copy)
    assert "\n" not in str(caught.value)


def test_a_bundle_may_do_without_torchscript(copy: Path) -> None:
    """Without those graphs a bundle loads and runs in ONNX; asking for TorchScript says what to do."""
    about = json.loads((copy / "bundle.json").read_text())
    for name in bundles.GRAPHS["torchscript"]:
        (copy / name).unlink()
        del about["checksums"][name]
    (copy / "bundle.json").write_text(json.dumps(about))
    bundle = bundles.load(copy)
    open_backend(bundle, "onnx")
    with pytest.raises(VoxmeshError, match="--backend onnx"):
        open_backend(bundle, "torchscript")


@pytest.mark.parametrize("name", BACKENDS)
def test_without_a_gpu_nothing_runs_elsewhere(tiny: bundles.Bundle, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for CUDA where there is none a backend says what is missing, and does not take the CPU quietly."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(VoxmeshError, match="leave out --device cuda"):
        open_backend(tiny, name, device="cuda")
    with pytest.raises(VoxmeshError, match="no device 'tpu'"):
        open_backend(tiny, name, device="tpu")


def test_shipped_bundles_have_names() -> None:
    """`default` and `instant` are folders of the package; nothing else is a name."""
    assert bundles.find() == bundles.find("default") and bundles.find("instant").name == "instant_bundle"
    assert bundles.find("somewhere/default") == Path("somewhere/default")
