"""Pictures without a window: a mesh through Open3D's OpenGL renderer into an array, screen or no screen."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology
from voxmesh.viewer.camera import Camera, frame
from voxmesh.viewer.shading import Shader

if TYPE_CHECKING:
    import open3d

BACKGROUND = (0.83, 0.87, 0.89)
"""sRGB behind the face."""

_APT = "sudo apt-get install -y --no-install-recommends libgl1 libgl1-mesa-dri libglx-mesa0 libegl1 libegl-mesa0 libgomp1 libusb-1.0-0 libx11-6"  # noqa: E501


class Offscreen:
    """Draws poses of one topology into arrays. A context manager: leaving it frees the OpenGL context.

    width, height: pixels of the picture. camera: where to look from; a front view that fits by default.
    samples: the picture is drawn that many times larger each way and averaged, which smooths the edges.

    Works with no DISPLAY at all (EGL) and with one. Raises VoxmeshError if there is no OpenGL to be had.
    """

    def __init__(
        self, topology: Topology, width: int = 720, height: int = 720, camera: Camera | None = None, samples: int = 2
    ) -> None:
        if width < 16 or height < 16:
            raise VoxmeshError(f"a picture of {width} x {height} pixels is too small; give at least 16 x 16")
        self.width, self.height, self.samples = width, height, samples
        self.camera = camera or frame(topology).shrunk_to(width / height)
        self._shader = Shader(topology)
        self._o3d = load_open3d()
        self._window: Any = open_window(width * samples, height * samples, visible=False)
        self._mesh = new_mesh(topology)
        self._window.add_geometry(self._mesh)
        self.look_from(self.camera)

    def look_from(self, camera: Camera) -> None:
        """Moves the camera, for the pictures that follow."""
        self.camera = camera
        place_camera(self._window, camera, self.width * self.samples, self.height * self.samples)

    def render(self, vertices: np.ndarray) -> np.ndarray:
        """One pose. vertices: (V, 3) metres. Returns (height, width, 3) uint8 sRGB."""
        colors = self._shader.colors(vertices, self.camera.eye)
        vector = self._o3d.utility.Vector3dVector
        self._mesh.vertices = vector(np.array(vertices, np.float64))
        self._mesh.vertex_colors = vector(colors.astype(np.float64))
        self._window.update_geometry(self._mesh)
        image = np.asarray(self._window.capture_screen_float_buffer(do_render=True))
        return _average(image, self.samples, self.height, self.width)

    def close(self) -> None:
        """Frees the context. A second call does nothing."""
        if self._window is not None:
            self._window.destroy_window()
            self._window = None

    def __enter__(self) -> Offscreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_open3d() -> Any:
    """Open3D, imported now. Raises VoxmeshError that says how to install it or the libraries it lacks."""
    try:
        import open3d
    except ModuleNotFoundError as error:
        if error.name == "open3d":
            raise VoxmeshError(
                "drawing needs Open3D, which is not installed; run: pip install 'voxmesh[viewer]'"
            ) from error
        raise
    except (ImportError, OSError) as error:
        raise VoxmeshError(f"Open3D does not load ({error}); on Debian or Ubuntu run: {_APT}") from error
    return open3d


def open_window(width: int, height: int, visible: bool, title: str = "voxmesh") -> Any:
    """Open3D's window (or, not visible, an offscreen context) set up to draw vertex colours as they are.

    Raises VoxmeshError if OpenGL gives none.
    """
    o3d = load_open3d()
    window = o3d.visualization.VisualizerWithKeyCallback() if visible else o3d.visualization.Visualizer()
    # Where there is no display GLFW complains on every start, and Open3D then falls back to EGL by itself.
    with o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error), _some_runtime_dir():
        opened = window.create_window(window_name=title, width=width, height=height, visible=visible)
    option = window.get_render_option() if opened else None
    if option is None:
        raise VoxmeshError(f"OpenGL gave no {width} x {height} picture to draw into; on Debian or Ubuntu run: {_APT}")
    option.background_color = np.array(BACKGROUND)
    option.light_on = False
    option.mesh_show_back_face = True
    option.mesh_shade_option = o3d.visualization.MeshShadeOption.Color
    return window


@contextmanager
def _some_runtime_dir() -> Iterator[None]:
    """XDG_RUNTIME_DIR is set inside: where it is not (containers), looking for Wayland prints an error to stderr."""
    if "XDG_RUNTIME_DIR" in os.environ or not sys.platform.startswith("linux"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="voxmesh-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["XDG_RUNTIME_DIR"]


def new_mesh(topology: Topology) -> open3d.geometry.TriangleMesh:
    """Open3D's mesh of a topology, black until it is lit."""
    o3d = load_open3d()
    # Copies, because Open3D refuses read-only arrays, and those of the wire are read-only.
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.array(topology.template, np.float64)),
        o3d.utility.Vector3iVector(np.array(topology.faces, np.int32)),
    )
    mesh.vertex_colors = o3d.utility.Vector3dVector(np.zeros((len(topology.template), 3)))
    return mesh


def place_camera(window: open3d.visualization.Visualizer, camera: Camera, width: int, height: int) -> None:
    """Puts a window's camera where ours is. width, height: the window's pixels."""
    o3d = load_open3d()
    control = window.get_view_control()
    parameters = control.convert_to_pinhole_camera_parameters()
    focal = camera.focal_px(height)
    parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
        width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5
    )
    parameters.extrinsic = camera.extrinsic()
    control.convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)


def _average(image: np.ndarray, samples: int, height: int, width: int) -> np.ndarray:
    """Box filter. image: (height*samples, width*samples, 3) float in 0..1. Returns (height, width, 3) uint8."""
    # Adding whole rows first, then neighbours, is several times faster than one mean over a 5-D view.
    rows = image[0::samples].copy()
    for k in range(1, samples):
        rows += image[k::samples]
    columns = rows.reshape(height, width, samples, 3)
    total = columns[:, :, 0].copy()
    for k in range(1, samples):
        total += columns[:, :, k]
    total *= 255 / samples**2
    total += 0.5
    return total.astype(np.uint8)
