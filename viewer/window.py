"""The live window: a face on a screen, turned with the mouse."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import Topology
from voxmesh.viewer.camera import Camera, frame
from voxmesh.viewer.offscreen import BACKGROUND, load_open3d, new_mesh, open_window, place_camera
from voxmesh.viewer.overlay import NEAR_M, TextLine
from voxmesh.viewer.shading import Shader

if TYPE_CHECKING:
    import open3d

_ESCAPE, _Q = 256, ord("Q")


def has_display() -> bool:
    """Whether a window could be seen."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


class FaceWindow:
    """A window that shows one face at a time and one line of text. A context manager.

    width, height: pixels to open with; the user may drag them. Esc, Q and the window's own button close it.
    Raises VoxmeshError if there is no display or no OpenGL.
    """

    def __init__(self, width: int = 800, height: int = 920, title: str = "voxmesh") -> None:
        if not has_display():
            raise VoxmeshError("there is no display (DISPLAY is not set); use --no-window, or --screenshot FILE")
        self._o3d = load_open3d()
        self._vector = self._o3d.utility.Vector3dVector
        self._window = open_window(width, height, visible=True, title=title)
        self._open = True
        for key in (_ESCAPE, _Q):
            self._window.register_key_callback(key, self._close_on_key)
        self._shader: Shader | None = None
        self._mesh = None
        self._vertices: np.ndarray | None = None
        self._line = TextLine(BACKGROUND)
        self._text = self._o3d.geometry.TriangleMesh()
        self._text_added = False
        # An empty scene has no depth range, and the text would be clipped: give it a head's room and nothing to see.
        room = self._o3d.geometry.TriangleMesh(
            self._vector(np.array([[-0.15, -0.15, -0.15], [0.15, 0.15, 0.15], [0, 0, 0]])),
            self._o3d.utility.Vector3iVector(np.array([[0, 1, 2]], np.int32)),
        )
        self._window.add_geometry(room)
        self._window.get_view_control().set_constant_z_near(NEAR_M)
        place_camera(self._window, Camera((0.0, 0.0, 0.0), height_m=0.3), width, height)

    def show(self, topology: Topology) -> None:
        """Puts another mesh in the window, seen from the front."""
        self._window.clear_geometries()
        self._text_added = False
        self._shader = Shader(topology)
        self._mesh = new_mesh(topology)
        self._vertices = np.asarray(topology.template, np.float32)
        self._window.add_geometry(self._mesh)
        control = self._window.get_view_control()
        control.set_constant_z_near(NEAR_M)
        # The window's size now, which may not be the one it opened with.
        intrinsic = control.convert_to_pinhole_camera_parameters().intrinsic
        width, height = intrinsic.width, intrinsic.height
        place_camera(self._window, frame(topology).shrunk_to(width / height), width, height)

    def write(self, text: str) -> None:
        """Sets the line of text at the top left."""
        if text == self._line.text:
            return
        self._line.spell(text)
        self._text.vertices = self._vector(np.zeros((len(self._line.colors), 3)))
        self._text.triangles = self._o3d.utility.Vector3iVector(self._line.triangles)
        self._text.vertex_colors = self._vector(self._line.colors)

    def draw(self, vertices: np.ndarray | None = None) -> bool:
        """Draws a pose, (V, 3) metres (the last one again by default), and handles what the user did.

        Returns False once the window is closed.
        """
        if vertices is not None:
            self._vertices = vertices
        parameters = self._window.get_view_control().convert_to_pinhole_camera_parameters()
        extrinsic = np.asarray(parameters.extrinsic)
        if self._mesh is not None and self._shader is not None and self._vertices is not None:
            eye = -extrinsic[:3, :3].T @ extrinsic[:3, 3]
            self._mesh.vertex_colors = self._vector(self._shader.colors(self._vertices, eye).astype(np.float64))
            self._mesh.vertices = self._vector(np.array(self._vertices, np.float64))
            self._window.update_geometry(self._mesh)
        if self._line.text:
            self._draw_text(extrinsic, parameters.intrinsic)
        self._open = self._window.poll_events() and self._open
        if self._open:
            self._window.update_renderer()
        return self._open

    def capture(self) -> np.ndarray:
        """(H, W, 3) uint8: what the window shows."""
        image = np.asarray(self._window.capture_screen_float_buffer(do_render=True))
        return np.round(image * 255).astype(np.uint8)

    def close(self) -> None:
        """Closes the window. A second call does nothing."""
        if self._window is not None:
            self._window.destroy_window()
            self._window = None
            self._open = False

    def _draw_text(self, extrinsic: np.ndarray, intrinsic: open3d.camera.PinholeCameraIntrinsic) -> None:
        focal = float(intrinsic.intrinsic_matrix[1, 1])
        self._text.vertices = self._vector(self._line.place(extrinsic, focal, intrinsic.width, intrinsic.height))
        if self._text_added:
            self._window.update_geometry(self._text)
        else:
            # The text is no part of the scene: it must not move what the camera turns about.
            self._window.add_geometry(self._text, reset_bounding_box=False)
            self._text_added = True

    def _close_on_key(self, _window: object) -> bool:
        self._open = False
        return False

    def __enter__(self) -> FaceWindow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
