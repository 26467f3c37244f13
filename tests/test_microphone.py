"""The microphone: which one, what it hears, and what happens when it goes away."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import zmq
from conftest import command, voice

from voxmesh.stream import microphone as module
from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.microphone import QUEUE_CHUNKS, InputDevice, Microphone, capture_age_ns, choose

USB = InputDevice(2, "USB Audio", "ALSA", 1, 48000, False)
BUILT_IN = InputDevice(0, "Built-in Audio", "ALSA", 2, 44100, True)
SAME_ELSEWHERE = InputDevice(7, "USB Audio", "JACK", 1, 48000, False)


def test_devices_are_chosen_by_number_or_part_of_a_name() -> None:
    """The default without a wish; the default's host API where a name appears twice."""
    present = [BUILT_IN, USB, SAME_ELSEWHERE]
    assert choose(present, None) == BUILT_IN
    assert choose(present, "2") == USB and choose(present, "7") == SAME_ELSEWHERE
    assert choose(present, "usb") == USB and choose(present, "Built") == BUILT_IN
    assert choose([USB], None) == USB


@pytest.mark.parametrize(
    ("present", "wanted", "words"),
    [([], None, "plug one in"), ([USB], "webcam", "no microphone"), ([USB], "5", "no microphone")],
)
def test_a_microphone_that_is_not_there(present: list[InputDevice], wanted: str | None, words: str) -> None:
    """Says so, and what to do."""
    with pytest.raises(VoxmeshError, match=words):
        choose(present, wanted)


def test_a_name_that_fits_two_asks_for_the_number() -> None:
    """Both are named."""
    with pytest.raises(VoxmeshError, match=r"0 .* 2 .*number"):
        choose([BUILT_IN, USB], "audio")


def test_capture_times_are_believed_when_they_can_be() -> None:
    """The host's time; where it gives none, or nonsense, the length of the block."""
    assert capture_age_ns(10.050, 10.000, 480, 48000) == pytest.approx(50_000_000, abs=1000)
    for adc in (0.0, 10.2, 10.045, -1.0, 3.0):
        assert capture_age_ns(10.050, adc, 480, 48000) == 10_000_000


class FakePortAudio:
    """PortAudio with one microphone, which can be unplugged; `play` is its driver."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.plugged, self.callback = True, None
        self.default = SimpleNamespace(device=(0, 0))

    def query_hostapis(self) -> list[dict]:
        return [{"name": "Fake"}]

    def query_devices(self) -> list[dict]:
        device = {"name": "Fake mic", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 48000.0}
        return [device] if self.plugged else []

    def InputStream(self, *, channels: int, callback: Callable, **_: object) -> SimpleNamespace:
        if channels == 1:
            raise self.PortAudioError("Invalid number of channels")
        self.callback = callback
        return SimpleNamespace(start=lambda: None, close=lambda ignore_errors: None)

    def _terminate(self) -> None: ...

    _initialize = _terminate

    def play(self, frames: int = 480, overflow: bool = False) -> None:
        when = SimpleNamespace(currentTime=5.0, inputBufferAdcTime=4.98)
        self.callback(np.ones((frames, 2), np.float32), frames, when, SimpleNamespace(input_overflow=overflow))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    portaudio = FakePortAudio()
    monkeypatch.setattr(module, "portaudio", lambda: portaudio)
    return portaudio


def test_a_microphone_without_mono_is_opened_in_stereo(fake: FakePortAudio) -> None:
    """Chunks carry absolute indices and capture times."""
    microphone, before = Microphone(), time.monotonic_ns()
    fake.play()
    fake.play()
    source = microphone.chunks()
    first, second = next(source), next(source)
    assert (first.start, second.start, first.samples.shape) == (0, 480, (480, 2))
    assert abs(first.captured_ns - (before - 20_000_000)) < 50_000_000


def test_a_full_queue_drops_and_counts(fake: FakePortAudio) -> None:
    """When nobody reads for more than 2 s sound is dropped; the indices show the gap."""
    microphone = Microphone()
    for _ in range(QUEUE_CHUNKS + 3):
        fake.play(overflow=True)
    assert microphone.dropped_samples == 3 * 480 and microphone.overflows == QUEUE_CHUNKS + 3
    source = microphone.chunks()
    heard = [next(source) for _ in range(QUEUE_CHUNKS)]
    fake.play()
    assert next(source).start == heard[-1].start + 480 + 3 * 480


def test_an_unplugged_microphone_is_silence_until_it_is_back(
    fake: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence goes on at the wall clock's pace with no hole in the indices, and is counted as lost."""
    monkeypatch.setattr(module, "LOST_AFTER_S", 0.2)
    said: list[str] = []
    microphone = Microphone(warn=said.append)
    fake.play()
    source = microphone.chunks()
    chunks = [next(source)]
    fake.plugged = False
    began = time.monotonic()
    threading.Timer(1.5, lambda: setattr(fake, "plugged", True)).start()
    while len(said) < 2:
        chunks.append(next(source))
    away = time.monotonic() - began
    fake.play()
    while not chunks[-1] or not chunks[-1].samples.any():
        chunks.append(next(source))
    heard = [chunk for chunk in chunks if chunk]
    assert "does not answer" in said[0] and "is back" in said[1]
    assert [c.start for c in heard] == np.cumsum([0, *(len(c.samples) for c in heard[:-1])]).tolist()
    assert microphone.dropped_samples == sum(len(c.samples) for c in heard) - 2 * 480
    assert abs(microphone.dropped_samples / 48000 - away) < 0.3


def test_no_portaudio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """sounddevice raises OSError when the library is not there."""
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(VoxmeshError, match="PortAudio library is not installed"):
        module.devices()


def test_speech_into_a_virtual_microphone_is_what_animate_makes(
    tmp_path: Path, tiny_bundle: Path, virtual: dict[str, str], subscribe: Callable[..., zmq.Socket]
) -> None:
    """A .wav is played to a loudspeaker, live hears it, and its frames equal animate's on the recording, to the bit."""
    soundfile.write(tmp_path / "say.wav", voice(2.0, 48000), 48000)
    listed = subprocess.run(command("devices"), env=virtual, capture_output=True, text=True, timeout=30)
    assert listed.returncode == 0 and "pulse" in listed.stdout, listed
    arguments = ("--mic", "pulse", "--rate", 48000, "--seconds", 4, "--record", "heard.wav", "--wait", 30)
    arguments += ("--stale", 600_000)
    options = ("--bundle", tiny_bundle, "--seed", 11)
    live = subprocess.Popen(
        command("live", "--listen", "tcp://127.0.0.1:*", *arguments, *options),
        env=virtual,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        endpoint = "tcp://" + live.stdout.readline().split("tcp://")[1].split(",")[0]
        socket, frames = subscribe(endpoint), []
        player = None
        while not isinstance(message := wire.unpack(socket.recv()), wire.ByeMessage):
            if isinstance(message, wire.FrameMessage):
                frames.append(message)
            if player is None and len(frames) > 20:
                player = subprocess.Popen(
                    ["paplay", "--latency-msec=20", "--device=vspk", "say.wav"], env=virtual, cwd=tmp_path
                )
        player.wait(10)
        _, errors = live.communicate(timeout=20)
    finally:
        live.kill()
    assert live.returncode == 0, errors
    heard, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert (rate, len(heard)) == (48000, 4 * 48000)
    assert_hears(heard, soundfile.read(tmp_path / "say.wav", dtype="float32")[0])
    result = subprocess.run(command("animate", "heard.wav", "-o", "a.npz", *options), cwd=tmp_path, timeout=60)
    assert result.returncode == 0
    with np.load(tmp_path / "a.npz") as npz:
        assert [f.index for f in frames] == list(range(240))
        assert [f.sample for f in frames] == npz["audio_sample"].tolist()
        np.testing.assert_array_equal(np.stack([f.vertices for f in frames]), npz["vertices"])
    # PulseAudio's buffers come on top of the look-ahead: still a conversation's latency (ITU-T G.114: 150 ms).
    latency_ms = np.array([f.published_ns - f.captured_ns for f in frames]) / 1e6
    assert 80 < np.median(latency_ms) < 250


def assert_hears(heard: np.ndarray, said: np.ndarray) -> None:
    """`said` is in `heard`, sample for sample (to 16 bits)."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(said))))
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    start = int(match[: len(heard)].argmax())
    part = heard[start : start + len(said)]
    assert len(part) == len(said), "the recording ends inside the sentence"
    assert np.abs(part - said).max() < 2e-3
