"""VMC: what python-osc's own server hears, and what VRM's vowels make of ARKit's weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from voxmesh.stream import vmc
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.types import Frame
from voxmesh.stream.udp import Target
from voxmesh.stream.vowels import VRM0, VRM1, VrmShapes

FRAME = Frame(0, 0, 0, np.zeros((1, 3), np.float32), np.zeros(1, np.int64))


def weights(**shapes: float) -> np.ndarray:
    """(52,) with these set; a shape named without its side is set on both."""
    row = np.zeros(52, np.float32)
    for shape, value in shapes.items():
        for name in (shape, f"{shape}Left", f"{shape}Right"):
            if name in ARKIT_NAMES:
                row[ARKIT_NAMES.index(name)] = value
    return row


@pytest.mark.parametrize("shapes", vmc.SETS)
def test_an_osc_server_hears_every_shape(shapes: str) -> None:
    """By name and to the float, once each, Apply after all of them, in datagrams that no network cuts."""
    heard: list[tuple[Any, ...]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: heard.append((address, *arguments)))
    sent = np.random.default_rng(0).random(52).astype(np.float32)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        server.timeout = 5
        sender = vmc.VmcSender(Target(*server.server_address), shapes)
        sender.send(FRAME, sent)
        while heard[-1:] != [("/VMC/Ext/Blend/Apply",)]:
            before = len(heard)
            server.handle_request()
            assert len(heard) > before, "nothing came"
        sender.close()
    values = {name: value for address, name, value in heard[:-1]}
    assert {address for address, *_ in heard[:-1]} == {"/VMC/Ext/Blend/Val"}
    assert tuple(name for _, name, _ in heard[:-1]) == vmc.names(shapes)
    if shapes != "vrm":
        assert [values[name] for name in ARKIT_NAMES] == sent.tolist()
    if shapes != "arkit":
        vrm = VrmShapes()(sent).tolist()
        assert [values[name] for name in VRM0] == [values[name] for name in VRM1] == vrm


def test_a_bundle_is_this_to_the_byte() -> None:
    """OSC 1.0: '#bundle', the time tag 'immediately', then sizes and messages, padded to four bytes."""
    value = b"/VMC/Ext/Blend/Val\0\0" + b",sf\0" + b"A\0\0\0" + b"\x3f\0\0\0"
    apply = b"/VMC/Ext/Blend/Apply\0\0\0\0" + b",\0\0\0"
    head = b"#bundle\0" + b"\0\0\0\0\0\0\0\1"
    assert vmc.encode(["A"], np.array([0.5])) == [head + b"\0\0\0\x20" + value + b"\0\0\0\x1c" + apply]
    assert max(map(len, vmc.encode(vmc.names("all"), np.zeros(68)))) <= vmc.LARGEST


@pytest.mark.parametrize(
    ("vowel", "shapes"),
    [
        ("A", {"jawOpen": 0.4, "mouthLowerDown": 0.26, "mouthUpperUp": 0.12}),
        ("I", {"jawOpen": 0.09, "mouthStretch": 0.32, "mouthSmile": 0.26, "mouthLowerDown": 0.24}),
        ("U", {"jawOpen": 0.08, "mouthPucker": 0.7, "mouthFunnel": 0.28}),
        ("E", {"jawOpen": 0.26, "mouthStretch": 0.2, "mouthSmile": 0.1, "mouthLowerDown": 0.26, "mouthUpperUp": 0.14}),
        ("O", {"jawOpen": 0.31, "mouthFunnel": 0.38, "mouthPucker": 0.18, "mouthLowerDown": 0.16}),
    ],
)
def test_each_vowel_is_heard_as_itself(vowel: str, shapes: dict[str, float]) -> None:
    """As people speak it, which is less than an artist draws: it leads by far, and the mouth is one."""
    values = dict(zip(VRM0, VrmShapes()(weights(**shapes)), strict=True))
    others = [values[name] for name in "AIUEO" if name != vowel]
    assert values[vowel] > 0.5 and values[vowel] > 3 * max(others) and sum(others) + values[vowel] <= 1.0 + 1e-6


def test_shut_lips_say_nothing() -> None:
    """Neither at rest, nor over a lowered jaw, nor with only the brows and eyes at work."""
    vrm = VrmShapes()
    for row in (weights(), weights(jawOpen=0.3, mouthClose=0.3), weights(browInnerUp=1.0, eyeWide=1.0)):
        assert not vrm(row).any()
    assert VrmShapes()(np.ones(52, np.float32))[:5].sum() <= 1.0 + 1e-6


def test_blinks_are_not_counted_twice() -> None:
    """Blink is what both eyes share, Blink_L and Blink_R what one has more: their sum is that eye's weight."""
    vrm = VrmShapes()
    np.testing.assert_allclose(vrm(weights(eyeBlinkLeft=1.0, eyeBlinkRight=0.25))[5:], (0.25, 0.75, 0.0))
    np.testing.assert_allclose(vrm(weights(eyeBlink=0.8))[5:], (0.8, 0.0, 0.0))
