"""Pictures in, as arrays: what a mesh's texture looks like from a vertex's distance."""

from __future__ import annotations

import io

import numpy as np

LARGEST_PX = 512
"""A face of some thousand vertices sees no more: finer detail is averaged."""


def decode(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of a PNG, JPEG or WebP, LARGEST_PX at most each way. Raises ValueError when it is none."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            picture = image.convert("RGB")
            picture.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.BOX)
            return np.asarray(picture)
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"a texture is no picture: {error}") from error
