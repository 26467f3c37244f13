"""Networks out of a bundle."""

import pytest

from voxmesh.export.parity import check_parity
from voxmesh.model.from_bundle import step_of
from voxmesh.stream.bundle import load
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
