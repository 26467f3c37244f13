"""What the picture of the styles shows."""

from __future__ import annotations

import numpy as np

from mouth import Motion
from styles import choose_instants


def motion(aperture: np.ndarray, lids_mm: np.ndarray) -> Motion:
    """Of a mouth that is as wide as it is shut, and protruded nowhere."""
    still = np.zeros(len(aperture))
    return Motion(60.0, aperture, 1.0 - aperture, still, still, still[3:], lids_mm)


def test_the_instants_are_open_eyed_in_every_style() -> None:
    """The most open, most shut and widest moments of the neutral speech are chosen where no style blinks."""
    speech = 0.3 * np.sin(np.linspace(0.0, 6.0 * np.pi, 180)) ** 2
    aperture = np.concatenate([np.zeros(30), speech, np.zeros(60)])
    awake, blinking = np.full(270, 10.0), np.full(270, 10.0)
    peak = int(np.argmax(aperture))
    blinking[peak - 8 : peak + 9] = 2.0
    at = choose_instants({"neutral": motion(aperture, awake), "sad": motion(aperture, blinking)})
    assert all(blinking[frame] == 10.0 for frame in at.values())
    assert aperture[at["open"]] > 0.29 and aperture[at["closed"]] < 0.01 < aperture[at["spread"]]
    assert 30 < at["closed"] < 210 and aperture[at["rest"]] == 0.0
