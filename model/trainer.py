"""The loop that all stages share: resumable, seeded, with a progress bar and TensorBoard scalars.

Shared out over processes (`parallel.py`), validated on clips that training never sees, stopped when they tell of no
progress. Whatever is drawn is a function of the seed and the step: killed anywhere and run again, a stage goes on from
its last checkpoint to the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from voxmesh.model.checkpoint import Run
from voxmesh.model.parallel import Group, current_group

VALID_DRAWS = 4
"""Batches of a validation: always the same ones."""


@dataclass(frozen=True)
class Training:
    """How long and how fast. The learning rate warms up, then falls along a cosine to zero at the last step.

    A step takes `accumulate` draws of `batch` clips of `frames` frames, one a process where it is 0. patience: checks
    of held-out clips, one a checkpoint, without a better one after which a stage stops; 0 never does. preview_steps:
    how often a film is made of what was learned, 0 never.
    """

    steps: int
    learning_rate: float = 2e-3
    batch: int = 16
    accumulate: int = 0
    frames: int = 192
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    clip_norm: float = 1.0
    checkpoint_steps: int = 250
    patience: int = 0
    preview_steps: int = 0
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"

    def autocast(self) -> torch.autocast:
        """The context in which networks run; losses, weights and their updates are float32 whatever `precision`."""
        kind = self.device.partition(":")[0]
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")


@dataclass(frozen=True)
class Draw:
    """The randomness of one step: a function of the seed and the step, so a resumed run goes on as if never stopped."""

    step: int
    progress: float
    numpy: np.random.Generator
    torch: torch.Generator


Loss = Callable[[Draw], tuple[Tensor, dict[str, float]]]


def fit(
    run: Run,
    stage: str,
    module: nn.Module,
    loss: Loss,
    training: Training,
    held_out: Loss | None = None,
    preview: Callable[[int], None] | None = None,
) -> None:
    """Train `module` by `loss(draw) -> (loss, scalars)` until `training.steps`; resumes from the run's checkpoint.

    held_out: the same loss on clips to validate on; the weights that do best there are then what the stage has learned.
    preview: called with the step, in eval mode, to film it.
    """
    group = current_group()
    module.train().to(training.device)
    parameters = [p for p in module.parameters() if p.requires_grad]
    # Biases and gates keep their size: decay is for weights that multiply an input.
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, training.learning_rate)
    about = run.resume(stage, module, optimizer) or {"step": 0}
    first = training.steps if about.get("stopped") else about["step"]
    parts = training.accumulate or group.size
    with (
        _writer(run, stage, about["step"], group) as writer,
        tqdm(total=training.steps, initial=first, desc=stage, unit="step", disable=group.rank > 0 or None) as bar,
    ):
        for step in range(first, training.steps):
            for settings in optimizer.param_groups:
                settings["lr"] = training.learning_rate * _schedule(step, training)
            optimizer.zero_grad(set_to_none=True)
            seen = []
            for part in group.parts(parts):
                value, scalars = loss(_draw([training.seed, step, part, *stage.encode()], step, training))
                (value / parts).backward()
                seen.append({"loss": float(value.detach()), **scalars})
            group.sum_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, training.clip_norm)
            optimizer.step()
            done = step + 1
            bar.update()
            last = done == training.steps
            kept = done % training.checkpoint_steps == 0 or last
            if kept or done % 25 == 0:
                shown = group.mean(seen)
                bar.set_postfix({name: f"{number:.3g}" for name, number in shown.items() if name != "loss"})
                _write(writer, stage, shown, done)
            if kept:
                about = {**about, "step": done, "scalars": shown}
                if held_out is not None:
                    checked = validate(module, stage, held_out, training)
                    _write(writer, stage, {f"valid_{name}": number for name, number in checked.items()}, done)
                    about = _compared(about, checked, training)
                if group.rank == 0:
                    if about.get("best", {}).get("step") == done:
                        run.save_best(stage, module)
                    run.save(stage, module, optimizer, about)
            if preview and training.preview_steps and group.rank == 0 and (done % training.preview_steps == 0 or last):
                module.eval()
                preview(done)
                module.train()
            if about.get("stopped"):
                break
    group.wait()  # for the first one to have written what the next stage reads
    if "best" in about:
        run.load(stage, module)
    module.eval()


@torch.no_grad()
def validate(module: nn.Module, stage: str, held_out: Loss, training: Training) -> dict[str, float]:
    """The means of VALID_DRAWS draws that are always the same; `module` is left in train mode."""
    module.eval()
    seeds = [[training.seed, draw, *f"valid {stage}".encode()] for draw in range(VALID_DRAWS)]
    found = [held_out(_draw(seed, training.steps, training)) for seed in seeds]
    module.train()
    return Group().mean([{"loss": float(value), **scalars} for value, scalars in found])


def _compared(about: dict[str, Any], checked: dict[str, float], training: Training) -> dict[str, Any]:
    """What the checkpoint says with this validation: the best so far, and whether it is time to stop."""
    step, best = about["step"], about.get("best")
    if best is None or checked["loss"] < best["loss"]:
        best = {"step": step, **checked}
    waited = (step - best["step"]) / training.checkpoint_steps
    return {**about, "valid": checked, "best": best, "stopped": 0 < training.patience <= waited}


def _schedule(step: int, training: Training) -> float:
    warm = min(1.0, (step + 1) / training.warmup_steps)
    return warm * 0.5 * (1.0 + math.cos(math.pi * step / training.steps))


def _draw(seed: list[int], step: int, training: Training) -> Draw:
    numbers = np.random.default_rng(seed)
    generator = torch.Generator(training.device).manual_seed(int(numbers.integers(2**62)))
    # Dropout draws from the global generator.
    torch.manual_seed(int(numbers.integers(2**62)))
    return Draw(step, step / training.steps, numbers, generator)


def _writer(run: Run, stage: str, first: int, group: Group):
    if group.rank > 0:
        return nullcontext()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run.folder / "tensorboard" / stage), purge_step=first or None)


def _write(writer: Any, stage: str, scalars: dict[str, float], step: int) -> None:
    if writer is not None:
        for name, number in scalars.items():
            writer.add_scalar(f"{stage}/{name}", number, step)
