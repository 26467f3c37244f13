"""The page's reader of the wire, in JavaScript, on the golden messages: by node where it is there, and in a browser."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, Browser

ROOT = Path(__file__).parent.parent
READER, TELLER = ROOT / "viewer/web/wire.mjs", ROOT / "tests/wire_reader.mjs"
DATA = ROOT / "tests/data"
GOLDEN: dict[str, dict[str, Any]] = json.loads((DATA / "messages.json").read_text("utf-8"))
FILES = sorted(GOLDEN)


def by_node() -> list[dict[str, Any]]:
    files = [str(DATA / name) for name in FILES]
    return json.loads(subprocess.check_output(["node", str(TELLER), str(READER), *files], timeout=60))


def by_browser() -> list[dict[str, Any]]:
    class Handler(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_: object) -> None:
            pass

    messages = [base64.b64encode((DATA / name).read_bytes()).decode() for name in FILES]
    script = (
        "(async () => { const wire = await import('/viewer/web/wire.mjs');"
        "const { tell } = await import('/tests/wire_reader.mjs');"
        "const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;"
        f"return {json.dumps(messages)}.map((text) => tell(wire, bytes(text))); }})()"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(ROOT))) as server, Browser() as browser:
        Thread(target=server.serve_forever, daemon=True).start()
        browser.open(f"http://127.0.0.1:{server.server_port}/tests/data/")
        browser.wait_for("document.readyState === 'complete' && location.pathname === '/tests/data/'")
        told = browser.evaluate(script)
        server.shutdown()
    return told


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """File name -> what the reader made of it."""
    if shutil.which("node"):
        return dict(zip(FILES, by_node(), strict=True))
    if CHROMIUM:
        return dict(zip(FILES, by_browser(), strict=True))
    pytest.skip("neither node nor Chromium is installed")


STAMPS = {"session": "session", "index": "index", "sample": "sample", "lookahead_samples": "lookahead"}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("frame", "audio"))])
def test_frames_and_sound_are_read_to_the_bit(told: dict[str, dict[str, Any]], name: str) -> None:
    """Every number of every type is the one that Python reads, and so is every stamp."""
    wanted, found = GOLDEN[name], told[name]
    assert found["kind"] == wanted["kind"] and found["rate"] == wanted["sample_rate"]
    assert {key: found[value] for key, value in STAMPS.items()} == {key: wanted[key] for key in STAMPS}
    assert [round(found[key] * 1e6) for key in ("capturedMs", "publishedMs")] == [
        wanted["captured_ns"],
        wanted["published_ns"],
    ]
    for key in {"vertices", "weights", "samples"} & set(wanted):
        assert found[key] == np.ravel(wanted[key]).tolist(), key


def test_a_topology_is_read_whole(told: dict[str, dict[str, Any]]) -> None:
    """All that drawing takes, and the names."""
    wanted, found = GOLDEN["topology.bin"], told["topology.bin"]
    assert (found["kind"], found["session"]) == ("topology", wanted["session"])
    assert [found[key] for key in ("rate", "fpsNum", "fpsDen")] == [
        wanted[key] for key in ("sample_rate", "fps_num", "fps_den")
    ]
    for key in ("template", "faces", "albedo", "occlusion", "gloss"):
        assert found[key] == np.ravel(wanted[key]).tolist(), key
    assert found["blendshapeNames"] == list(wanted["blendshape_names"])
    assert found["landmarks"] == wanted["landmarks"] and found["regions"] == wanted["regions"]


def test_a_goodbye_is_read(told: dict[str, dict[str, Any]]) -> None:
    """With the session that ends."""
    assert told["bye.bin"] == {"kind": "bye", "session": GOLDEN["bye.bin"]["session"]}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("refused")])
def test_what_python_refuses_the_page_refuses(told: dict[str, dict[str, Any]], name: str) -> None:
    """With words for the user; a newer publisher is called one."""
    assert told[name].get("refused"), GOLDEN[name]
    if name in ("refused_version.bin", "refused_flags.bin", "refused_kind.bin"):
        assert "update voxmesh" in told[name]["refused"]


@pytest.mark.skipif(not (CHROMIUM and shutil.which("node")), reason="needs node and Chromium")
def test_a_browser_reads_what_node_reads(told: dict[str, dict[str, Any]]) -> None:
    """The two engines agree on every golden message."""
    assert dict(zip(FILES, by_browser(), strict=True)) == told
