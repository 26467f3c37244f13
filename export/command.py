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
    """Write a trained RUN as a bundle, once torch and its graphs agree; nothing is written when they do not.

    Given a bundle instead of a run, write it with the avatar's present look and rig: same networks, same motion.
    """
    if (run / "bundle.json").is_file():
        carry_over(run, output)
        return
    import numpy as np
    import torch

    from voxmesh.export.bundle import write_bundle
    from voxmesh.export.composite import composite_step
    from voxmesh.export.faces import faces_of
    from voxmesh.model.checkpoint import Run
    from voxmesh.model.composite.train import is_composite
    from voxmesh.model.evaluate import head_temperature, load_step

    torch.set_num_threads(1)
    where = Run(run)
    if is_composite(where):
        step, styles = composite_step(where)
        temperature = np.zeros(0)
    else:
        step, styles = load_step(where, lookahead_ms), None
        temperature = head_temperature(step.config)
    faces = faces_of(where)
    parity = write_bundle(
        step,
        faces.topologies,
        faces.deltas,
        temperature,
        output,
        training=faces.about,
        parity_frames=parity_frames,
        torchscript=torchscript,
        blendshape_names=faces.blendshape_names,
        styles=styles,
    )
    size = sum(path.stat().st_size for path in output.iterdir())
    worst = max(parity.onnx, parity.torchscript, parity.whole)
    click.echo(f"wrote {output}: {size / 1e6:.1f} MB")
    click.echo(
        f"parity over {parity.frames} random frames: labels equal, vertices within {worst:.1e} of the head's size"
    )


def carry_over(bundle: Path, output: Path) -> None:
    """`carry` on the avatar of this version, told on the terminal."""
    from tqdm import tqdm

    from voxmesh.export.carry import carry
    from voxmesh.model.avatar.build import IDENTITIES, build_avatar
    from voxmesh.stream.bundle import load

    avatars = [build_avatar(i) for i in tqdm(range(IDENTITIES), desc="identities", unit="face")]
    error_m = carry(load(bundle), avatars, output)
    click.echo(f"wrote {output}: {bundle} on this version's avatar, motion within {1000 * error_m:.3f} mm")
