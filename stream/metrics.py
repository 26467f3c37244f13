"""`--metrics PORT`: the last snapshot for Prometheus, in its text format, over HTTP on loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.telemetry import BUCKETS_MS, Histogram, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(snapshot: Snapshot) -> str:
    """A snapshot in Prometheus' text format, 0.0.4: seconds where it has milliseconds, what is unknown left out."""
    rows = (
        ("voxmesh_audio_seconds_total", "counter", "Sound heard, silence in the place of lost sound included.",
         snapshot.seconds),
        ("voxmesh_lost_seconds_total", "counter", "Sound that never came.", snapshot.dropped_ms / 1000),
        ("voxmesh_not_number_samples_total", "counter", "Samples that were NaN or infinite.",
         snapshot.replaced_samples),
        ("voxmesh_xruns_total", "counter", "Times that the sound card lost sound.", snapshot.xruns),
        ("voxmesh_level_dbfs", "gauge", "RMS level since the last look.", snapshot.level_dbfs),
        ("voxmesh_frames_total", "counter", "Frames published.", snapshot.frames),
        ("voxmesh_frames_skipped_total", "counter", "Frames too late to be published.", snapshot.skipped),
        ("voxmesh_frames_per_second", "gauge", "Frames published a second since the last look.", snapshot.fps),
        ("voxmesh_viewers", "gauge", "Subscribers that get frames.", snapshot.viewers),
        ("voxmesh_overruns_total", "counter", "Times that a subscriber began to miss frames.", snapshot.overruns),
    )  # fmt: skip
    lines = []
    for name, kind, about, value in rows:
        if value is not None:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value:.10g}"]
    lines += _histogram("voxmesh_frame_seconds", "Time that the engine takes for a frame.", snapshot.frame_histogram)
    lines += _histogram(
        "voxmesh_latency_seconds", "From a sound to the frame that shows it, look-ahead included.",
        snapshot.latency_histogram,
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def _histogram(name: str, about: str, histogram: Histogram) -> list[str]:
    lines, up_to = [f"# HELP {name} {about}", f"# TYPE {name} histogram"], 0
    for edge, count in zip((*(f"{ms / 1000:g}" for ms in BUCKETS_MS), "+Inf"), histogram.counts, strict=True):
        up_to += count
        lines.append(f'{name}_bucket{{le="{edge}"}} {up_to}')
    return [*lines, f"{name}_sum {histogram.total_ms / 1000:.10g}", f"{name}_count {up_to}"]


class MetricsServer:
    """Answers GET /metrics from a thread of its own with what `update` was last given. A context manager.

    port: of 127.0.0.1; 0 takes a free one, told by `url`. Raises VoxmeshError when it is taken.
    """

    def __init__(self, port: int) -> None:
        text = ["# nothing has been heard yet\n"]
        self._text = text

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/metrics":
                    self.send_error(404, "try /metrics")
                    return
                body = text[0].encode()
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Requests are no news."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise VoxmeshError(f"cannot serve metrics on port {port}: {error.strerror}: choose another") from error
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/metrics"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def update(self, snapshot: Snapshot) -> None:
        self._text[0] = exposition(snapshot)

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
