"""Training in two stages: first the audio encoder stays as it came, then all is tuned together."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from voxmesh.model.checkpoint import Run
from voxmesh.model.composite.config import CompositeConfig, from_dict, to_dict
from voxmesh.model.composite.named_styles import name_styles
from voxmesh.model.composite.network import Composite
from voxmesh.model.composite.source import Batch, Source, check_masks
from voxmesh.model.trainer import Draw, Training, fit
from voxmesh.stream.errors import VoxmeshError

FROZEN, TUNED = "composite-frozen", "composite"
"""Names of the two stages' checkpoints."""
STYLES = "styles"
"""Name of the arrays that `name_styles` made."""
REGION_WEIGHTS = {"mouth": 4.0, "upper": 1.0, "eyelid": 3.0}
"""What an error in a region counts more than one elsewhere, which counts 1."""
LOSS_COORDINATES = 3000
MILLIMETRES = 1000.0
_CONFIG = "composite-config.json"


@dataclass(frozen=True)
class Losses:
    """sparsity_mm2: how much the mean size of the map's weights counts beside the squared error of a coordinate in mm.

    regional: whether errors are weighed by region.
    """

    sparsity_mm2: float = 0.3
    regional: bool = True


def is_composite(run: Run) -> bool:
    """Whether the folder is a run of this family."""
    return (run.folder / _CONFIG).is_file()


def load_config(run: Run) -> CompositeConfig:
    """Raises VoxmeshError when the folder is no run of this family."""
    path = run.folder / _CONFIG
    if not path.is_file():
        raise VoxmeshError(f"no composite run in {run.folder}: {path.name} is not there (`voxmesh train composite`)")
    try:
        return from_dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise VoxmeshError(f"{path} is not a config of this version: {error}") from error


def create(run: Run, config: CompositeConfig) -> CompositeConfig:
    """Write the config, or return the one that is already there: a run keeps its own."""
    if not is_composite(run):
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / _CONFIG).write_text(json.dumps(to_dict(config), indent=1), "utf-8")
    return load_config(run)


def trained_stage(run: Run) -> str:
    """The last stage that was trained: the second may be left out. Raises VoxmeshError when none was."""
    for stage in (TUNED, FROZEN):
        if (run.folder / f"{stage}.safetensors").is_file():
            return stage
    raise VoxmeshError(f"nothing was trained in {run.folder} yet: `voxmesh train composite {run.folder} --data DATA`")


def load_composite(run: Run, stage: str | None = None) -> Composite:
    """The trained model, in eval mode, of the last stage or of `stage`."""
    model = Composite(load_config(run))
    run.load(stage or trained_stage(run), model)
    return model.eval()


def train_composite(
    run: Run,
    source: Source,
    config: CompositeConfig,
    first: Training,
    second: Training,
    losses: Losses | None = None,
    audio: dict[str, Tensor] | None = None,
) -> Composite:
    """Both stages; either is left out when its `steps` are 0. Resumes from the run's checkpoints.

    audio: weights of the audio encoder to begin with; None keeps what the front end has (HuBERT's own, or random ones).
    Raises VoxmeshError when the run was begun with another mesh.
    """
    losses = losses or Losses()
    if losses.regional:
        check_masks(source)
    wanted = (source.templates.shape[1], int(source.moving.sum()))
    config = create(run, config)
    if (config.vertices, config.moving) != wanted:
        raise VoxmeshError(f"{run.folder} is of a mesh of {config.vertices} vertices, the data has {wanted[0]}")
    torch.manual_seed(first.seed)
    model = Composite(config)
    model.mesh.describe(torch.from_numpy(source.templates), torch.from_numpy(source.moving))
    if audio is not None:
        model.front.encoder.load_state_dict(audio)
    places = region_weights(source, losses.regional)
    if first.steps:
        model.front.requires_grad_(False)
        fit(run, FROZEN, model, lambda draw: _loss(model, source, places, losses, first, draw, frozen=True), first)
    if second.steps:
        if first.steps or (run.folder / f"{FROZEN}.safetensors").is_file():
            run.load(FROZEN, model)
        model.front.requires_grad_(True)
        fit(run, TUNED, model, lambda draw: _loss(model, source, places, losses, second, draw, frozen=False), second)
    run.save_arrays(STYLES, **name_styles(model.cpu().eval(), source))
    return model


def region_weights(source: Source, regional: bool) -> Tensor:
    """(M,) how much an error of each moving vertex counts: 1, and more in a region if `regional`."""
    weights = np.ones(len(source.moving))
    if regional:
        for name, weight in REGION_WEIGHTS.items():
            weights += weight * source.masks[name]
    return torch.from_numpy(weights[source.moving]).float()


def _loss(
    model: Composite, source: Source, places: Tensor, losses: Losses, training: Training, draw: Draw, *, frozen: bool
) -> tuple[Tensor, dict[str, float]]:
    if frozen:
        model.front.eval()
    batch = source.crops(draw.numpy, training.batch, training.frames, model.front.hears)
    batch = Batch(*(part if part is None else part.to(training.device) for part in batch))
    with training.autocast():
        style = model.style(batch.driving, batch.shapes)
        codes = model(batch.sound, style, batch.templates).float()
    square = square_mm2(model, codes, batch, places.to(training.device), draw.torch)
    sparsity = model.mesh.matrix.abs().mean()
    return square + losses.sparsity_mm2 * sparsity, {
        "rms_mm": float(square.detach()) ** 0.5,
        "map_mean": float(sparsity.detach()),
    }


def square_mm2(model: Composite, codes: Tensor, batch: Batch, places: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of a coordinate, mm^2, over vertices drawn as often as `places` says they count.

    That is the weighted mean over all of them, at a part of its cost: decoding is most of a step.
    """
    count = min(LOSS_COORDINATES // 3, len(places))
    drawn = torch.multinomial(places, count, replacement=True, generator=generator)
    rows = (3 * drawn[:, None] + torch.arange(3, device=drawn.device)).flatten()
    wanted = batch.offsets[..., rows] if batch.shapes is None else batch.offsets @ batch.shapes[:, rows]
    return functional.mse_loss(model.mesh.decode(codes, rows) * MILLIMETRES, wanted * MILLIMETRES)
