"""`voxmesh style`: which styles a bundle has, and a style of somebody's own."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from voxmesh.stream.bundle import STYLE_GRAPH, Bundle, load
from voxmesh.stream.driving import extract_style, read_driving
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.style import SUFFIX, StyleSpace, read_style, write_style
from voxmesh.stream.style_fit import fit_style

bundle_option = click.option("--bundle", type=click.Path(path_type=Path), help="Bundle: a folder, default or instant.")


@click.group()
def style() -> None:
    """Styles: how a face speaks, beside what it says. `live` and `animate` take them as --style, `control` as style."""


@style.command("list")
@bundle_option
def list_(bundle: Path | None) -> None:
    """Name the styles of a bundle, and the style files of this folder that fit it."""
    loaded, space = _load(bundle)
    click.echo(f"{loaded.folder}, styles of {space.space!r}, {space.dims} numbers each:")
    for name, vector in space.names.items():
        click.echo(f"  {name:<16}{_numbers(vector)}")
    for path in sorted(Path.cwd().glob(f"*{SUFFIX}")):
        try:
            click.echo(f"  {path.name.removesuffix(SUFFIX):<16}{_numbers(read_style(path, space))}  {path.name}")
        except VoxmeshError as error:
            click.echo(f"  {path.name}: not for this bundle ({error})", err=True)
    click.echo('A blend: --style "' + ",".join(f"{name}:0.5" for name in list(space.names)[1:3]) + '"')


@style.command()
@click.argument("clip", metavar="CLIP.npz|STORE:SUBJECT/SEQ")
@click.option("-o", "--output", metavar=f"NAME{SUFFIX}", type=click.Path(path_type=Path), required=True)
@bundle_option
def extract(clip: str, output: Path, bundle: Path | None) -> None:
    """Make a style of a clip: of `voxmesh animate`, of `voxmesh talker make`, or of a store of `voxmesh data prepare`.

    A bundle with a style encoder (of `voxmesh train composite`) reads the manner off the clip. Others only know the
    styles that they were taught: the result is the blend of them that looks most like the clip, by mean, spread and
    pace of its blendshape weights, and it is told how much of the clip that explains.
    """
    if not output.name.endswith(SUFFIX):
        raise VoxmeshError(f"cannot write {output}: end it in {SUFFIX}, so that --style {output.stem} finds it")
    loaded, space = _load(bundle)
    driving = read_driving(clip, loaded)
    if STYLE_GRAPH in loaded.about["checksums"]:
        vector, how = extract_style(loaded, driving), "by the bundle's style encoder"
    else:
        vector, share = fit_style(loaded, space, driving.offsets, driving.fps)
        how = f"a fit of the bundle's own styles, which explains {max(share, 0):.0%} of how it differs from neutral"
    write_style(output, space, vector, f"{driving.origin}, {how}")
    click.echo(f"wrote {output}: {_numbers(vector)}, {how}")


def _load(bundle: Path | None) -> tuple[Bundle, StyleSpace]:
    loaded = load(bundle)
    if loaded.style is None:
        raise VoxmeshError(f"{loaded.folder} takes no style: choose another --bundle")
    return loaded, loaded.style


def _numbers(vector: np.ndarray) -> str:
    shown = [round(float(x), 2) + 0.0 for x in vector[:8]]  # no -0.0
    return json.dumps(shown)[:-1] + (", ...]" if len(vector) > 8 else "]")
