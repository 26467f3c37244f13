"""`voxmesh import meshtalk DIR`: other people's weights as a bundle."""

from __future__ import annotations

from pathlib import Path

import click

LICENCE = "CC BY-NC 4.0: MeshTalk's code and weights are for non-commercial use only, and so is this bundle"


@click.group("import")
def import_() -> None:
    """Turn weights that others have published into a bundle that streams."""


@import_.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--template", type=click.Path(path_type=Path), required=True, help="OBJ or PLY of the neutral face.")
@click.option("--mean", type=click.Path(path_type=Path), help="NPY, (V, 3): instead of the mean in the weights.")
@click.option("--std", type=click.Path(path_type=Path), help="NPY, a number: instead of the deviation in the weights.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the bundle to write.")
@click.option("--landmarks", type=click.Path(path_type=Path), help='JSON, {"chin": 3451}; the others are guessed.')
@click.option("--parity-frames", default=300, show_default=True, help="Streamed and whole are compared over so many.")
def meshtalk(
    folder: Path,
    template: Path,
    mean: Path | None,
    std: Path | None,
    output: Path,
    landmarks: Path | None,
    parity_frames: int,
) -> None:
    """MeshTalk's released weights (encoder.pkl, context_model.pkl, vertex_unet.pkl in DIR) as a bundle.

    Template, mean and deviation are in one unit, which is told by the face's size. The face hears 500 ms ahead, at 30
    fps, and is as loud as what was heard so far (the scheme itself scales whole files). The weights' terms hold for
    the bundle: they are non-commercial.
    """
    import numpy as np
    import torch

    from voxmesh.export.meshtalk_bundle import write_meshtalk_bundle
    from voxmesh.model.datasets.files import open_array
    from voxmesh.model.datasets.landmarks import guess_landmarks, guess_regions, read_landmarks
    from voxmesh.model.datasets.mesh_file import read_mesh
    from voxmesh.model.datasets.plain_topology import clay_topology, origin_of
    from voxmesh.model.datasets.units import guess_unit
    from voxmesh.model.meshtalk.checkpoint import read_checkpoint
    from voxmesh.stream.errors import VoxmeshError

    torch.set_num_threads(1)
    click.echo(f"licence: {LICENCE}")
    model = read_checkpoint(folder, *(open_array(path) if path else None for path in (mean, std)))
    mesh = read_mesh(template)
    if len(mesh.vertices) != model.config.vertices:
        raise VoxmeshError(
            f"{template} has {len(mesh.vertices)} vertices, the weights in {folder} {model.config.vertices}"
        )
    unit = guess_unit(mesh.vertices)
    points = unit.to_metres(mesh.vertices)
    regions = guess_regions(points, {})
    # Nothing moves here that would tell the lips apart.
    found = guess_landmarks(points, regions["mouth"], np.zeros(len(points)))
    if landmarks is not None:
        found |= read_landmarks(landmarks, len(points))
    origin = origin_of([points])
    topology = clay_topology(points - origin, mesh.faces, found, regions)
    parity = write_meshtalk_bundle(
        model, topology, output, unit_m=unit.scale, origin=origin, licence=LICENCE, parity_frames=parity_frames
    )
    click.echo(f"the template is in {unit.name}")
    click.echo(f"wrote {output}")
    click.echo(
        f"parity over {parity.frames} random frames: labels equal, vertices within {parity.vertices:.1e} standard"
        " deviations of the whole-sequence evaluation"
    )
