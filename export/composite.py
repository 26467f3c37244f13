"""A run of the composite family as what `write_bundle` takes: its step, and the styles that it has names for."""

from __future__ import annotations

from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.named_styles import SPACE
from voxmesh.model.composite.step import CompositeStep
from voxmesh.model.composite.train import STYLES, load_composite, trained_stage
from voxmesh.stream.bundle import sha256
from voxmesh.stream.style import NEUTRAL, StyleSpace


def composite_step(run: Run) -> tuple[CompositeStep, StyleSpace]:
    """The trained step, in eval mode. A style means something to these very weights only: they are in its space's id.

    Raises VoxmeshError when the run is not trained, or hears what cannot be heard live.
    """
    weights = sha256(run.folder / f"{trained_stage(run)}.safetensors")
    step = CompositeStep(load_composite(run)).eval()
    names = run.load_arrays(STYLES)
    return step, StyleSpace(f"{SPACE}-{weights[:8]}", {NEUTRAL: names.pop(NEUTRAL), **names})
