"""Who imports whom, and what is packaged."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parent.parent
FOLDERS = ("stream", "model", "export", "viewer")

ALLOWED = {
    "stream": {"voxmesh.stream"},
    "model": {"voxmesh.model", "voxmesh.stream"},
    "export": {"voxmesh.export", "voxmesh.model", "voxmesh.stream"},
    "viewer": {"voxmesh.viewer", "voxmesh.stream"},
}
"""What each folder may import of ours."""

FORBIDDEN = {
    "stream": {"torch", "open3d", "scipy", "av", "onnx", "PIL"},
    "model": {"open3d", "onnxruntime", "zmq"},
    "export": {"open3d", "zmq"},
    "viewer": {"torch", "onnxruntime"},
}
"""What each folder may not import of others'."""

EXCEPTIONS = {("stream/torchscript.py", "torch")}
"""The TorchScript backend is loaded only when it is asked for."""


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function; `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_imports_what_it_may(folder: str) -> None:
    """The table above, for imports at any depth of a file."""
    wrong = []
    for path in (ROOT / folder).rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        for module in imports(path):
            top = module.partition(".")[0]
            if top == "voxmesh":
                allowed = any(f"{module}.".startswith(f"{package}.") for package in ALLOWED[folder])
            else:
                allowed = top not in FORBIDDEN[folder] or (name, top) in EXCEPTIONS
            if not allowed:
                wrong.append(f"{name} imports {module}")
    assert not wrong


def test_the_runtime_loads_no_torch() -> None:
    """After importing every module of voxmesh.stream but torchscript.py, what is heavy is not there."""
    modules = [
        f"voxmesh.stream.{path.stem}"
        for path in (ROOT / "stream").glob("*.py")
        if path.stem not in ("__init__", "torchscript")
    ]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "bad = [m for m in ('torch', 'open3d', 'voxmesh.model', 'voxmesh.viewer', 'sounddevice') if m in sys.modules]\n"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_importing_does_nothing() -> None:
    """No output, no sockets, no threads, no files: importing every runtime module is silent."""
    names = [
        f"voxmesh.stream.{p.stem}" for p in (ROOT / "stream").glob("*.py") if p.stem not in ("__init__", "torchscript")
    ]
    code = (
        f"import importlib, threading\nfor name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_packages_are_the_folders() -> None:
    """pyproject.toml lists every folder that holds code, and no other."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {
        path.parent.relative_to(ROOT).as_posix() for top in FOLDERS for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(settings["package-dir"].values()) == folders
    expected = {f"voxmesh.{folder.replace('/', '.')}" for folder in folders}
    assert set(settings["packages"]) == set(settings["package-dir"]) == expected
    for folder in FOLDERS:
        assert (ROOT / folder / "py.typed").is_file()


def test_every_test_has_a_sentence() -> None:
    """A one-sentence docstring on every test."""
    missing = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not missing


def test_the_import_contracts_are_kept() -> None:
    """import-linter's, in pyproject.toml, which follow imports through other modules too."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
