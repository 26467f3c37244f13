"""The Unity package: its parser against Python's, over real sockets, and its components against Unity's names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign import GOLDEN, ROOT, compare_live, golden_lines, run, tool

PACKAGE = ROOT / "viewer" / "unity"
PARSER = [PACKAGE / "Runtime" / f"VoxMesh{name}.cs" for name in ("Message", "Json", "Topology")]
OURS = ROOT / "tests" / "unity"
MCS = ("-langversion:7.2", "-warnaserror", "-nologo")
DEBIAN = "mono-mcs mono-runtime libmono-system-core4.0-cil"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The command that reads messages with the package's parser."""
    mono, program = tool("mono", DEBIAN), tmp_path_factory.mktemp("unity") / "Reader.exe"
    run([tool("mcs", DEBIAN), *MCS, f"-out:{program}", *PARSER, OURS / "Reader.cs"])
    return [mono, program]


def test_golden_messages_read_the_same_in_csharp(reader: list[object]) -> None:
    """Every field and every number, to the bit, of each golden message; and the same ones are refused."""
    assert run([*reader, "files", *GOLDEN]).splitlines() == golden_lines()


@pytest.mark.parametrize("vertex_type", ["float32", "float16", "int16"])
def test_a_live_publisher_reads_the_same_in_csharp(reader: list[object], vertex_type: str) -> None:
    """Topology, frames, sound and goodbye over libzmq: the same lines as Python's, with the same checksums."""
    compare_live([*reader, "live"], vertex_type)


def test_damaged_messages_are_refused_in_csharp(reader: list[object]) -> None:
    """4000 changed, cut and lengthened messages: no exception leaves the parser."""
    assert run([*reader, "mutate", 4000, *GOLDEN]).startswith("mutations 4000 refused ")


def test_the_components_fit_unitys_types(tmp_path: Path) -> None:
    """All of the package and its sample compile against stubs of what they use of Unity and NetMQ."""
    sources = [*sorted((PACKAGE / "Runtime").glob("*.cs")), *sorted((PACKAGE / "Samples~").rglob("*.cs"))]
    stubs = tmp_path / "Stubs.dll"
    # 0649: the stubs' fields are never assigned.
    run([tool("mcs", DEBIAN), *MCS, "-nowarn:649", "-target:library", f"-out:{stubs}", OURS / "Stubs.cs"])
    run([tool("mcs", DEBIAN), *MCS, "-target:library", f"-r:{stubs}", f"-out:{tmp_path / 'All.dll'}", *sources])


def test_the_package_is_one_that_unity_installs() -> None:
    """package.json names the sample's folder; each file and folder that Unity imports has a .meta with its own id."""
    about = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert all((PACKAGE / sample["path"]).is_dir() for sample in about["samples"])
    # Unity hides folders that end in ~ from itself.
    seen = [p for p in PACKAGE.rglob("*") if p.suffix != ".meta" and not any(q.endswith("~") for q in p.parts)]
    ids = {path.with_name(path.name + ".meta").read_text("utf-8").split("guid: ")[1][:32] for path in seen}
    assert len(ids) == len(seen) >= 9
