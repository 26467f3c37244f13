"""The loop that all stages share: resumable, seeded, with a progress bar and TensorBoard scalars."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from voxmesh.model.checkpoint import Run


@dataclass(frozen=True)
class Training:
    """How long and how fast. The learning rate warms up, then falls along a cosine to zero at the last step."""

    steps: int
    learning_rate: float = 2e-3
    batch: int = 16
    frames: int = 192
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    clip_norm: float = 1.0
    checkpoint_steps: int = 250
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"

    def autocast(self) -> torch.autocast:
        """The context in which networks run; losses, weights and their updates are float32 whatever `precision`."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16")


@dataclass(frozen=True)
class Draw:
    """The randomness of one step: a function of the seed and the step, so a resumed run goes on as if never stopped."""

    step: int
    progress: float
    numpy: np.random.Generator
    torch: torch.Generator


Loss = Callable[[Draw], tuple[Tensor, dict[str, float]]]


def fit(run: Run, stage: str, module: nn.Module, loss: Loss, training: Training) -> None:
    """Train `module` by `loss(draw) -> (loss, scalars)` until `training.steps`; resumes from the run's checkpoint."""
    module.train().to(training.device)
    parameters = [p for p in module.parameters() if p.requires_grad]
    # Biases and gates keep their size: decay is for weights that multiply an input.
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, training.learning_rate)
    about = run.resume(stage, module, optimizer)
    first = about["step"] if about else 0
    with (
        _writer(run, stage, first) as writer,
        tqdm(total=training.steps, initial=first, desc=stage, unit="step") as bar,
    ):
        for draw in _draws(stage, first, training):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * _schedule(draw.step, training)
            value, scalars = loss(draw)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(parameters, training.clip_norm)
            optimizer.step()
            done = draw.step + 1
            bar.update()
            if done % 25 == 0 or done == training.steps:
                bar.set_postfix({name: f"{number:.3g}" for name, number in scalars.items()})
                for name, number in {"loss": float(value.detach()), **scalars}.items():
                    writer.add_scalar(f"{stage}/{name}", number, done)
            if done % training.checkpoint_steps == 0 or done == training.steps:
                run.save(stage, module, optimizer, {"step": done, "scalars": scalars})
    module.eval()


def _schedule(step: int, training: Training) -> float:
    warm = min(1.0, (step + 1) / training.warmup_steps)
    return warm * 0.5 * (1.0 + math.cos(math.pi * step / training.steps))


def _draws(stage: str, first: int, training: Training) -> Iterator[Draw]:
    for step in range(first, training.steps):
        numbers = np.random.default_rng([training.seed, step, *stage.encode()])
        generator = torch.Generator(training.device).manual_seed(int(numbers.integers(2**62)))
        # Dropout draws from the global generator.
        torch.manual_seed(int(numbers.integers(2**62)))
        yield Draw(step, step / training.steps, numbers, generator)


def _writer(run: Run, stage: str, first: int):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run.folder / "tensorboard" / stage), purge_step=first or None)
