"""Training in several processes that `torchrun` started: what a step computes does not depend on how many there are.

A step is `parts` draws of a batch, each a function of the seed, the step and the part. A process computes every size-th
of them; gradients are summed over all. So two processes give the curve of one that accumulates two parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

from voxmesh.stream.errors import VoxmeshError

_PATIENCE = timedelta(hours=12)
"""Long, because the others wait while the first one prepares the features."""


@dataclass(frozen=True)
class Group:
    """The processes of one training. rank: this one's, of size. The first one writes and shows what there is."""

    rank: int = 0
    size: int = 1

    def parts(self, parts: int) -> range:
        """Which of a step's parts are this process'. Raises VoxmeshError when they cannot be shared out evenly."""
        if parts % self.size:
            raise VoxmeshError(f"{parts} parts a step cannot be shared by {self.size} processes: give a multiple")
        return range(self.rank, parts, self.size)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """In place, in one message. A parameter that no loss reached counts as zeros."""
        if self.size == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        for parameter, summed in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = summed.view_as(parameter)

    def wait(self) -> None:
        """For all processes to come here."""
        if self.size > 1:
            distributed.barrier()

    def mean(self, of_parts: Sequence[dict[str, float]]) -> dict[str, float]:
        """Of the numbers of all processes' parts, name by name; the same in every process."""
        gathered = [list(of_parts)]
        if self.size > 1:
            gathered = [[] for _ in range(self.size)]
            distributed.all_gather_object(gathered, list(of_parts))
        # In the order of the parts, whoever computed them: sums of floats depend on it.
        rows = [row for part in zip(*gathered, strict=True) for row in part]
        names = dict.fromkeys(name for row in rows for name in row)
        having = {name: [row[name] for row in rows if name in row] for name in names}
        return {name: sum(values) / len(values) for name, values in having.items()}


def current_group() -> Group:
    """The group that `joined` is inside of, or this process alone."""
    if not distributed.is_initialized():
        return Group()
    return Group(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Inside, this process is one of those that torchrun started, if it did. Gives the device that is its own."""
    if "RANK" not in os.environ or not distributed.is_available():
        yield device
        return
    cuda = device.startswith("cuda")
    if cuda:
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield device
    finally:
        distributed.destroy_process_group()
