"""A whole training in one JSON file: what `voxmesh train all` does, and the defaults of every stage."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from voxmesh.model.config import ModelConfig, from_json, to_json
from voxmesh.model.trainer import Training
from voxmesh.stream.errors import VoxmeshError

T = TypeVar("T")

_AUTO = Training(steps=0, device="auto", precision="auto")
STAGES: dict[str, Training] = {
    "audio": replace(_AUTO, steps=12000),
    "codes": replace(_AUTO, steps=2500, batch=12),
    "context": replace(_AUTO, steps=2200, frames=240, learning_rate=1e-3),
    "decoder": replace(_AUTO, steps=1000, learning_rate=5e-4),
}
"""The stages in their order, as they train by default."""


@dataclass(frozen=True)
class Plan:
    """model: sizes. variants, seed: as `voxmesh train prepare`. stages: how each is trained, all of STAGES."""

    model: ModelConfig = field(default_factory=ModelConfig)
    variants: int = 4
    seed: int = 0
    stages: dict[str, Training] = field(default_factory=lambda: dict(STAGES))


def read_plan(path: Path) -> Plan:
    """{"model": {...}, "variants": 4, "seed": 0, "audio": {"steps": 500, ...}, "codes": {...}, ...}.

    What is left out is as by default. Raises VoxmeshError for a file, a name or a value that will not do.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
        known = {"model", "variants", "seed", *STAGES}
        if unknown := sorted(set(told) - known):
            raise ValueError(f"it has {', '.join(unknown)}; what may be there is {', '.join(sorted(known))}")
        stages = {name: _changed(defaults, told.get(name, {}), name) for name, defaults in STAGES.items()}
        model = from_json({**to_json(ModelConfig()), **told.get("model", {})})
        numbers = {name: int(told[name]) for name in ("variants", "seed") if name in told}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise VoxmeshError(f"{path} is no plan of a training: {error}") from error
    return Plan(model, stages=stages, **numbers)


def plan_json(plan: Plan) -> dict[str, Any]:
    """Plain data, everything said; `read_plan` reads it back."""
    stages = {name: asdict(training) for name, training in plan.stages.items()}
    return {"model": to_json(plan.model), "variants": plan.variants, "seed": plan.seed, **stages}


def _changed(defaults: T, told: dict[str, Any], name: str) -> T:
    kinds = {field.name: type(getattr(defaults, field.name)) for field in fields(defaults)}  # type: ignore[arg-type]
    for key, value in told.items():
        if key not in kinds:
            raise ValueError(f"{name} has {key!r}; what may be there is {', '.join(kinds)}")
        if not isinstance(value, kinds[key]) and not (kinds[key] is float and isinstance(value, int)):
            raise ValueError(f"{name} has {key} = {value!r}, which is no {kinds[key].__name__}")
    return replace(defaults, **told)  # type: ignore[type-var]
