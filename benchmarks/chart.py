"""Line charts side by side, with Pillow alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, GREY, GRID = (36, 41, 47), (110, 118, 129), (228, 231, 235)
COLOURS = ((31, 111, 235), (219, 109, 40), (45, 140, 80), (137, 87, 229))
WIDTH, HEIGHT, SCALE = 560, 380, 2
"""Of a panel, in points; a point is SCALE pixels."""
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 82, 52


@dataclass(frozen=True)
class Series:
    """A named line through (x, y) points, in order."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One chart: its title says what y is. `from_zero`: y begins at 0, so that heights are shares."""

    title: str
    x_label: str
    series: list[Series]
    from_zero: bool = False


def ticks(low: float, high: float, about: int = 5) -> np.ndarray:
    """Round numbers, 1, 2 or 5 times ten to a power apart, about so many, from at most `low` to at least `high`."""
    if low == high:
        low, high = low - 0.1 * abs(low) - 1e-3, high + 0.1 * abs(high) + 1e-3
    span = high - low
    power = 10.0 ** np.floor(np.log10(span / about))
    step = next(step for step in power * np.array([1, 2, 5, 10]) if span / step <= about)
    return np.arange(np.floor(low / step + 1e-6), np.ceil(high / step - 1e-6) + 1) * step


def draw_chart(panels: list[Panel], path: Path, columns: int | None = None) -> None:
    """Write the panels to a PNG, left to right, `columns` to a row (all of them unless told otherwise)."""
    columns = columns or len(panels)
    width, height = WIDTH * SCALE, HEIGHT * SCALE
    image = Image.new("RGB", (width * columns, height * -(-len(panels) // columns)), "white")
    for index, panel in enumerate(panels):
        tile = Image.new("RGB", (width, height), "white")
        _draw_panel(ImageDraw.Draw(tile), panel)
        image.paste(tile, (index % columns * width, index // columns * height))
    image.save(path)


def _draw_panel(pen: ImageDraw.ImageDraw, panel: Panel) -> None:
    x_ticks = sorted({x for series in panel.series for x, _ in series.points})
    ys = [y for series in panel.series for _, y in series.points]
    y_ticks = ticks(min([*ys, 0.0] if panel.from_zero else ys), max(ys))
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_ticks[0]) / max(x_ticks[-1] - x_ticks[0], 1e-9)
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return (left + across * (right - left)) * SCALE, (bottom - up * (bottom - top)) * SCALE

    def write(at: tuple[float, float], text: str, colour: tuple[int, ...], size: int, anchor: str) -> None:
        pen.text(at, text, colour, ImageFont.load_default(size * SCALE), anchor)

    digits = max(0, int(np.ceil(-np.log10(y_ticks[1] - y_ticks[0]) - 1e-6)))
    for y in y_ticks:
        pen.line([place(x_ticks[0], y), place(x_ticks[-1], y)], GRID, SCALE)
        write((place(x_ticks[0], y)[0] - 8 * SCALE, place(0, y)[1]), f"{y:.{digits}f}", GREY, 12, "rm")
    for x in x_ticks:
        write((place(x, 0)[0], (bottom + 8) * SCALE), f"{x:g}", GREY, 12, "mt")
    write(((left + right) / 2 * SCALE, (HEIGHT - 12) * SCALE), panel.x_label, GREY, 12, "mb")
    write((left * SCALE, 16 * SCALE), panel.title, INK, 16, "lt")
    name_at = left * SCALE
    for series, colour in zip(panel.series, COLOURS, strict=False):
        points = [place(x, y) for x, y in series.points]
        pen.line(points, colour, 3 * SCALE, joint="curve")
        for x, y in points:
            pen.ellipse((x - 4.5 * SCALE, y - 4.5 * SCALE, x + 4.5 * SCALE, y + 4.5 * SCALE), colour, "white", SCALE)
        pen.line([(name_at, 54 * SCALE), (name_at + 16 * SCALE, 54 * SCALE)], colour, 3 * SCALE)
        write((name_at + 22 * SCALE, 54 * SCALE), series.name, INK, 12, "lm")
        name_at += (36 + ImageFont.load_default(12).getlength(series.name)) * SCALE
