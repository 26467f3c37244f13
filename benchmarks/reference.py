"""What a frame costs: MeshTalk's published scheme, the same weights streamed with a fixed state, and ours.

\b
python benchmarks/reference.py

\b
published     every frame, the second around it is encoded again and the past is computed anew over all frames
              (`published.py`), in torch; at --history frames, and what follows from more of them
streamed      the same random weights, `voxmesh.model.meshtalk.step`, as one ONNX graph
ours          `voxmesh.model.step` of as many heads, classes and vertices, random weights, as one ONNX graph

All of it on one thread, in turns. Features are told apart: the log-mel of a second for the first two, of a frame's own
hops for ours. First the three are compared: streamed against the whole sequence at once over --parity-frames, and the
labels of the published scheme against the streamed ones. The last line is one JSON object.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime
import torch

from made_up import make_bundle, stepper
from mendable import mendable
from published import Past, Published
from timing import load_average, time_in_turns
from voxmesh.export.meshtalk import write_step
from voxmesh.model.config import ModelConfig
from voxmesh.model.meshtalk.config import MeshTalkConfig
from voxmesh.model.meshtalk.step import IdentityStep, MeshTalk, Step
from voxmesh.stream import features as ours
from voxmesh.stream.bundle import Bundle
from voxmesh.stream.features import mel_matrix
from voxmesh.stream.noise import gumbel
from voxmesh.stream.windows import Windows, log_mel_of_window


class Streamed:
    """The published weights as one ONNX graph: call it for a frame's (vertices, labels)."""

    def __init__(self, model: MeshTalk, template: torch.Tensor, path: Path) -> None:
        step = Step(model).eval()
        write_step(step, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.outputs = [node.name for node in self.session.get_outputs()]
        self.state = {name: x.numpy() for name, x in step.initial().items()}
        self.constant = {
            "temperature": np.ones(model.config.heads, np.float32),
            "template": template.numpy(),
            "identity": IdentityStep(model)(template).numpy(),
        }

    def __call__(self, log_mel: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs = {"features": log_mel, "noise": noise, **self.constant, **self.state}
        vertices, labels, *states = self.session.run(self.outputs, inputs)
        self.state = dict(zip(self.state, states, strict=True))
        return vertices, labels


def hear(config: MeshTalkConfig, frames: int) -> torch.Tensor:
    """(frames, mels, hops): the windows of a noise that comes and goes."""
    count = config.sound.clock.sample(frames - 1) + 1
    swell = 1.0 + np.sin(np.arange(count) / 1000.0)
    stage = Windows(config.sound)
    sound = (np.random.default_rng(0).normal(0, 0.05, count) * swell).astype(np.float32)
    windows = np.concatenate([stage.push(sound), stage.flush()])
    return torch.from_numpy(np.stack([log_mel_of_window(window, config.sound) for window in windows]))


def compare(
    model: MeshTalk, published: Published, streamed: Streamed, template: torch.Tensor, frames: int, history: int
) -> tuple[dict[str, Any], Past]:
    """How far the three are apart, vertices in standard deviations of the mesh; and the published scheme's past."""
    heads, classes = model.config.heads, model.config.classes
    log_mel = hear(model.config, max(frames, history))
    noise = np.stack([gumbel(0, t, heads, classes) for t in range(len(log_mel))])
    results = [streamed(x.numpy(), n) for x, n in zip(log_mel, noise, strict=True)]
    vertices, labels = (np.stack(column) for column in zip(*results, strict=True))
    logits, whole = model(log_mel[:frames], torch.from_numpy(labels[:frames]), template)
    past, differing = published.start(), 0
    for t in range(history):
        _, said, past = published.frame(log_mel[t], torch.from_numpy(noise[t]), past)
        differing += int((said.numpy() != labels[t]).sum())
    about = {
        "frames": frames,
        "differing_labels": int(((logits.numpy() + noise[:frames]).argmax(2) != labels[:frames]).sum()),
        "vertices": float(np.abs(whole.numpy() - vertices[:frames]).max() / model.decoder.stddev),
        "published_frames": history,
        "published_differing_labels": differing,
    }
    return about, past


def longer(past: Past, frames: int) -> Past:
    """`past` repeated to so many frames: what they hold costs nothing, that they are there does."""
    times = -(-frames // past.frames)
    return Past([x.repeat(1, times, 1)[:, :frames] for x in past.inputs], past.lstm)


def feature_calls(config: MeshTalkConfig, bundle: Bundle) -> dict[str, Callable[[], object]]:
    """A frame's features, theirs and ours."""
    rng = np.random.default_rng(0)
    mel = mel_matrix(config.sound.mel_scale)
    window = rng.normal(0, 1, config.sound.window_samples).astype(np.float32)
    stage, clock, frame = ours.LogMel(bundle.features), bundle.features.clock, 0
    sound = rng.normal(0, 0.1, clock.sample(1) + 1).astype(np.float32)

    def theirs() -> object:
        return log_mel_of_window(window, config.sound, mel)

    def own() -> object:
        nonlocal frame
        frame += 1
        return stage.push(sound[: clock.sample(frame) - clock.sample(frame - 1)])

    return {"features of published and streamed": theirs, "features of ours": own}


@click.command(help=__doc__)
@click.option("--frames", type=click.IntRange(min=10), default=300, show_default=True, help="Frames timed of each.")
@click.option("--history", type=click.IntRange(min=1), multiple=True, default=(150, 600), show_default=True)
@click.option("--parity-frames", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--heads", type=click.IntRange(min=2), default=16, show_default=True)
@click.option("--classes", type=click.IntRange(min=2), default=128, show_default=True)
@click.option("--vertices", type=click.IntRange(min=20), default=6172, show_default=True)
@torch.inference_mode()
def main(frames: int, history: tuple[int, ...], parity_frames: int, heads: int, classes: int, vertices: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = MeshTalkConfig(heads=heads, classes=classes, vertices=vertices)
    model, template = MeshTalk(config).eval(), torch.randn(vertices, 3)
    with mendable("reference"), tempfile.TemporaryDirectory() as folder:
        streamed = Streamed(model, template, Path(folder) / "streamed.onnx")
        with torch.inference_mode(False):
            bundle = make_bundle(ModelConfig(heads=heads, classes=classes), vertices, Path(folder) / "ours")
        published = Published(model, template)
        parity, past = compare(model, published, streamed, template, parity_frames, history[0])
        log_mel, noise = torch.randn(config.sound.mels, config.sound.hops), torch.zeros(heads, classes)
        calls: dict[str, Callable[[], object]] = {}
        for count in history:
            longer_past = longer(past, count)
            calls[f"published, {count} frames"] = lambda p=longer_past: published.frame(log_mel, noise, p)
        calls["streamed"] = lambda: streamed(log_mel.numpy(), noise.numpy())
        calls["ours"] = stepper(bundle)
        ms = {name: times.summary() for name, times in time_in_turns(calls, frames).items()}
        timed = time_in_turns(feature_calls(config, bundle), frames)
        ms |= {name: times.summary() for name, times in timed.items()}

    def with_features(name: str) -> float:
        return ms[name]["p50"] + ms[f"features of {'ours' if name == 'ours' else 'published and streamed'}"]["p50"]

    click.echo(
        f"{heads} heads of {classes} classes, {vertices} vertices, one thread; streamed against whole over"
        f" {parity['frames']} frames: {parity['differing_labels']} labels differ, vertices within"
        f" {parity['vertices']:.1e} of a standard deviation; against published over {parity['published_frames']}:"
        f" {parity['published_differing_labels']}\n"
    )
    click.echo("| ms a frame | p50 | p99 | of CPU, p50 | times ours |\n|---|---|---|---|---|")
    for name, row in ms.items():
        base = ms["features of ours" if name.startswith("features") else "ours"]["p50"]
        cells = [*(f"{value:.3f}" for value in row.values()), f"{row['p50'] / base:.1f}"]
        click.echo(f"| {name} | " + " | ".join(cells) + " |")
    first = f"published, {history[0]} frames"
    ratios = {
        "published_to_ours": ms[first]["p50"] / ms["ours"]["p50"],
        "published_to_ours_cpu": ms[first]["cpu_p50"] / ms["ours"]["cpu_p50"],
        "published_to_ours_with_features": with_features(first) / with_features("ours"),
        "streamed_to_ours": ms["streamed"]["p50"] / ms["ours"]["p50"],
        "published_to_streamed": ms[first]["p50"] / ms["streamed"]["p50"],
    }
    about = {"heads": heads, "classes": classes, "vertices": vertices, "threads": 1, "load_average": load_average()}
    rounded = {name: round(value, 1) for name, value in ratios.items()}
    click.echo("\n" + json.dumps({**about, "history": history, "parity": parity, "ms": ms, "ratios": rounded}))


if __name__ == "__main__":
    main()
