"""`voxmesh export RUN -o BUNDLE`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the bundle to write.")
@click.option("--lookahead-ms", type=float, help="Export the stages that were trained for this look-ahead.")
@click.option("--torchscript/--no-torchscript", default=True, show_default=True, help="Write those graphs too.")
@click.option("--parity-frames", default=1200, show_default=True, help="Length of the random stream that is compared.")
def export(run: Path, output: Path, lookahead_ms: float | None, torchscript: bool, parity_frames: int) -> None:
    """Write a trained RUN as a bundle, once torch and its graphs agree; nothing is written when they do not."""
    import torch

    from voxmesh.export.faces import faces_of
    from voxmesh.export.bundle import write_bundle
    from voxmesh.model.checkpoint import Run
    from voxmesh.model.evaluate import head_temperature, load_step

    torch.set_num_threads(1)
    where = Run(run)
    step = load_step(where, lookahead_ms)
    faces = faces_of(where)
    parity = write_bundle(
        step,
        faces.topologies,
        faces.deltas,
        head_temperature(step.config),
        output,
        training=faces.about,
        parity_frames=parity_frames,
        torchscript=torchscript,
        blendshape_names=faces.blendshape_names,
    )
    size = sum(path.stat().st_size for path in output.iterdir())
    worst = max(parity.onnx, parity.torchscript, parity.whole)
    click.echo(f"wrote {output}: {size / 1e6:.1f} MB")
    click.echo(
        f"parity over {parity.frames} random frames: labels equal, vertices within {worst:.1e} of the head's size"
    )
