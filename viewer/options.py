"""Option types that the viewer's commands share."""

from __future__ import annotations

import click


class Size(click.ParamType[tuple[int, int]]):
    """`720` or `800x920`: (width, height) in pixels."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        width, _, height = str(value).lower().partition("x")
        if not width.isdigit() or not (height or width).isdigit():
            self.fail(f"{value!r} is not a size; give pixels such as 720 or 800x920", param, ctx)
        size = int(width), int(height or width)
        if min(size) < 16 or max(size) > 4096:
            self.fail(f"{value!r} is not a size to draw; give 16 to 4096 pixels", param, ctx)
        return size
