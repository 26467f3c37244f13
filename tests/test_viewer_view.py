"""`voxmesh view`, against a live publisher, with and without a display."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from viewer_helpers import Speaker, ball

from voxmesh.viewer.overlay import TextLine

VIEW = [sys.executable, "-m", "voxmesh.stream.cli", "view"]


def run_view(*arguments: str, display: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user has it."""
    return subprocess.run([*VIEW, *arguments], env=environment(display), capture_output=True, text=True, timeout=120)


def environment(display: str | None) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return plain if display is None else {**plain, "DISPLAY": display}


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of our own (Xvfb), on a number that it chooses."""
    read, write = os.pipe()
    command = [
        shutil.which("Xvfb") or "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "800x900x24",
        "-nolisten",
        "tcp",
    ]
    process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    process.terminate()
    process.wait()


def shows_a_ball(path: Path, size: tuple[int, int]) -> bool:
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape[1::-1] == size
    skin = picture[..., 0] > picture[..., 2] + 20
    middle = skin[size[1] // 2, size[0] // 2]
    return bool(middle and 0.2 < skin.mean() < 0.9 and not skin[:2, :2].any())


def test_a_screenshot_needs_no_display(tmp_path: Path) -> None:
    """With no display at all the face that is being published becomes a picture."""
    picture = tmp_path / "face.png"
    with Speaker(ball()) as speaker:
        run = run_view(speaker.endpoint, "--screenshot", str(picture), "--size", "160x180")
    assert run.returncode == 0, run.stderr
    assert shows_a_ball(picture, (160, 180))


def test_a_window_shows_the_face_and_the_figures(tmp_path: Path, display: str) -> None:
    """On a screen a window opens; its picture holds the face and, at the top left, a line of text."""
    picture = tmp_path / "face.png"
    with Speaker(ball()) as speaker:
        run = run_view(
            speaker.endpoint, "--screenshot", str(picture), "--seconds", "2", "--size", "400x460", display=display
        )
    assert run.returncode == 0, run.stderr
    assert shows_a_ball(picture, (400, 460))
    corner = np.asarray(Image.open(picture)).astype(int)[5:35, 5:200].sum(2)
    assert (corner < corner.max() - 200).sum() > 50


def test_a_window_waits_for_a_publisher_and_ends_on_ctrl_c(display: str) -> None:
    """With nobody there the window stays open, says so, and Ctrl-C ends it without an error."""
    process = subprocess.Popen(
        [*VIEW, "tcp://127.0.0.1:9"],
        env=environment(display),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "waiting for tcp://127.0.0.1:9" in process.stdout.readline()
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in errors


def test_figures_without_a_window() -> None:
    """`--no-window` prints rate, latency and losses once a second."""
    with Speaker(ball()) as speaker:
        run = run_view(speaker.endpoint, "--no-window", "--seconds", "2.5")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert re.fullmatch(r"\d+ fps   latency \d+ ms   missed 0", lines[-1]), run.stdout


def test_nobody_there_is_an_error_for_a_screenshot(tmp_path: Path) -> None:
    """After --timeout seconds of silence the command ends with one line and code 2."""
    run = run_view("tcp://127.0.0.1:9", "--screenshot", str(tmp_path / "x.png"), "--timeout", "0.5")
    assert run.returncode == 2
    assert re.search(r"nothing came from tcp://127.0.0.1:9 in 0.5 s; .*voxmesh live", run.stderr)


def test_a_window_without_a_display_is_refused() -> None:
    """One line that names the ways out."""
    run = run_view("tcp://127.0.0.1:9")
    assert run.returncode == 2 and "--no-window" in run.stderr and "Traceback" not in run.stderr


def test_text_stays_at_its_pixels_wherever_the_camera_is() -> None:
    """Projected back, the glyphs lie at the top left of the picture, one square to a pixel."""
    line = TextLine((1.0, 1.0, 1.0))
    line.spell("30 fps")
    angle = np.radians(40)
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    extrinsic[:3, 3] = [0.2, -0.1, 1.3]
    points = line.place(extrinsic, focal_px=900.0, width=400, height=300) @ extrinsic[:3, :3].T + extrinsic[:3, 3]
    pixels = points[:, :2] / points[:, 2:] * 900 + [200, 150]
    np.testing.assert_allclose(pixels, np.round(pixels), atol=1e-6)
    assert pixels.min() >= 0 and pixels[:, 0].max() < 80 and pixels[:, 1].max() < 40
    assert len(line.triangles) * 2 == len(line.colors) and line.triangles.max() == len(points) - 1
