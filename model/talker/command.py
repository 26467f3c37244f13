"""`voxmesh talker`: make training data from text, or say one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def talker() -> None:
    """Make synthetic speech with face curves."""


@talker.command()
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to fill.")
@click.option("--clips", default=100, show_default=True, type=click.IntRange(1), help="How many clips of 3-8 s.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option("--split", default="train", show_default=True, type=click.Choice(["train", "valid", "test"]))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes to use.")
@click.option("--people", is_flag=True, help="Let recorded people speak two clips in five (train only).")
@click.option("--moods", is_flag=True, help="Give each clip a mood; sound and phones stay as they are without.")
def make(out: Path, clips: int, seed: int, split: str, workers: int, people: bool, moods: bool) -> None:
    """Write a data set; run again, it goes on where it stopped."""
    from voxmesh.model.talker.dataset import write_dataset

    write_dataset(out, clips, seed, split, people=people, moods=moods, workers=workers)


@talker.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes to use.")
def align(run: Path, workers: int) -> None:
    """Find when each phone of the recorded people was said, by what the audio stage of RUN hears."""
    from voxmesh.model.align import align_people
    from voxmesh.model.checkpoint import Run
    from voxmesh.model.talker.people import MARKS, write_recordings

    found = align_people(Run(run), workers)
    write_recordings(found)
    click.echo(f"{MARKS}: {len(found)} recordings, {sum(len(one.phones) for one in found)} phones")


@talker.command()
@click.argument("text")
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="WAV to write.")
@click.option(
    "--voice",
    default="slt",
    show_default=True,
    help="slt, rms, awb (flite), kal_diphone and the like (festival), or en-us+f3 (espeak-ng).",
)
@click.option("--phones", type=click.Path(dir_okay=False, path_type=Path), help="JSON of [phone, start_s, end_s].")
def say(text: str, out: Path, voice: str, phones: Path | None) -> None:
    """Say TEXT into a 16 kHz WAV file."""
    import soundfile

    from voxmesh.model.talker.speech import SAMPLE_RATE
    from voxmesh.model.talker.speech import say as speak
    from voxmesh.model.talker.voices import named

    samples, marks = speak([text], named(voice))[0]
    soundfile.write(out, samples, SAMPLE_RATE, subtype="PCM_16")
    if phones is not None:
        phones.write_text(json.dumps([[name, round(a, 4), round(b, 4)] for name, a, b in marks]) + "\n")
    click.echo(f"{out}: {len(samples) / SAMPLE_RATE:.2f} s, {len(marks)} phones, voice {voice}")
