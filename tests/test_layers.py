"""The causal layers: streamed and whole are the same numbers."""

from __future__ import annotations

import pytest
import torch

from voxmesh.model.layers import CausalStack


@pytest.mark.parametrize("chunks", [[1] * 50, [50], [3, 7, 1, 39], [25, 25]])
def test_a_stack_streams_what_it_computes_whole(chunks: list[int]) -> None:
    """Cutting a sequence anywhere and handing the past along gives the whole sequence's output."""
    torch.manual_seed(0)
    stack = CausalStack(8, 3, (1, 2, 8)).eval()
    x = torch.randn(2, 8, 50)
    whole, _ = stack(x, stack.initial(2))
    parts, pasts = [], stack.initial(2)
    for part in x.split(chunks, dim=2):
        y, pasts = stack(part, pasts)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 2), whole, rtol=1e-5, atol=1e-5)


def test_a_past_can_be_kept_and_returned_to() -> None:
    """Stepping does not change the past it was given: a snapshot replays to the same output."""
    torch.manual_seed(0)
    stack = CausalStack(4, 2, (1, 4)).eval()
    _, pasts = stack(torch.randn(1, 4, 9), stack.initial(1))
    kept = [past.clone() for past in pasts]
    x = torch.randn(1, 4, 1)
    first, _ = stack(x, pasts)
    again, _ = stack(x, kept)
    assert torch.equal(first, again)


@pytest.mark.parametrize(("kernel", "dilations"), [(3, (1, 2, 8)), (2, (1, 2, 4)), (4, (3,))])
def test_single_steps_compute_what_the_whole_does(kernel: int, dilations: tuple[int, ...]) -> None:
    """`step` over the delay line is `forward` over the sequence, for several streams at once."""
    torch.manual_seed(0)
    stack = CausalStack(8, kernel, dilations).eval()
    x = torch.randn(3, 8, 40)
    whole, _ = stack(x, stack.initial(3))
    line, steps = stack.line(3), []
    for row in x.unbind(2):
        y, line = stack.step(row, line)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps, 2), whole, rtol=1e-5, atol=1e-5)
