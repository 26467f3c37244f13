"""Networks out of a bundle."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from voxmesh.export.parity import check_parity
from voxmesh.model.checkpoint import Run
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import fit_face_basis
from voxmesh.model.from_bundle import seed_run, step_of
from voxmesh.model.step import Live, Step
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.errors import VoxmeshError


def test_the_shipped_networks_come_back_whole():
    """The step out of the shipped bundle gives the bundle's labels and vertices over a random stream."""
    bundle = load()
    parity = check_parity(step_of(bundle), bundle, frames=40)
    assert parity.differing_labels == 0


def test_a_bundle_without_torchscript_says_so():
    """A bundle whose weights have lost their names is refused with what to do."""
    with pytest.raises(VoxmeshError, match="torchscript"):
        step_of(load("instant"))


def test_a_seeded_run_starts_as_the_bundle(tiny: Bundle, tmp_path: Path):
    """Seeded from a bundle, a run of styles over another face basis gives its labels and vertices at first."""
    torch.manual_seed(0)
    old = step_of(tiny)
    config = replace(old.config, style_dims=5, basis=16)
    templates = [topology.template for topology in tiny.topologies]
    face, _ = fit_face_basis(config, templates, [tiny.deltas] * 3, np.eye(52) * 0.1, np.ones(len(templates[0])))
    run = Run(tmp_path)
    run.create(config)
    run.save("face", face)
    seed_run(run, tiny)
    live, decoder = Live(config), Decoder(config)
    assert run.load_seed("live", live) and run.load_seed("decoder", decoder)
    new = Step(config, live, decoder, run.load_face()).eval()
    template = torch.from_numpy(templates[0])[None]
    inputs, states = new.examples(1), [list(step.initial().values()) for step in (old, new)]
    for _ in range(12):
        given = [torch.randn_like(inputs["features"]), torch.randn_like(inputs["noise"]), template]
        was, was_labels, *states[0] = old(*given, torch.eye(old.config.basis)[None], *states[0])
        now, labels, *states[1] = new(*given, torch.eye(config.basis)[None], inputs["style"], *states[1])
        assert torch.equal(labels, was_labels)
        torch.testing.assert_close(now, was, atol=5e-5, rtol=0)  # the bundle rounded its basis
