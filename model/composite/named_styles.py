"""The styles that a bundle names: what the style encoder makes of clips that the training data has examples of."""

from __future__ import annotations

import numpy as np
import torch

from voxmesh.model.composite.network import Composite
from voxmesh.model.composite.source import Source
from voxmesh.stream.style import NEUTRAL

SPACE = "composite"


@torch.inference_mode()
def name_styles(model: Composite, source: Source) -> dict[str, np.ndarray]:
    """name -> (S,) float32, "neutral" first: the data's own examples of it, or else the mean of all the others.

    A style is the mean over its clips: of one alone it would have what only that one says.
    """
    found = {
        name: torch.cat([model.style(clip[None], shapes) for clip, shapes in clips]).mean((0, 1)).numpy()
        for name, clips in source.examples().items()
    }
    return {NEUTRAL: found.pop(NEUTRAL, np.mean(list(found.values()), axis=0)), **found}
