"""What the viewer's tests share: a small head, and a publisher that speaks for it."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import numpy as np

from voxmesh.stream import wire
from voxmesh.stream.publish import Publisher
from voxmesh.stream.topology import Topology
from voxmesh.stream.types import Frame


def sphere(rings: int = 24, columns: int = 48, radius_m: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float32 metres and faces (F, 3) int32 of a ball, wound counter-clockwise from outside."""
    down = np.linspace(0, np.pi, rings + 1)[1:-1]
    around = np.arange(columns) * 2 * np.pi / columns
    ring = np.stack(
        [
            np.outer(np.sin(down), np.sin(around)),
            np.repeat(np.cos(down)[:, None], columns, 1),
            np.outer(np.sin(down), np.cos(around)),
        ],
        2,
    ).reshape(-1, 3)
    vertices = radius_m * np.concatenate([ring, [[0, 1, 0], [0, -1, 0]]])
    top, bottom = len(ring), len(ring) + 1
    faces = []
    for j in range(columns):
        right = (j + 1) % columns
        faces.append((top, j, right))
        faces.append((bottom, len(ring) - columns + right, len(ring) - columns + j))
        for i in range(rings - 2):
            a, b, c, d = i * columns + j, i * columns + right, (i + 1) * columns + j, (i + 1) * columns + right
            faces += [(a, c, b), (b, c, d)]
    return vertices.astype(np.float32), np.array(faces, np.int32)


def ball(**look: np.ndarray) -> Topology:
    """A skin-coloured ball of 10 cm. look: arrays that replace its own."""
    vertices, faces = sphere()
    count = len(vertices)
    own = {
        "albedo": np.full((count, 3), (237, 185, 156), np.uint8),
        "occlusion": np.full((count, 3), 255, np.uint8),
        "gloss": np.full(count, 30, np.uint8),
    }
    return Topology(template=vertices, faces=faces, **{**own, **look})


class Speaker:
    """A publisher in a thread: frames of a ball that swells and shrinks, 60 a second, until it is left.

    pause: indices that are left out, as if they had been lost on the way.
    """

    def __init__(
        self,
        topology: Topology,
        session: str = "test",
        endpoint: str = "tcp://127.0.0.1:*",
        lost: frozenset[int] = frozenset(),
    ) -> None:
        hello = wire.TopologyMessage(session, topology, 16000, 60, 1, ())
        self._publisher = Publisher(endpoint, hello)
        self.endpoint = self._publisher.endpoint
        self._topology, self._lost = topology, lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._speak)

    def _speak(self) -> None:
        index = 0
        with self._publisher as publisher:
            while not self._stop.wait(1 / 60):
                publisher.poll()
                # Numbers start when somebody listens, so that a test knows which come.
                if publisher.viewers < 1:
                    continue
                vertices = self._topology.template * np.float32(1 + 0.02 * np.sin(index / 5))
                if index not in self._lost:
                    now = time.monotonic_ns()
                    publisher.publish(Frame(index, index * 16000 // 60, now, vertices, np.zeros(1, np.int64)))
                index += 1

    def __enter__(self) -> Speaker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
