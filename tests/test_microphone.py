"""The microphone: which one, what it hears, and what happens when it goes away."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import zmq
from conftest import command, voice

from virtual_microphone import VirtualMicrophone
from voxmesh.stream import microphone as module
from voxmesh.stream import wire
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.microphone import QUEUE_CHUNKS, InputDevice, Microphone, capture_age_ns, choose
from voxmesh.stream.types import AudioChunk

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


class FakeStream:
    """What InputStream gives; `is_there` tells whether its device still is."""

    def __init__(self, is_there: Callable[[], bool]) -> None:
        self._is_there = is_there

    @property
    def active(self) -> bool:
        return self._is_there()

    def start(self) -> None: ...

    def close(self, ignore_errors: bool) -> None: ...


class FakePortAudio:
    """PortAudio with microphones that can be unplugged or taken; `play` is the driver of the one that is open."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.default = SimpleNamespace(device=(0, 0))
        self.plugged = {"Fake mic": 48000}  # name -> the only rate that it has
        self.taken = False
        self.callback: Callable | None = None
        self.opened: list[tuple[str, int]] = []
        self._next_ns: int | None = None
        self._stopped_ns: int | None = None

    def query_hostapis(self) -> list[dict]:
        return [{"name": "Fake"}]

    def query_devices(self) -> list[dict]:
        return [
            {"name": name, "hostapi": 0, "max_input_channels": 2, "default_samplerate": float(rate)}
            for name, rate in self.plugged.items()
        ]

    def InputStream(
        self, *, channels: int, callback: Callable, device: int, samplerate: int, **_: object
    ) -> SimpleNamespace:
        name, rate = list(self.plugged.items())[device]
        if channels == 1:
            raise self.PortAudioError("Invalid number of channels")
        if self.taken:
            raise self.PortAudioError("Device unavailable")
        if samplerate != rate:
            raise self.PortAudioError("Invalid sample rate")
        self.callback = callback
        self.opened.append((name, rate))
        return FakeStream(lambda: name in self.plugged)

    def _terminate(self) -> None: ...

    _initialize = _terminate

    def play(self, frames: int = 480, overflow: bool = False, now: bool = False) -> None:
        """One block of ones, captured right after the one before, the first 4 s ago; or `now`, 20 ms ago."""
        if now or self._next_ns is None:
            self._next_ns = time.monotonic_ns() - (20_000_000 if now else 4_000_000_000)
        captured_ns, self._next_ns = self._next_ns, self._next_ns + frames * 1_000_000_000 // 48000
        self._stopped_ns = time.monotonic_ns()
        when = SimpleNamespace(currentTime=50.0, inputBufferAdcTime=50.0 - (self._stopped_ns - captured_ns) / 1e9)
        self.callback(np.ones((frames, 2), np.float32), frames, when, SimpleNamespace(input_overflow=overflow))
        self._stopped_ns = None

    def now_ns(self) -> int:
        """The wall clock, which stands still while the callback is called."""
        return self._stopped_ns or time.monotonic_ns()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    portaudio = FakePortAudio()
    monkeypatch.setattr(module, "portaudio", lambda: portaudio)
    for name in ("QUIET_S", "WAIT_S", "REOPEN_S"):
        monkeypatch.setattr(module, name, 0.05)
    return portaudio


def test_a_microphone_without_mono_is_opened_in_stereo(fake: FakePortAudio) -> None:
    """Chunks carry absolute indices and capture times."""
    source = Microphone(now_ns=fake.now_ns).chunks()
    fake.play()
    began = fake._next_ns - 10_000_000
    fake.play()
    first, second = next(source), next(source)
    assert (first.start, second.start, first.samples.shape) == (0, 480, (480, 2))
    assert abs(first.captured_ns - began) < 1_000_000


def test_a_full_queue_drops_and_counts(fake: FakePortAudio) -> None:
    """When nobody reads for more than 2 s sound is dropped; the indices show the gap."""
    microphone = Microphone(now_ns=fake.now_ns)
    for _ in range(QUEUE_CHUNKS + 7):
        fake.play()
    source = microphone.chunks()  # what came before is not heard, and not lost
    assert microphone.dropped_samples == 0
    for _ in range(QUEUE_CHUNKS + 3):
        fake.play(overflow=True)
    assert microphone.dropped_samples == 3 * 480 and microphone.overflows == QUEUE_CHUNKS + 3
    heard = [next(source) for _ in range(QUEUE_CHUNKS)]
    fake.play()
    assert next(source).start == heard[-1].start + 480 + 3 * 480
    assert microphone.dropped_samples == 3 * 480


def hear(source: Iterator[AudioChunk | None], until: Callable[[list[AudioChunk]], bool]) -> list[AudioChunk]:
    """Chunks until `until` says so; fails after a minute."""
    chunks: list[AudioChunk] = []
    give_up = time.monotonic() + 60
    while not until(chunks):
        assert time.monotonic() < give_up, "nothing came"
        chunk = next(source)
        if chunk is not None and len(chunk.samples):
            chunks.append(chunk)
    return chunks


def sounds(chunks: list[AudioChunk]) -> bool:
    return bool(chunks) and bool(chunks[-1].samples.any())


def unplugged_and_back(microphone: Microphone, fake: FakePortAudio, back: dict[str, int]) -> list[AudioChunk]:
    """Hear something, lose all devices, hear silence, get those of `back`, hear something."""
    source, opened = microphone.chunks(), len(fake.opened)
    fake.play(now=True)
    fake.plugged = {}
    chunks = hear(source, sounds)
    chunks += hear(source, lambda more: len(more) >= 3)
    fake.plugged, fake.taken = back, False
    chunks += hear(source, lambda more: len(fake.opened) > opened)
    time.sleep(0.05)  # the thread has opened it; it may still be about to leave
    chunks += hear(source, lambda more: bool(more))

    def played(more: list[AudioChunk]) -> bool:
        fake.play(now=True)
        return sounds(more)

    return chunks + hear(source, played)


def assert_accounted(chunks: list[AudioChunk], microphone: Microphone) -> None:
    """Every index at most once, in order; every one without sound is counted, as silence or as a hole."""
    ends = [c.start + len(c.samples) for c in chunks]
    assert all(c.start >= end for c, end in zip(chunks[1:], ends, strict=False))
    assert microphone.dropped_samples == ends[-1] - sum(len(c.samples) for c in chunks if c.samples.any()) > 0


def test_an_unplugged_microphone_is_silence_until_it_is_back(fake: FakePortAudio) -> None:
    """Silence goes on at the wall clock's pace, and is counted as lost."""
    said: list[str] = []
    microphone = Microphone(warn=said.append, now_ns=fake.now_ns)
    chunks = unplugged_and_back(microphone, fake, {"Fake mic": 48000})
    assert "does not answer" in said[0] and "is back" in said[1] and len(said) == 2
    assert_accounted(chunks, microphone)
    # The wall clock's pace: the last sample of silence was due when it was heard.
    silence = [c for c in chunks if not c.samples.any()]
    span_ns = silence[-1].captured_ns - silence[0].captured_ns
    assert abs((silence[-1].start - silence[0].start) * 1e9 / 48000 - span_ns) < 1e6
    microphone.close()


def test_a_microphone_that_another_program_takes_is_asked_again(fake: FakePortAudio) -> None:
    """It cannot be opened for a while; once it can it is."""
    microphone = Microphone(now_ns=fake.now_ns)
    fake.taken = True
    chunks = unplugged_and_back(microphone, fake, {"Fake mic": 48000})
    assert_accounted(chunks, microphone)
    assert len(fake.opened) >= 2
    microphone.close()


def test_a_microphone_that_comes_back_at_another_rate_is_resampled(fake: FakePortAudio) -> None:
    """The stream keeps the rate that it began with; so do its indices."""
    microphone = Microphone(now_ns=fake.now_ns)
    chunks = unplugged_and_back(microphone, fake, {"Fake mic": 16000})
    assert_accounted(chunks, microphone)
    assert fake.opened[-1] == ("Fake mic", 16000) and microphone.rate == 48000
    assert 1300 < len(chunks[-1].samples) <= 1440
    microphone.close()


@pytest.mark.parametrize("wanted", [None, "fake mic"])
def test_the_default_microphone_may_become_another(fake: FakePortAudio, wanted: str | None) -> None:
    """Who wished for none gets the one that is the default now; who named one waits for it."""
    microphone = Microphone(wanted, now_ns=fake.now_ns)
    both = {"Other mic": 48000, "Fake mic": 48000}
    assert_accounted(unplugged_and_back(microphone, fake, {"Other mic": 48000} if wanted is None else both), microphone)
    assert microphone.name == fake.opened[-1][0] == ("Other mic" if wanted is None else "Fake mic")
    microphone.close()


def test_a_device_that_hangs_does_not_hold_up_the_end(fake: FakePortAudio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its close blocks: `close` returns all the same, and leaves it behind."""
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    hung, left = threading.Event(), []
    microphone = Microphone(now_ns=fake.now_ns)
    microphone._stream.close = lambda ignore_errors: hung.wait(60)
    fake._exit_handler = lambda: None
    monkeypatch.setattr(module.atexit, "unregister", left.append)
    microphone.close()
    assert left == [fake._exit_handler]
    hung.set()


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
    listed = subprocess.run(command("devices"), env=virtual, capture_output=True, text=True, timeout=120)
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
    reference_path = tmp_path / "reference.raw"
    words = ("--device=vspk.monitor", "--format=float32le", "--rate=48000", "--channels=1", reference_path)
    recorder = subprocess.Popen(["parec", *words], env=virtual)
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
        _, errors = live.communicate(timeout=120)
    finally:
        live.kill()
        recorder.terminate()
        recorder.wait()
    assert live.returncode == 0, errors
    heard, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert (rate, len(heard)) == (48000, 4 * 48000)
    said, reference = soundfile.read(tmp_path / "say.wav", dtype="float32")[0], np.fromfile(reference_path, "<f4")
    # Where a busy machine makes the sound server itself stutter, another program hears it do so; or sound is lost.
    assert hears(heard, said) or not hears(reference, said) or " lost 0 ms " not in errors.splitlines()[-2]
    result = subprocess.run(command("animate", "heard.wav", "-o", "a.npz", *options), cwd=tmp_path, timeout=60)
    assert result.returncode == 0
    with np.load(tmp_path / "a.npz") as npz:
        assert [f.index for f in frames] == list(range(240))
        assert [f.sample for f in frames] == npz["audio_sample"].tolist()
        np.testing.assert_array_equal(np.stack([f.vertices for f in frames]), npz["vertices"])
    # PulseAudio's buffers come on top of the look-ahead.
    assert np.median([f.published_ns - f.captured_ns for f in frames]) / 1e6 > 80


def test_a_sound_server_that_dies_is_silence_until_it_is_back(
    tmp_path: Path, tiny_bundle: Path, virtual_microphone: VirtualMicrophone, subscribe: Callable[..., zmq.Socket]
) -> None:
    """Killed in the middle and started again: frames go on meanwhile, each once and in order, and sound comes back."""
    options = ("--mic", "pulse", "--rate", 48000, "--stale", 600_000, "--wait", 60, "--log", "json")
    live = subprocess.Popen(
        command("live", "--listen", "tcp://127.0.0.1:*", *options, "--bundle", tiny_bundle),
        env=virtual_microphone.env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        socket = subscribe("tcp://" + live.stdout.readline().split("tcp://")[1].split(",")[0])
        socket.rcvtimeo = 60_000
        indices: list[int] = []

        def frames(count: int) -> None:
            until = len(indices) + count
            while len(indices) < until:
                message = wire.unpack(socket.recv())
                if isinstance(message, wire.FrameMessage):
                    indices.append(message.index)

        frames(30)
        virtual_microphone.unplug()
        frames(90)  # of which most are of silence
        virtual_microphone.plug_in()
        while "is back" not in (line := live.stderr.readline()):
            assert line, "it ended"
        frames(60)
        live.terminate()
        _, errors = live.communicate(timeout=60)
    finally:
        live.kill()
    final = json.loads(errors.splitlines()[-2])
    assert live.returncode == 0 and final["event"] == "status" and final["dropped_ms"] > 500
    assert indices == list(range(len(indices)))


def hears(heard: np.ndarray, said: np.ndarray) -> bool:
    """Whether `said` is in `heard`, sample for sample (to 16 bits)."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(said))))
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    start = int(match[: len(heard)].argmax())
    part = heard[start : start + len(said)]
    return len(part) == len(said) and bool(np.abs(part - said).max() < 2e-3)
