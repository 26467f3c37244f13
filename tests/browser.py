"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # containers run as root
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)


class Browser:
    """One page. A context manager, for one thread. flags: more of Chromium's."""

    def __init__(self, width: int = 500, height: int = 575, flags: tuple[str, ...] = ()) -> None:
        self._parts = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="voxmesh-browser-", ignore_cleanup_errors=True)
        self._parts.enter_context(folder)
        size = f"--window-size={width},{height}"
        command = [str(CHROMIUM), *_FLAGS, *flags, size, f"--user-data-dir={folder.name}", "about:blank"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._parts.callback(self._end)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"listening on ws://([^/]+)/", line):
                break
        else:
            self._parts.close()
            raise RuntimeError("Chromium did not start")
        with urlopen(f"http://{found[1]}/json") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        connection = connect(page["webSocketDebuggerUrl"], max_size=None, compression=None)
        self._socket = self._parts.enter_context(connection)
        self._count = 0
        self.errors: list[str] = []
        self.call("Runtime.enable")
        self.call("Page.enable")
        self.resize(width, height)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, answered."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(60))
            if answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def resize(self, width: int, height: int, ratio: float = 1.0, mobile: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of what it promises."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str, timeout_s: float = 120.0) -> Any:
        """The expression's value, as soon as it is true."""
        until = time.monotonic() + timeout_s
        while not (value := self.evaluate(f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()")):
            assert time.monotonic() < until, f"{expression} did not come true; {self.errors}"
            time.sleep(0.05)
        return value

    def click(self, x: float, y: float) -> None:
        """A click as a hand makes it, which lets a page play sound."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The left button pressed, moved and let go."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self) -> np.ndarray:
        """(height, width, 3) uint8 sRGB."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def close(self) -> None:
        """Ends the browser. A second call does nothing."""
        self._parts.close()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
