"""A microphone and a loudspeaker that exist only here, and the instant at which each sample passes them.

A PulseAudio server of our own has them. The microphone is a pipe: a process of its own writes 16-bit sound into it, a
block of 10 ms at a time, each when the clock (CLOCK_MONOTONIC) says that its last sample is over, as a sound card hands
blocks over. So sample n entered at began + n / RATE, exactly.

The loudspeaker is PulseAudio's null sink, whose clock is the same. It wakes when all that it has was played, and then
renders what comes next: what its monitor gives first after a pause is heard at that instant, to the half millisecond
that it takes to get here.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.resample import Resampler

RATE = 48000
BLOCK = RATE // 100
PAUSE_NS = 2_000_000


@contextmanager
def virtual_microphone(wav: Path) -> Iterator[Spoken]:
    """Inside, the default microphone of processes that are started hears `wav` again and again, beginning now.

    Raises VoxmeshError where there is no PulseAudio.
    """
    sound = as_written(wav)
    sound = sound[: len(sound) // BLOCK * BLOCK]
    with pulse_audio("module-pipe-source source_name=vmic file={pipe}") as pipe, _process(write, pipe, sound) as told:
        yield Spoken(sound, told.recv())


@contextmanager
def virtual_loudspeaker() -> Iterator[Callable[[], Played]]:
    """Inside, what is played through the default loudspeaker is kept; the call that is given ends it and returns it.

    Raises VoxmeshError where there is no PulseAudio.
    """
    with pulse_audio("module-null-sink sink_name=vspk norewinds=1"), _process(take) as told:
        told.recv()

        def played() -> Played:
            told.send(None)
            return told.recv()

        yield played


@contextmanager
def pulse_audio(device: str) -> Iterator[Path]:
    """A server whose one device is that module; yields what its {pipe} is. The environment leads to it meanwhile."""
    if shutil.which("pulseaudio") is None:
        raise VoxmeshError("virtual sound needs: apt-get install pulseaudio pulseaudio-utils libasound2-plugins")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="voxmesh-pulse-", ignore_cleanup_errors=True))
        home = Path(folder)
        (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        own = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_SERVER": f"unix:{folder}/pulse.sock"}
        stack.callback(_restore, {name: os.environ.get(name) for name in own})
        os.environ.update(own)
        modules = (
            f"module-native-protocol-unix socket={folder}/pulse.sock auth-anonymous=1",
            f"{device.format(pipe=f'{folder}/pipe')} format=s16le rate={RATE} channels=1",
        )
        loads = [word for line in modules for word in ("-L", line)]
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error")
        server = subprocess.Popen(["pulseaudio", *options, *loads])
        stack.callback(_end, server)
        until = time.monotonic() + 60
        while subprocess.run(["pactl", "info"], capture_output=True).returncode:
            if server.poll() is not None or time.monotonic() > until:
                raise VoxmeshError("PulseAudio did not start")
            time.sleep(0.05)
        yield home / "pipe"


@contextmanager
def _process(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """A process of its own while inside; the last of its arguments is the other end of what is yielded."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(*arguments, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.terminate()
        process.join()


class Spoken:
    """What a virtual microphone hears, and when. sound: (N,) int16 that goes round. began: of its first sample, ns."""

    def __init__(self, sound: np.ndarray, began: int) -> None:
        self.sound, self.began = sound, began

    def entered(self, heard: np.ndarray, by_ns: int) -> int:
        """When the first of the samples `heard` (n,) float32 entered the microphone, monotonic ns.

        by_ns: when they were in hand. Where the sound goes round, the latest instant that is not after that.
        Raises VoxmeshError when this is not what was written.
        """
        wanted = np.zeros(len(self.sound))
        wanted[: len(heard)] = heard
        # Circular cross-correlation: how well it fits at each place.
        fit = np.fft.irfft(np.fft.rfft(self.sound / 32768) * np.conj(np.fft.rfft(wanted)), len(wanted))
        place = int(fit.argmax())
        written = np.take(self.sound, np.arange(place, place + len(heard)), mode="wrap") / 32768
        if not np.allclose(heard, written, atol=2e-4):
            raise VoxmeshError("the virtual microphone was not heard as it was written: sound was lost on the way")
        most = (by_ns - self.began) * RATE // 1_000_000_000 - len(heard)
        rounds = (most - place) // len(self.sound)
        return self.began + (place + rounds * len(self.sound)) * 1_000_000_000 // RATE


def as_written(wav: Path) -> np.ndarray:
    """(N,) int16 at RATE."""
    with AudioFile(wav) as file:
        resampler = Resampler(file.rate, RATE)
        sound = np.concatenate([resampler.push(block) for block in file.blocks()])
    return np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)


@dataclass(frozen=True)
class Played:
    """What a loudspeaker played. sound: (N,) int16. began: when the first sample was heard, monotonic ns."""

    sound: np.ndarray
    began: int


def write(path: Path, sound: np.ndarray, told: Connection) -> None:
    """The microphone's card: says when it begins, and writes each block when it is over, until it is ended."""
    blocks = sound.astype("<i2").reshape(-1, BLOCK)
    with path.open("wb", buffering=0) as pipe:
        began = time.monotonic_ns()
        told.send(began)
        for index in itertools.count():
            while (wait := began + (index + 1) * BLOCK * 1_000_000_000 // RATE - time.monotonic_ns()) > 0:
                time.sleep(wait / 1e9)
            pipe.write(blocks[index % len(blocks)].tobytes())


def take(told: Connection) -> None:
    """Hears the loudspeaker until it is told to stop; sends Played."""
    words = ["parec", "--device=vspk.monitor", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]
    blocks, began, before, count = [], [], 0, 0
    with subprocess.Popen([*words, "--latency-msec=5"], stdout=subprocess.PIPE) as recorder:
        assert recorder.stdout is not None
        told.send(None)
        while not told.poll():
            data = os.read(recorder.stdout.fileno(), 1 << 16)
            now = time.monotonic_ns()
            if now - before > PAUSE_NS:
                began.append(now - count * 1_000_000_000 // (2 * RATE))
            blocks.append(data)
            before, count = now, count + len(data)
        recorder.terminate()
    # What came the quickest way tells the time best.
    told.send(Played(np.frombuffer(b"".join(blocks), "<i2"), int(np.percentile(began[1:], 5))))


def _end(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait()


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
