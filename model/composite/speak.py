"""Whole sequences in NumPy, for evaluation: a template, a sound and a style to vertices; a clip to its style."""

from __future__ import annotations

import numpy as np
import torch

from voxmesh.model.composite.network import Composite
from voxmesh.stream.features import log_mel


@torch.inference_mode()
def style_of(model: Composite, offsets: np.ndarray) -> np.ndarray:
    """(T, V, 3) metres from the template -> (S,) float32."""
    return model.style(model.mesh.rows(torch.from_numpy(offsets))[None])[0, 0].numpy()


@torch.inference_mode()
def speak(model: Composite, audio: np.ndarray, template: np.ndarray, style: np.ndarray) -> np.ndarray:
    """(N,) samples at the clock's rate, (V, 3) metres and (S,) -> (T, V, 3) metres, a frame for each of the clock's."""
    sound = log_mel(audio, model.config.features) if model.front.hears == "features" else audio
    neutral = torch.from_numpy(template)
    codes = model(torch.from_numpy(sound)[None], torch.from_numpy(style)[None, None], neutral[None])
    return (neutral + model.mesh.whole(model.mesh.decode(codes[0]))).numpy()
