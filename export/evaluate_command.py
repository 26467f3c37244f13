"""`voxmesh evaluate RUN|BUNDLE STORE`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("face", metavar="RUN|BUNDLE", type=click.Path(path_type=Path))
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for evaluation.md, evaluation.json, films."
)
@click.option("--split", default="test", show_default=True, help="Which clips of the store: test, valid, train.")
@click.option("--clips", type=click.IntRange(1), help="At most this many; all by default.")
@click.option("--films", type=click.IntRange(0), default=1, show_default=True, help="Clips to film: truth, prediction.")
@click.option("--phones", type=click.Path(path_type=Path), help="Folder of SUBJECT/CLIP.phones.json, for the AUCs.")
@click.option("--seed", default=0, show_default=True, help="Of what is sampled.")
def evaluate(
    face: Path,
    store: Path,
    output: Path | None,
    split: str,
    clips: int | None,
    films: int,
    phones: Path | None,
    seed: int,
) -> None:
    """Measure a trained RUN, or a BUNDLE, on a STORE of captured faces that `voxmesh data prepare` wrote.

    \b
    lip error        mean over frames of the furthest lip vertex (MeshTalk); LVE: of its square (FaceFormer)
    FDD              upper-face dynamics of the truth less the prediction's, signed (CodeTalker), squared and plain
    mean, max, DTW   of the mouth, the upper face and all (MM 2023); DTW also by the length of its path
    perplexity       of the context model, a label; blinks; lip-sync AUCs where --phones are known

    Protocols: `live` hears the clip only. Of a RUN also `self`, whose style is the target itself, which leaks, and
    `style`, from another clip of the subject. `neutral` never moves; `truth` is the capture. Lips are the vertices of
    the mask `mouth`.
    -o also takes films with the truth at the left (voxmesh[viewer]). The last line is one JSON object.
    """
    import torch

    from voxmesh.export.speaking import open_speaking
    from voxmesh.model import store_evaluation
    from voxmesh.model.datasets.mesh_store import open_mesh_store
    from voxmesh.model.side_by_side import write_side_by_side

    torch.set_num_threads(1)
    part = open_mesh_store(store).only(split)
    speaking = open_speaking(face, part, seed)
    marks = store_evaluation.marks_of(part, speaking.topology.regions, speaking.topology.landmarks, phones)
    results = {}
    references = {"neutral": store_evaluation.neutral, "truth": store_evaluation.captured}
    for protocol, speak in {**speaking.protocols, **references}.items():
        if any(store_evaluation.takes(part, protocol)):
            results[protocol] = store_evaluation.evaluate(part, speak, protocol, marks, clips)
    filmed = next(iter(results))
    results[filmed] |= speaking.more
    about = {"face": str(face), "store": str(store), "split": split, "seed": seed, "protocols": results}
    text = f"`{face}` on `{store}`, split {split}\n\n{store_evaluation.table(results)}"
    click.echo(text)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "evaluation.md").write_text(text, "utf-8")
        (output / "evaluation.json").write_text(json.dumps(about, indent=1), "utf-8")
        for take, style in list(store_evaluation.takes(part, filmed))[:films]:
            motions = [take.offsets(), speaking.protocols[filmed](take, style)]
            film = output / f"{take.name.replace('/', '-')}.mp4"
            write_side_by_side(film, take.template, part.faces, motions, take.audio, part.features.clock)
    click.echo(json.dumps(about))
