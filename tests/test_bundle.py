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
from voxmesh.stream.npz import read_npz
from voxmesh.stream.onnx_check import check_graph
from voxmesh.stream.torchscript_check import check_torchscript


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


def resealed(folder: Path, name: str, data: bytes) -> Path:
    """The bundle with another file, and the checksum that its maker would give it."""
    (folder / name).write_bytes(data)
    about = json.loads((folder / "bundle.json").read_text())
    about["checksums"][name] = bundles.sha256(folder / name)
    (folder / "bundle.json").write_text(json.dumps(about))
    return folder


def graph_that(change: Callable) -> Callable[[bytes], bytes]:
    """An ONNX file after `change` of its parsed form."""

    def edit(data: bytes) -> bytes:
        import onnx

        model = onnx.load_from_string(data)
        change(model)
        return model.SerializeToString()

    return edit


def elsewhere(model) -> None:
    tensor = next(one for one in model.graph.initializer if len(one.raw_data) > 64)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"


def endless(model) -> None:
    import onnx

    node = model.graph.node.add(op_type="Loop")
    node.attribute.append(onnx.helper.make_attribute("body", onnx.GraphProto()))


def no_number(model) -> None:
    tensor = next(one for one in model.graph.initializer if one.data_type == 10)
    tensor.raw_data = tensor.raw_data[:-2] + b"\x00\x7e"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (elsewhere, "weights in another file"),
        (endless, "graphs within the graph"),
        (no_number, "infinite or no numbers"),
        (lambda m: m.graph.node.add(op_type="EPContext", domain="com.microsoft"), "domain 'com.microsoft'"),
        (lambda m: m.functions.add(), "functions"),
        (lambda m: m.graph.sparse_initializer.add(), "sparse"),
        (lambda m: m.graph.initializer[0].dims.append(7), "holds"),
        (lambda m: m.graph.input.pop(), "takes"),
        (lambda m: m.graph.input[0].type.tensor_type.shape.dim.pop(), "takes features"),
        (lambda m: setattr(m.graph.input[1].type.tensor_type, "elem_type", 11), "takes noise"),
        (lambda m: m.graph.output.pop(0), "gives no vertices"),
    ],
)
def test_a_graph_that_does_more_than_compute_is_not_run(copy: Path, change: Callable, why: str) -> None:
    """Though its checksum is right: refused before a runtime sees it, in one line that says why."""
    folder = resealed(copy, "step.onnx", graph_that(change)((copy / "step.onnx").read_bytes()))
    with pytest.raises(VoxmeshError, match=why) as caught:
        bundles.load(folder)
    assert "\n" not in str(caught.value)


def test_our_graphs_are_what_onnx_says(tiny: bundles.Bundle) -> None:
    """Our reading of a graph's inputs and outputs is that of ONNX's own library."""
    import onnx

    data = (tiny.folder / "step.onnx").read_bytes()
    ours, graph = check_graph(data), onnx.load_from_string(data).graph
    for told, found in ((ours.inputs, graph.input), (ours.outputs, graph.output)):
        assert told == {
            one.name: (
                one.type.tensor_type.elem_type,
                tuple(d.dim_value if d.HasField("dim_value") else None for d in one.type.tensor_type.shape.dim),
            )
            for one in found
        }


def test_an_avatar_of_objects_or_of_endless_size_is_refused(copy: Path) -> None:
    """A pickle in avatar.npz is not loaded, and more than the limit is not unpacked."""
    with np.load(copy / "avatar.npz") as data:
        np.savez_compressed(copy / "avatar.npz", **data, objects=np.array([print, {}], object))
    resealed(copy, "avatar.npz", (copy / "avatar.npz").read_bytes())
    with pytest.raises(VoxmeshError, match=r"objects\.npy"):
        bundles.load(copy)
    np.savez_compressed(copy / "zeros.npz", zeros=np.zeros(1 << 20))
    with pytest.raises(ValueError, match="MiB of arrays"):
        read_npz(copy / "zeros.npz", 1 << 20)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about["features"].update(fft_samples=2**40),
        lambda about: about["features"].update(floor_power=float("nan")),
        lambda about: about["temperature"].__setitem__(0, float("inf")),
        lambda about: about["landmarks"].update(chin=10**6),
        lambda about: about["states"][0].__setitem__(2, [2**40]),
        lambda about: about.update(checksums={"../../etc/passwd": "0"}),
    ],
)
def test_what_would_take_all_memory_or_lead_elsewhere_is_refused(copy: Path, change: Callable[[dict], object]) -> None:
    """Sizes, numbers and names of a bundle.json that parse and make no sense."""
    path = copy / "bundle.json"
    path.write_text(spoil(change)(path.read_text()))
    with pytest.raises(VoxmeshError, match=r"bundle\.json"):
        bundles.load(copy)


def test_another_format_says_what_to_do(copy: Path) -> None:
    """A newer bundle asks for an update, an older one to be exported again; the page about it is named."""
    path = copy / "bundle.json"
    for found, what in ((bundles.FORMAT + 1, "update voxmesh"), (1, "export it again")):
        path.write_text(spoil(lambda about, found=found: about.update(format=found))(path.read_text()))
        with pytest.raises(VoxmeshError, match=rf"{what} \(docs/bundles\.md\)"):
            bundles.load(copy)


def test_torchscript_that_does_more_than_compute_is_not_run(copy: Path) -> None:
    """A program that reads files, loops, names other classes, or a zip that holds other things: refused in one line."""
    import torch

    class Reads(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.from_file("/etc/passwd", False, 4)

    class Loops(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            while bool(x.sum() > 0):
                x = x + 1
            return x

    check_torchscript((copy / "step.pt").read_bytes())
    for module, why in ((Reads(), r"calls torch\.from_file"), (Loops(), "calls a loop")):
        torch.jit.script(module).save(str(copy / "step.pt"))
        bundle = bundles.load(resealed(copy, "step.pt", (copy / "step.pt").read_bytes()))
        with pytest.raises(VoxmeshError, match=rf"step\.pt is not run, because its program {why}"):
            open_backend(bundle, "torchscript")
    torch.save({"x": Path("y")}, copy / "step.pt")
    for data, why in (((copy / "step.pt").read_bytes(), "names pathlib|names"), (b"PK", "no archive")):
        with pytest.raises(ValueError, match=why):
            check_torchscript(data)
