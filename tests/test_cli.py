"""The command line: light, lazy, and errors of one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from conftest import command

from voxmesh.stream import cli as module
from voxmesh.stream.errors import VoxmeshError


def test_help_imports_nothing_heavy() -> None:
    """`voxmesh --help` lists every command and loads neither NumPy nor a command's module."""
    code = (
        "import sys; from voxmesh.stream.cli import run; code = run(['--help']);"
        "heavy = [m for m in sys.modules if m in ('numpy', 'zmq', 'onnxruntime', 'torch', 'soundfile')"
        " or m.endswith('_command')]; sys.exit(str(heavy) if heavy or code else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in module.COMMANDS)


@pytest.mark.parametrize("name", list(module.COMMANDS))
def test_every_command_loads_and_has_help(name: str, cli: Callable) -> None:
    """The table names commands that exist."""
    result = cli(name, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"Usage: voxmesh {name}")


@pytest.mark.parametrize("arguments", [("frobnicate",), ("--frobnicate",), ("animate", "--frobnicate"), ("animate",)])
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[str, ...], cli: Callable) -> None:
    """Which says where the help is."""
    result = cli(*arguments)
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("voxmesh: error: ") and "--help`" in result.stderr


def test_no_command_shows_the_help(cli: Callable) -> None:
    """`voxmesh` alone is a question."""
    result = cli()
    assert "Commands:" in result.stdout + result.stderr


def stub(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes `voxmesh live` raise `error`."""

    @click.command()
    def live() -> None:
        raise error

    monkeypatch.setattr(module, "load_command", lambda name: live)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (VoxmeshError("the cat\nsat on it"), 2, "voxmesh: error: the cat sat on it\n"),
        (ModuleNotFoundError("No module", name="torch.nn"), 2, "pip install 'voxmesh[train]'\n"),
        (ModuleNotFoundError("No module", name="open3d"), 2, "pip install 'voxmesh[viewer]'\n"),
        (click.ClickException("no"), 2, "voxmesh: error: no\n"),
    ],
)
def test_errors_that_users_can_mend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int, line: str
) -> None:
    """One line on stderr; a missing extra names its pip install."""
    stub(monkeypatch, error)
    assert module.run(["live"]) == code
    captured = capsys.readouterr()
    assert captured.err.endswith(line) and captured.err.count("\n") == 1 and captured.out == ""


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 130, as shells expect."""
    stub(monkeypatch, KeyboardInterrupt())
    assert module.run(["live"]) == 130
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("error", [RuntimeError("bug"), ImportError("bug", name="voxmesh_typo")])
def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """What is nobody's mistake but ours is not hidden."""
    stub(monkeypatch, error)
    with pytest.raises(type(error)):
        module.run(["live"])


def test_a_closed_pipe_is_no_error() -> None:
    """`voxmesh --help | true`: nothing on stderr."""
    process = subprocess.Popen(command("--help"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(20)
    assert errors == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--wav", "a.wav", "--mic", "x"), "--wav"),
        (("--loop",), "--loop needs --wav"),
        (("--wav", "a.wav", "--record", "./a.wav"), "--record would overwrite"),
        (("--wav", "gone.wav"), "no such file"),
        (("--wav", "a.wav", "--listen", "rubbish://x", "--bundle", "BUNDLE"), "cannot listen on rubbish://x"),
        (("--wav", "a.wav", "--session", "x" * 17, "--bundle", "BUNDLE"), "16 bytes"),
        (("--wav", "a.wav", "--record", "a.mp3", "--bundle", "BUNDLE"), ".wav"),
        (("--wav", "a.wav", "--bundle", "gone"), "no bundle in gone"),
    ],
)
def test_lives_mistakes_get_one_line(
    tmp_path: Path, speech: Path, tiny_bundle: Path, cli: Callable, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, no traceback."""
    speech.rename(tmp_path / "a.wav")
    listen = () if "--listen" in arguments else ("--listen", "tcp://127.0.0.1:*")
    result = cli("live", *(str(tiny_bundle) if a == "BUNDLE" else a for a in arguments), *listen)
    assert result.returncode == 2 and words in result.stderr and "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
