"""A microphone where there is none: a PulseAudio of our own, whose microphone `vmic` hears its loudspeaker `vspk`.

Programs find it by the environment `env`, as the ALSA devices `default` and `pulse`. Killing the server is an unplugged
device; starting it again, one that is plugged in.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType


class VirtualMicrophone:
    """Use as a context manager. folder: is made, and holds its socket and settings."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._socket = folder / "pulse.sock"
        home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.env = {**os.environ, **home, "PULSE_SERVER": f"unix:{self._socket}"}
        (folder / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        self._server: subprocess.Popen[bytes] | None = None
        self.plug_in()

    def plug_in(self, name: str = "vmic", rate: int = 48000) -> None:
        """Start the server, with a microphone of that name. Returns once it answers; RuntimeError when it does not."""
        modules = (
            f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
            # Without norewinds the first 1.4 s are garbled.
            f"module-null-sink sink_name=vspk rate={rate} channels=1 norewinds=1",
            f"module-remap-source master=vspk.monitor source_name={name}",
        )
        loads = [word for line in modules for word in ("-L", line)]
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error")
        self._server = subprocess.Popen(["pulseaudio", *options, *loads], env=self.env)
        until = time.monotonic() + 30
        while subprocess.run(["pactl", "info"], env=self.env, capture_output=True).returncode:
            if time.monotonic() > until or self._server.poll() is not None:
                raise RuntimeError("pulseaudio does not start")
            time.sleep(0.1)
        self.control("set-default-source", name)
        self.control("set-default-sink", "vspk")

    def unplug(self) -> None:
        """Kill the server."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def freeze(self) -> None:
        """The device hangs: it gives nothing and answers nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def control(self, *words: str) -> str:
        """What `pactl` says to it."""
        return subprocess.run(["pactl", *words], env=self.env, check=True, capture_output=True, text=True).stdout

    def play(self, wav: Path) -> subprocess.Popen[bytes]:
        """Say a file into the microphone."""
        return subprocess.Popen(["paplay", "--latency-msec=20", "--device=vspk", str(wav)], env=self.env)

    def __enter__(self) -> VirtualMicrophone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()
