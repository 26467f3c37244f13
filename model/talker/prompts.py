"""English prompts of the Asterisk telephone exchange, spoken by Allison Smith (CC BY-SA 3.0), 25 minutes.

Debian's package holds the recordings but not their text, so CMU Sphinx writes down what it hears. About one word in
five is wrong, mostly by a word that sounds alike; what then does not fit its recording, alignment leaves out.
"""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from voxmesh.stream.errors import VoxmeshError

PROMPTS = Path("asterisk/sounds/en_US_f_Allison")
SAMPLE_RATE = 16000
_MODEL = Path("pocketsphinx/model/en-us")
_APT = "apt-get install -y --no-install-recommends asterisk-core-sounds-en-g722 pocketsphinx pocketsphinx-en-us"
_SHORTEST_S, _LONGEST_S = 0.5, 20.0


def decode_g722(path: Path) -> np.ndarray:
    """A G.722 file, 64 kbit/s -> (N,) float32 at 16 kHz."""
    import av

    with av.open(str(path), format="g722") as file:
        blocks = [frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]
    return np.concatenate([np.zeros(0, np.int16), *blocks]).astype(np.float32) / 32768.0


def transcripts(folder: Path, workers: int = 2) -> list[tuple[str, str]]:
    """(path below `folder`, text) of each prompt in which a recogniser heard words.

    Raises VoxmeshError when there are prompts but no recogniser.
    """
    paths = sorted((folder / PROMPTS).rglob("*.g722"))
    if not paths:
        return []
    program = shutil.which("pocketsphinx_continuous")
    if program is None or not (folder / _MODEL).is_dir():
        raise VoxmeshError(f"pocketsphinx is needed to write down what the prompts say; install it: {_APT}")

    def write_down(path: Path) -> str:
        samples = decode_g722(path)
        if not _SHORTEST_S < len(samples) / SAMPLE_RATE < _LONGEST_S:
            return ""
        model = folder / _MODEL
        said = subprocess.run(
            [
                *(program, "-hmm", str(model / "en-us"), "-lm", str(model / "en-us.lm.bin")),
                *("-dict", str(model / "cmudict-en-us.dict"), "-infile", "/dev/stdin", "-logfn", "/dev/null"),
            ],
            input=np.round(samples * 32767.0).astype("<i2").tobytes(),
            capture_output=True,
            check=False,
        )
        return " ".join(said.stdout.decode().split())

    with ThreadPoolExecutor(workers) as pool:
        texts = list(tqdm(pool.map(write_down, paths), total=len(paths), unit="prompt", desc="write down"))
    return [(str(path.relative_to(folder)), text) for path, text in zip(paths, texts, strict=True) if text]
