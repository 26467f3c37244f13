"""Draws what --mouth-gain and --upper-gain do: look for cracks, creases and lids or lips that pass through each other.

    python benchmarks/gain_sheet.py -o gains.png

Frames of a sentence, in which the mouth is most open and most narrow, the brows highest and the lids shut, each at five
gains of the region; and the shut lids with blinks off.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from mendable import mendable
from voxmesh.stream.audio_file import AudioFile
from voxmesh.stream.bundle import load
from voxmesh.stream.engine import Engine
from voxmesh.stream.region_gain import Gains, RegionGains
from voxmesh.stream.types import AudioChunk
from voxmesh.viewer.sheet import Cell, draw_sheet

SAMPLE = Path(__file__).parent.parent / "stream" / "sample.wav"
GAINS = (0.0, 0.5, 1.0, 1.5, 2.0)


@click.command(help=__doc__)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--bundle", type=click.Path(path_type=Path), help="A folder, default or instant.")
@click.option("--wav", type=click.Path(path_type=Path), default=SAMPLE, help="What is said [the bundled sentence].")
@click.option("--style", "name", help="One of the bundle's styles [neutral].")
@click.option("--view", default="front", show_default=True, help="Such as three-quarter, profile or mouth.")
@click.option("--seed", default=0, show_default=True)
def main(output: Path, bundle: Path | None, wav: Path, name: str | None, view: str, seed: int) -> None:
    with mendable("gain_sheet"):
        face = load(bundle)
        with AudioFile(wav) as audio:
            samples = np.concatenate(list(audio.blocks()))
            style = face.style.blend(name) if name and face.style else None
            engine = Engine(face, source_rate=audio.rate, seed=seed, style=style)
        frames = [frame.vertices for frame in engine.push(AudioChunk(samples, 0)) + engine.flush()]
        topology, at = engine.topology, engine.topology.landmarks
        regions = RegionGains(face, topology)

        def gap(upper: str, lower: str, axis: int = 1) -> np.ndarray:
            return np.array([vertices[at[upper], axis] - vertices[at[lower], axis] for vertices in frames])

        brows = np.array([vertices[at["brow_left"], 1] for vertices in frames])
        picked = {
            "open": ("mouth", gap("lip_upper_inner", "lip_lower_inner").argmax()),
            "narrow": ("mouth", gap("mouth_left", "mouth_right", 0).argmin()),
            "brows up": ("upper", brows.argmax()),
            "lids shut": ("upper", gap("lid_upper_left", "lid_lower_left").argmin()),
        }
        cells = []
        for label, (region, index) in picked.items():
            for gain in GAINS:
                vertices = regions.scaled(frames[index], Gains(**{region: gain}).numbers())
                cells.append(Cell(f"{label}, {region} x {gain:g}", topology, vertices, view))
        open_eyed = regions.scaled(frames[picked["lids shut"][1]], Gains(blink=False).numbers())
        cells.append(Cell("lids shut, blinks off", topology, open_eyed, view))
        draw_sheet(cells, output, columns=len(GAINS))
        click.echo(f"wrote {output}")


if __name__ == "__main__":
    main()
