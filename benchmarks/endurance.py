"""Does `voxmesh live` keep up for hours? Every frame once and in order, memory flat, latency steady.

Runs `voxmesh live --wav FILE --loop` in a process of its own, subscribes to it as a viewer does, and compares what
arrives with what the clock says. The last line is JSON:

    python benchmarks/endurance.py --wav speech.wav --seconds 600
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
import zmq

from voxmesh.stream import wire
from voxmesh.stream.clock import FrameClock

WARM_UP_S = 5.0
"""Memory is compared from here on: by then every buffer has its size."""


def start(wav: Path, seconds: float, extra: list[str]) -> tuple[subprocess.Popen[str], str]:
    """The process, and the endpoint that it says it publishes on."""
    live = [sys.executable, "-m", "voxmesh.stream.cli", "live", "--wav", str(wav), "--loop", "--seconds", str(seconds)]
    command = [*live, "--listen", "tcp://127.0.0.1:*", "--wait", "60", *extra]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    words = process.stdout.readline().replace(",", " ").split()
    endpoint = next((word for word in words if word.startswith("tcp://")), None)
    if endpoint is None:
        raise SystemExit(f"voxmesh live did not start (exit code {process.wait()})")
    return process, endpoint


def measure(process: subprocess.Popen[str], endpoint: str, rate: int, seconds: float) -> dict[str, object]:
    """Receive until `bye`."""
    watched = psutil.Process(process.pid)
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.linger, socket.rcvhwm, socket.rcvtimeo = 0, 0, 30_000
    socket.subscribe(b"")
    socket.connect(endpoint)
    clock: FrameClock | None = None
    indices, wrong_samples = [], 0
    memory_mb: list[float] = []
    latency_ms: list[float] = []
    began, looked = time.monotonic(), 0.0
    while True:
        message = wire.unpack(socket.recv())
        now = time.monotonic()
        if isinstance(message, wire.ByeMessage):
            break
        if isinstance(message, wire.TopologyMessage):
            clock = FrameClock(message.sample_rate, message.fps_num, message.fps_den)
            continue
        indices.append(message.index)
        wrong_samples += clock is None or message.sample != clock.sample(message.index)
        latency_ms.append((time.monotonic_ns() - message.captured_ns) / 1e6)
        if now - looked >= 1.0:
            looked = now
            if now - began >= WARM_UP_S:
                memory_mb.append(watched.memory_info().rss / 1e6)
                cpu_s = sum(watched.cpu_times()[:2])
    context.destroy(linger=0)
    assert clock is not None
    steps = np.diff(np.array(indices))
    p50, p95, p99 = np.percentile(latency_ms, (50, 95, 99))
    return {
        "seconds": seconds,
        "frames_expected": clock.frames(-(-round(seconds * rate) * clock.sample_rate // rate)),
        "frames_received": len(indices),
        "gaps": int((steps > 1).sum()) + int(bool(indices) and indices[0] != 0),
        "out_of_order": int((steps < 1).sum()),
        "wrong_sample_indices": wrong_samples,
        "rss_mb_start": round(memory_mb[0], 1) if memory_mb else None,
        "rss_mb_end": round(memory_mb[-1], 1) if memory_mb else None,
        "rss_mb_max": round(max(memory_mb), 1) if memory_mb else None,
        "latency_ms_p50": round(float(p50), 1),
        "latency_ms_p95": round(float(p95), 1),
        "latency_ms_p99": round(float(p99), 1),
        "cpu_percent_of_a_core": round(100 * cpu_s / (now - began), 1) if memory_mb else None,
        "exit_code": process.wait(30),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wav", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("extra", nargs="*", help="more options for `voxmesh live`, after --")
    arguments = parser.parse_args()
    process, endpoint = start(arguments.wav, arguments.seconds, arguments.extra)
    try:
        report = measure(process, endpoint, soundfile.info(str(arguments.wav)).samplerate, arguments.seconds)
    finally:
        process.kill()
    print(json.dumps(report))
    good = report["frames_received"] == report["frames_expected"] and not report["gaps"] and not report["out_of_order"]
    sys.exit(0 if good and report["exit_code"] == 0 else 1)


if __name__ == "__main__":
    main()
