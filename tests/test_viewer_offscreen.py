"""Pictures without a screen: real OpenGL contexts, real pixels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from viewer_helpers import ball

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology
from voxmesh.viewer.camera import VIEWS, Camera, frame
from voxmesh.viewer.clip import with_look
from voxmesh.viewer.offscreen import BACKGROUND, Offscreen
from voxmesh.viewer.sheet import Cell, draw_sheet

BACK = np.round(np.array(BACKGROUND) * 255)


@pytest.fixture(scope="module", autouse=True)
def no_display() -> object:
    """The machine's own screen, if it has one, is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        yield


def is_background(picture: np.ndarray) -> np.ndarray:
    return (np.abs(picture.astype(int) - BACK) <= 2).all(-1)


def test_a_ball_is_drawn_in_the_middle_on_the_background() -> None:
    """The picture has its size, the background in its corners and skin in its middle."""
    topology = ball()
    with Offscreen(topology, 120, 160) as window:
        picture = window.render(topology.template)
    assert picture.shape == (160, 120, 3) and picture.dtype == np.uint8
    back = is_background(picture)
    assert back[[0, 0, -1], [0, -1, 0]].all() and not back[80, 60]
    red, _, blue = picture[80, 60].astype(int)
    assert red > blue + 20


def test_the_picture_follows_the_vertices() -> None:
    """A smaller ball covers fewer pixels, and the old one leaves no trace."""
    topology = ball()
    with Offscreen(topology, 100, 100) as window:
        whole = window.render(topology.template)
        half = window.render(topology.template * 0.5)
        again = window.render(topology.template)
    covered, less = (~is_background(whole)).sum(), (~is_background(half)).sum()
    assert less == pytest.approx(covered / 4, rel=0.1)
    np.testing.assert_array_equal(whole, again)


def test_a_mirrored_pair_has_mirrored_outlines() -> None:
    """+X of the mesh, the face's left, is at the picture's right."""
    topology = ball()
    bump = topology.template.copy()
    bump[bump[:, 0] > 0] *= [1.5, 1, 1]
    with Offscreen(topology, 200, 200, Camera((0, 0, 0), 0.4)) as window:
        right = ~is_background(window.render(bump))
        left = ~is_background(window.render(bump * [-1, 1, 1]))
    assert right[:, 100:].sum() > right[:, :100].sum()
    # Not to the pixel: what lies on a pixel's centre belongs to one side only.
    assert (right[:, ::-1] != left).mean() < 0.005


def test_edges_are_smooth() -> None:
    """Between background and mesh there are colours in between: the picture is drawn larger and averaged."""
    topology = ball()
    pictures = []
    for samples in (1, 2):
        with Offscreen(topology, 100, 100, samples=samples) as window:
            pictures.append(window.render(topology.template).astype(int))
    jagged, smooth = (np.abs(np.diff(picture, axis=1)).sum(2) for picture in pictures)
    assert np.sort(smooth.ravel())[-100:].mean() < 0.8 * np.sort(jagged.ravel())[-100:].mean()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_any_mesh_shows_it(view: str) -> None:
    """Named views frame a mesh that has no landmarks and no look."""
    topology = with_look(ball().template, ball().faces)
    with Offscreen(topology, 80, 80, frame(topology, view)) as window:
        picture = window.render(topology.template)
    assert (~is_background(picture)).mean() > 0.3


def test_close_ups_look_at_the_landmarks() -> None:
    """The mouth's view is centred between the corners of the mouth."""
    topology = ball()
    template = topology.template
    left, right = (
        int(np.argmin(np.abs(template - corner).sum(1))) for corner in ([0.03, -0.04, 0.09], [-0.03, -0.04, 0.09])
    )
    marked = Topology(
        template,
        topology.faces,
        topology.albedo,
        topology.occlusion,
        topology.gloss,
        {"mouth_left": left, "mouth_right": right},
    )
    np.testing.assert_allclose(frame(marked, "mouth").target, (template[left] + template[right]) / 2, atol=1e-6)
    with pytest.raises(VoxmeshError, match="behind"):
        frame(marked, "behind")


def test_a_sheet_holds_a_picture_and_a_label_for_each_cell(tmp_path: Path) -> None:
    """Cells of two meshes make a grid with something in every cell and under it."""
    skin = ball()
    clay = with_look(skin.template, skin.faces)
    cells = [Cell(f"cell {k}", skin if k < 2 else clay, skin.template) for k in range(3)]
    path = tmp_path / "sheet.png"
    sheet = draw_sheet(cells, path, cell_size=(90, 112), columns=2)
    assert sheet.shape == (224, 180, 3) and path.stat().st_size > 1000
    for top, left in ((0, 0), (0, 90), (112, 0)):
        cell = sheet[top : top + 112, left : left + 90]
        assert (~is_background(cell[:90])).mean() > 0.2 and (~is_background(cell[90:])).any()
    assert is_background(sheet[112:, 90:]).all()


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    """Too small a picture, no cells, and a folder that does not exist are named."""
    topology = ball()
    with pytest.raises(VoxmeshError, match="4 x 4"):
        Offscreen(topology, 4, 4)
    with pytest.raises(VoxmeshError, match="no cell"):
        draw_sheet([], tmp_path / "x.png")
    with pytest.raises(VoxmeshError, match="cannot write"):
        draw_sheet([Cell("a", topology, topology.template)], tmp_path / "no" / "x.png", (60, 80))


def test_missing_libraries_are_named_with_the_command_that_brings_them(tmp_path: Path) -> None:
    """An Open3D that cannot load its shared libraries gives the apt command, one that is absent the pip command."""
    broken = tmp_path / "open3d"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise OSError('libGL.so.1: cannot open shared object file')")
    code = "from voxmesh.viewer.offscreen import load_open3d; load_open3d()"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert "VoxmeshError" in run.stderr and "apt-get install" in run.stderr and "libGL.so.1" in run.stderr


def test_importing_the_viewer_loads_no_open3d() -> None:
    """The commands' help is quick, and works where Open3D is not installed."""
    code = "import sys, voxmesh.viewer.commands, voxmesh.viewer.sheet, voxmesh.viewer.window; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"open3d", "av", "PIL", "torch", "voxmesh.model"}
