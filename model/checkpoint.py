"""A run: a folder with the config, the face basis and one checkpoint a stage, as JSON and safetensors. No pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from voxmesh.model.config import ModelConfig, from_json, to_json
from voxmesh.stream.errors import VoxmeshError


class Run:
    """The folder of one training run.

    `config.json`; `face.safetensors`; for each stage `STAGE.safetensors` (weights), `STAGE.optimizer.safetensors` (all
    that resuming needs), `STAGE.json` (step and scalars, for people) and, where there was something to validate on,
    `STAGE.best.safetensors`. `seed.safetensors`, where the run goes on from a bundle.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def create(self, config: ModelConfig) -> ModelConfig:
        """Write the config, or return the one that is already there: a run keeps its own."""
        path = self.folder / "config.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_text(path, json.dumps(to_json(config), indent=1))
        return self.config()

    def exists(self) -> bool:
        return (self.folder / "config.json").is_file()

    def config(self) -> ModelConfig:
        path = self.folder / "config.json"
        if not path.is_file():
            raise VoxmeshError(
                f"no training run in {self.folder}: {path.name} is not there (start with `voxmesh train`)"
            )
        try:
            return from_json(json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise VoxmeshError(f"{path} is not a config of this version: {error}") from error

    def save(
        self,
        stage: str,
        module: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        about: dict[str, Any] | None = None,
    ) -> None:
        """Checkpoint a stage. What resuming needs is one file, put in place in one move: a kill never tears it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        weights = module.state_dict()
        _write_tensors(self.folder / f"{stage}.safetensors", weights)
        if about is not None:
            _write_text(self.folder / f"{stage}.json", json.dumps(about))
        if optimizer is not None:  # last: what it says is done, the others say too
            states = optimizer.state_dict()["state"]
            flat = {f"optimizer.{i}.{k}": torch.as_tensor(x) for i, state in states.items() for k, x in state.items()}
            flat |= {f"weights.{name}": tensor for name, tensor in weights.items()}
            _write_tensors(self.folder / f"{stage}.optimizer.safetensors", flat, {"about": json.dumps(about or {})})

    def save_best(self, stage: str, module: nn.Module) -> None:
        """Keep these weights as what the stage has learned: `load` prefers them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_tensors(self.folder / f"{stage}.best.safetensors", module.state_dict())

    def load(self, stage: str, module: nn.Module) -> None:
        """The weights that did best on held-out clips, or the last ones where there are none.

        Raises VoxmeshError when the stage was not trained yet or has other sizes.
        """
        path = self.folder / f"{stage}.best.safetensors"
        if not path.is_file():
            path = self.folder / f"{stage}.safetensors"
        if not path.is_file():
            raise VoxmeshError(
                f"{path} is not there: train that stage first (`voxmesh train {stage.partition('-late')[0]}`)"
            )
        _fill(module, load_file(path), path)

    def trained(self, stage: str) -> bool:
        """Whether a stage was trained here, a little at least."""
        return (self.folder / f"{stage}.json").is_file()

    def load_seed(self, part: str, module: nn.Module) -> bool:
        """Load what a bundle gave a seeded run (`from_bundle.py`) for `part`, such as "live.hear"; False without."""
        path = self.folder / "seed.safetensors"
        if not path.is_file():
            return False
        weights = {
            name.removeprefix(f"{part}."): w for name, w in load_file(path).items() if name.startswith(f"{part}.")
        }
        module.load_state_dict(weights)
        return True

    def resume(self, stage: str, module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
        """Load weights, optimiser and what was said with them; None when there is nothing to resume."""
        path = self.folder / f"{stage}.optimizer.safetensors"
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads(file.metadata()["about"])
            flat = load_file(path)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise VoxmeshError(f"{path} is no checkpoint to go on from ({error}): delete it to begin again") from error
        parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "optimizer": {}}
        for key, value in flat.items():
            kind, _, name = key.partition(".")
            parts[kind][name] = value
        _fill(module, parts["weights"], path)
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in parts["optimizer"].items():
            index, name = key.split(".", 1)
            states.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
        return about

    def load_face(self):
        """The face basis, with the sizes that the file has."""
        from voxmesh.model.face_basis import FaceBasis

        path = self.folder / "face.safetensors"
        if not path.is_file():
            raise VoxmeshError(f"{path} is not there: prepare the run first (`voxmesh train prepare`)")
        tensors = load_file(path)
        face = FaceBasis(self.config(), len(tensors["order"]), tensors["basis"].shape[1] // 3)
        face.load_state_dict(tensors)
        return face

    def save_arrays(self, name: str, **arrays: np.ndarray) -> None:
        _write_tensors(
            self.folder / f"{name}.safetensors",
            {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()},
        )

    def has_arrays(self, name: str) -> bool:
        """Whether `save_arrays` was there before."""
        return (self.folder / f"{name}.safetensors").is_file()

    def load_arrays(self, name: str) -> dict[str, np.ndarray]:
        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            raise VoxmeshError(f"{path} is not there: prepare the run first (`voxmesh train prepare`)")
        return {key: value.numpy() for key, value in load_file(path).items()}


def _fill(module: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    try:
        module.load_state_dict(weights)
    except Exception as error:  # safetensors and torch each raise their own
        raise VoxmeshError(f"{path} does not fit this model: {str(error).splitlines()[0]}") from error


def _write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    part = path.with_suffix(".part")
    save_file({key: value.detach().contiguous().cpu() for key, value in tensors.items()}, part, metadata)
    os.replace(part, path)


def _write_text(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)
