"""What one frame costs, step by step of what made it cheaper: each against the one before, in one run.

\b
python benchmarks/hot_path.py --frames 600

The network steps, over the same random features, of a full-size model with random weights:
  convolutions    the layers as they are trained, fed one frame: Conv over concatenated pasts, a tensor each
  shipped form    `Step`: linear maps over delay lines
  I/O binding     the same with preallocated, double-buffered outputs (not kept unless it pays)
  a batch of N    the same, a row's share
And what is around the network, by the frame: noise, resampling from 48 kHz, features, packing for the wire.

Steps take turns in short blocks, so that other work on the machine falls on all of them. p50 is CPU time of this
thread, p50 wall is what a clock on the wall says. The last line is one JSON object.
"""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from mendable import mendable
from voxmesh.export.graphs import _store_as_half, round_weights, write_graphs
from voxmesh.model.config import ModelConfig
from voxmesh.model.decoder import Decoder
from voxmesh.model.face_basis import FaceBasis
from voxmesh.model.step import Live, Step
from voxmesh.stream import wire
from voxmesh.stream.bundle import GRAPHS, load
from voxmesh.stream.features import LogMel
from voxmesh.stream.noise import Noise
from voxmesh.stream.resample import Resampler

BLOCK = 20
"""Frames in a row of one step before the next has its turn."""


class Convolutions(nn.Module):
    """One frame by the layers' `forward`: what `Step` was before it had a form of its own. (B = 1)"""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def initial(self) -> list[Tensor]:
        live, decoder = self.step.live, self.step.decoder
        stacks = (live.audio.stack, live.context.past_stack, decoder.stack)
        said = live.context.past_book.new_zeros(1, live.context.width)
        return [said, *(past for stack in stacks for past in stack.initial(1))]

    def forward(self, features: Tensor, noise: Tensor, template: Tensor, identity: Tensor, *states: Tensor) -> tuple:
        live, context, decoder = self.step.live, self.step.live.context, self.step.decoder
        heard_heads = self.step.config.heard_heads
        said, *pasts = states
        audio_count, context_count = len(live.audio.stack.blocks), len(context.past_stack.blocks)
        code, audio_pasts = live.audio(features[:, None], pasts[:audio_count])
        labels = [(live.hear(code)[0, 0] + noise[0, :heard_heads]).argmax(1)]
        past, context_pasts = context.past_stack(said.unsqueeze(2), pasts[audio_count : audio_count + context_count])
        base = (context.from_past(past.squeeze(2)) + context.from_audio(code.squeeze(2))).reshape(1, context.heads, -1)
        earlier = after = torch.zeros_like(base[:, 0])
        for head in range(context.heads):
            hidden = nn.functional.silu(base[:, head] + earlier)
            logits = nn.functional.linear(hidden, context.leave[head], context.bias[head])
            label = (logits + noise[:, heard_heads + head]).argmax(1)
            row = head * context.classes + label
            earlier, after = earlier + context.head_book[row], after + context.past_book[row]
            labels.append(label)
        chosen = torch.cat(labels)
        embedded = decoder.book[chosen + torch.arange(decoder.heads) * decoder.classes].sum(0)
        x, decoder_pasts = decoder.stack(embedded[None, :, None], pasts[audio_count + context_count :])
        vertices = self.step.face(decoder.leave(x)[:, :, 0], template[0], identity[0])
        return vertices, chosen, after, *audio_pasts, *context_pasts, *decoder_pasts


def full_size_step(vertices: int, moves: np.ndarray) -> Step:
    """Random weights at the default sizes, for a mesh of which the vertices in `moves` (V,) bool move."""
    torch.manual_seed(0)
    config = ModelConfig()
    face = FaceBasis(config, vertices, int(moves.sum()))
    face.basis.copy_(torch.randn(face.basis.shape) * 1e-3)
    order = np.full(vertices, moves.sum())
    order[moves] = np.arange(moves.sum())
    face.order.copy_(torch.from_numpy(order))
    return round_weights(Step(config, Live(config), Decoder(config), face)).eval()


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def fed(graph: onnxruntime.InferenceSession, sessions: int) -> Callable[[], None]:
    """A frame by `run`: its states go round."""
    rng = np.random.default_rng(0)
    inputs = {}
    for node in graph.get_inputs():
        shape = [sessions if isinstance(size, str) else size for size in node.shape]
        inputs[node.name] = (
            rng.normal(0, 1, shape).astype(np.float32) if node.name == "features" else np.zeros(shape, "f4")
        )
    names = [node.name for node in graph.get_outputs()]

    def frame() -> None:
        results = dict(zip(names, graph.run(names, inputs), strict=True))
        inputs.update(
            {name.removeprefix("next_"): value for name, value in results.items() if name.startswith("next_")}
        )

    return frame


def bound(graph: onnxruntime.InferenceSession) -> Callable[[], None]:
    """A frame by I/O binding: two sets of states take turns as input and output; vertices are copied out."""
    make = onnxruntime.OrtValue.ortvalue_from_numpy
    shapes = {node.name: [1 if isinstance(n, str) else n for n in node.shape] for node in graph.get_inputs()}
    states = [name for name in shapes if f"next_{name}" in {node.name for node in graph.get_outputs()}]
    values = [{name: make(np.zeros(shapes[name], np.float32)) for name in states} for _ in range(2)]
    vertices = make(np.zeros(shapes["template"], np.float32))
    bindings = []
    for turn in range(2):
        binding = graph.io_binding()
        for name, shape in shapes.items():
            binding.bind_ortvalue_input(name, values[turn].get(name) or make(np.zeros(shape, np.float32)))
        for name in states:
            binding.bind_ortvalue_output(f"next_{name}", values[1 - turn][name])
        binding.bind_ortvalue_output("vertices", vertices)
        binding.bind_output("labels")
        bindings.append(binding)

    def frame() -> None:
        graph.run_with_iobinding(bindings[0])
        vertices.numpy().copy()
        bindings.reverse()

    return frame


def around(bundle_name: str | None) -> dict[str, Callable[[], None]]:
    """What an engine does a frame beside the networks."""
    bundle = load(bundle_name)
    config, rng = bundle.features, np.random.default_rng(0)
    noise, features = Noise(0, bundle.temperature, bundle.classes), LogMel(config)
    resampler, spoken = Resampler(48000, config.sample_rate), rng.normal(0, 0.1, 800).astype(np.float32)
    heard = rng.normal(0, 0.1, config.clock.sample(3) // 3).astype(np.float32)
    nothing, template = np.zeros(0, np.float32), bundle.topologies[0].template
    return {
        "noise": lambda: np.copyto(np.empty(noise.shape), noise.frame(7)),
        "resampling from 48 kHz": lambda: np.size(resampler.push(spoken)) and None,
        "features": lambda: np.size(features.push(heard)) and None,
        "packing": lambda: len(wire.pack(wire.FrameMessage("s", 0, 0, 0, 0, 0, template, nothing))) and None,
    }


def measure(steps: dict[str, Callable[[], None]], frames: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each step: CPU and wall, medians, and the quietest tenth's CPU."""
    spent: dict[str, list[tuple[int, int]]] = {name: [] for name in steps}
    for _ in range(-(-frames // BLOCK)):
        for name, step in steps.items():
            for i in range(BLOCK + 5):
                wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
                step()
                if i >= 5:  # the caches are another step's before
                    spent[name].append((time.thread_time_ns() - cpu, time.perf_counter_ns() - wall))
    found = {}
    for name, pairs in spent.items():
        cpu, wall = np.array(pairs).T / 1e6
        found[name] = {"p10": np.percentile(cpu, 10), "p50": np.median(cpu), "p50_wall": np.median(wall)}
    return found


@click.command(help=__doc__)
@click.option("--bundle", help="Whose mesh, noise and features: a folder, default or instant.")
@click.option("--frames", type=click.IntRange(BLOCK), default=400, show_default=True)
@click.option("--batch", "batches", type=int, multiple=True, default=(4, 16), show_default=True)
def main(bundle: str | None, frames: int, batches: tuple[int, ...]) -> None:
    torch.set_num_threads(1)
    with mendable("hot_path"), tempfile.TemporaryDirectory() as temporary:
        folder, loaded = Path(temporary), load(bundle)
        step = full_size_step(len(loaded.deltas[0]), np.abs(loaded.deltas).max((0, 2)) > 0)
        old = Convolutions(step)
        template, identity = torch.zeros(1, len(step.face.order), 3), torch.eye(step.config.basis)[None]
        width = step.config.features.hops_per_frame * step.config.features.mels
        inputs = (torch.zeros(1, width), torch.zeros(1, 12, 64), template, identity, *old.initial())
        names = ["features", "noise", "template", "identity", *(f"state_{i}" for i in range(len(inputs) - 4))]
        outputs = ["vertices", "labels", *(f"next_{name}" for name in names[4:])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                old, inputs, str(folder / "old.onnx"),
                input_names=names, output_names=outputs, opset_version=17, dynamo=False,
            )  # fmt: skip
        _store_as_half(folder / "old.onnx")
        write_graphs(step, folder)
        graph = session(folder / GRAPHS["onnx"][0])
        steps = {"convolutions": fed(session(folder / "old.onnx"), 1), "shipped form": fed(graph, 1)}
        steps["I/O binding"] = bound(graph)
        steps |= {f"a batch of {n}": fed(graph, n) for n in batches}
        found = measure(steps, frames) | measure(around(bundle), frames)
    for n in batches:
        found[f"a batch of {n}"] = {key: value / n for key, value in found[f"a batch of {n}"].items()}
    first = found["convolutions"]["p10"]
    click.echo("| ms a frame of one session | p10 | p50 | p50 wall | p10, times less |\n|---|---|---|---|---|")
    for name, row in found.items():
        times = f"{first / row['p10']:.2f}" if name in steps else ""
        click.echo(f"| {name} | {row['p10']:.3f} | {row['p50']:.3f} | {row['p50_wall']:.3f} | {times} |")
    rounded = {name: {key: round(float(value), 4) for key, value in row.items()} for name, row in found.items()}
    click.echo("\n" + json.dumps({"frames": frames, "ms": rounded}))


if __name__ == "__main__":
    main()
