"""The benchmarks of the hot path and of throughput: what they compare is the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parent.parent


def test_the_old_form_of_the_step_computes_what_the_new_does() -> None:
    """Else the ratio would be of different networks."""
    from hot_path import Convolutions, full_size_step

    step = full_size_step(50, np.arange(50) < 30)
    old, rng = Convolutions(step), torch.Generator().manual_seed(0)
    states, old_states = list(step.initial().values()), old.initial()
    face = (torch.randn(1, 50, 3, generator=rng), torch.eye(step.config.basis)[None])
    width = step.config.features.hops_per_frame * step.config.features.mels
    with torch.inference_mode():
        for _ in range(20):
            frame = (torch.randn(1, width, generator=rng) * 3, torch.randn(1, 12, 64, generator=rng), *face)
            vertices, labels, *states = step(*frame, *states)
            old_vertices, old_labels, *old_states = old(*frame, *old_states)
            assert torch.equal(labels[0], old_labels)
            torch.testing.assert_close(vertices, old_vertices, rtol=1e-4, atol=1e-5)


def test_throughput_counts_every_frame(tiny_bundle: Path) -> None:
    """Batched or a process each, all sessions' frames are made; the last line is one JSON object."""
    command = [sys.executable, "benchmarks/throughput.py", "--bundle", str(tiny_bundle)]
    command += ["--cores", str(min(os.sched_getaffinity(0)))]
    command += ["--fps", "60", "--seconds", "1", "--sessions", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout.splitlines()[-1])["rows"]
    assert [row["batched"] for row in rows] == [True, False]
    for row in rows:
        # The look-ahead's frames are counted in the warm-up's place.
        assert 110 <= row["tried"]["2"]["frames"] <= 120 and row["cpu_ms"] > 0
