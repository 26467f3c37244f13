"""A line of text over the picture, for a renderer that has none: each pixel of the glyphs becomes a small square.

The squares lie in a plane just in front of the camera and are moved with it, so they stay where they are on screen.
"""

from __future__ import annotations

import numpy as np

INK = (0.24, 0.27, 0.30)
NEAR_M = 0.05
"""Where the window's depth range is made to begin."""
_DEPTH_M = 0.06
_FONT_PX = 14
_MARGIN_PX = 10


class TextLine:
    """Squares that spell one line. Nothing here knows a renderer.

    background: sRGB the text is drawn on; the glyphs' soft edges are mixed with it, as there is no transparency.
    """

    def __init__(self, background: tuple[float, float, float]) -> None:
        self._background = np.array(background)
        self._corners = np.zeros((0, 2))
        self.triangles = np.zeros((0, 3), np.int32)
        self.colors = np.zeros((0, 3))
        self.text = ""

    def spell(self, text: str) -> None:
        """Sets the text: `triangles` (F, 3) int32 and `colors` (4 a pixel, 3) sRGB 0..1 follow."""
        self.text = text
        coverage = _rasterise(text)
        rows, columns = np.nonzero(coverage > 0.08)
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        self._corners = (np.stack([columns, rows], 1)[:, None] + square).reshape(-1, 2) + _MARGIN_PX
        first = 4 * np.arange(len(rows))[:, None, None]
        # Both windings are not needed: the window draws back faces.
        self.triangles = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3).astype(np.int32)
        amount = np.repeat(coverage[rows, columns], 4)[:, None]
        self.colors = self._background * (1 - amount) + np.array(INK) * amount

    def place(self, extrinsic: np.ndarray, focal_px: float, width: int, height: int) -> np.ndarray:
        """(P, 3) float64 world positions of the squares' corners, at the top left of a picture.

        extrinsic: (4, 4) world to camera (x right, y down, z forward). focal_px, width, height: of the window.
        """
        centered = self._corners - np.array([width / 2, height / 2])
        camera = np.column_stack([centered * (_DEPTH_M / focal_px), np.full(len(centered), _DEPTH_M)])
        return (camera - extrinsic[:3, 3]) @ extrinsic[:3, :3]


def _rasterise(text: str) -> np.ndarray:
    """(rows, columns) float 0..1: how much of each pixel the text covers."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(_FONT_PX)
    left, top, right, bottom = font.getbbox(text or " ")
    image = Image.new("L", (int(right - min(left, 0)) + 1, int(bottom - min(top, 0)) + 1))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=font)
    return np.asarray(image, np.float64) / 255
