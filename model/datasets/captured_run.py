"""A training run on a store of captured faces: the same stages as on the talker, on what the meshes are made of.

The store's offsets become coefficients of `MotionBasis`, in the place of the talker's curves; its subjects' templates
become the bundle's identities. Clips of the split `valid`, which the published splits fill with subjects of their own,
are what early stopping listens to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxmesh.model.checkpoint import Run
from voxmesh.model.config import ModelConfig
from voxmesh.model.datasets.landmarks import guess_landmarks, guess_regions, read_landmarks
from voxmesh.model.datasets.mesh_store import MeshStore, open_mesh_store
from voxmesh.model.datasets.motion_basis import MotionBasis, fit_motion_basis, sample_offsets
from voxmesh.model.datasets.plain_topology import clay_topology
from voxmesh.model.store import fill_store
from voxmesh.model.talker.moods import AXES
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.topology import LANDMARKS, Topology


@dataclass(frozen=True, eq=False)
class CapturedClip:
    """One clip of a store, as `fill_store` wants it: nobody knows its phones, nor its mood."""

    store: MeshStore
    index: int
    curves: np.ndarray
    phones: None = None
    calm: None = None

    @property
    def audio(self) -> np.ndarray:
        return self.store.audio(self.index)

    @property
    def style(self) -> np.ndarray:
        return np.zeros(len(AXES), np.float32)


def is_mesh_store(folder: Path) -> bool:
    """Whether `voxmesh data prepare` wrote, or began, what is there."""
    return (folder / "settings.json").is_file()


def prepare_captured(
    run: Run,
    data: Path,
    config: ModelConfig,
    variants: int = 4,
    seed: int = 0,
    workers: int = 2,
    landmarks: Path | None = None,
) -> None:
    """Fill the run's folder from the store in `data`: config, mesh, face basis, features. What is there is kept.

    Features are the store's, whatever `config` says of them; landmarks: JSON of those that are known.
    Raises VoxmeshError when the store is not finished, has no training clip, or the run was begun with other features.
    """
    whole = open_mesh_store(data)
    store = whole.only("train")
    config = run.create(replace(config, features=whole.features))
    if config.features != whole.features:
        raise VoxmeshError(f"{run.folder} was begun with other features than {data} has: prepare a new run")
    begun = captured_topologies(run)
    if begun is not None and not _same_faces(begun, whole):
        raise VoxmeshError(f"{run.folder} was begun with other faces than {data} has: prepare a new run")
    if begun is None:
        offsets = sample_offsets(store)
        arrays = mesh_arrays(whole, offsets, landmarks)
        importance = 1.0 + 2.0 * arrays["region.mouth"] + 4.0 * arrays["region.eyelid"]
        basis = fit_motion_basis(config, offsets, importance)
        run.save("face", basis.face)
        run.save_arrays("rig", to_coefficients=np.eye(config.basis, dtype=np.float32))
        run.save_arrays("projector", projector=basis.projector, moving=basis.moving)
        run.save_arrays("mesh", **arrays)
    basis = load_motion_basis(run)
    valid = any(clip.split == "valid" for clip in whole.clips)
    for name, part in {"features": store, **({"features-valid": whole.only("valid")} if valid else {})}.items():

        def read(part: MeshStore = part) -> list[CapturedClip]:
            count = range(len(part.clips))
            return [CapturedClip(part, index, basis.coefficients(part.offsets(index))) for index in count]

        kept = variants if name == "features" else 1
        fill_store(run.folder / name, read, config.features, kept, seed, workers, {"data": str(data)})


def _same_faces(topologies: dict[str, Topology], store: MeshStore) -> bool:
    subjects = sorted(topologies) == sorted(store.templates)
    return subjects and all(np.array_equal(t.template, store.templates[name]) for name, t in topologies.items())


def mesh_arrays(store: MeshStore, offsets: np.ndarray, landmarks: Path | None = None) -> dict[str, np.ndarray]:
    """What a run keeps of the mesh: faces, template.SUBJECT (V, 3), region.NAME (V,), `LANDMARKS`' vertices.

    offsets: (N, V, 3), some of the motion, which tells the lips apart.
    """
    template = np.mean(list(store.templates.values()), axis=0)
    regions = guess_regions(template, store.masks)
    found = guess_landmarks(template, regions["mouth"], offsets[:, :, 1].std(axis=0))
    if landmarks is not None:
        found |= read_landmarks(landmarks, store.vertex_count)
    return {
        "faces": store.faces,
        **{f"template.{subject}": points for subject, points in store.templates.items()},
        **{f"region.{name}": region for name, region in regions.items()},
        "landmarks": np.array([found[name] for name in LANDMARKS], np.int64),
    }


def load_motion_basis(run: Run) -> MotionBasis:
    """What turns offsets into the run's coefficients. Raises VoxmeshError when the run is not of captured faces."""
    arrays = run.load_arrays("projector")
    return MotionBasis(run.load_face(), arrays["moving"], arrays["projector"])


def captured_topologies(run: Run) -> dict[str, Topology] | None:
    """Subject -> topology, plain clay; None where the run is not of captured faces."""
    if not run.has_arrays("mesh"):
        return None
    arrays = run.load_arrays("mesh")

    def named(kind: str) -> dict[str, np.ndarray]:
        return {key.removeprefix(f"{kind}."): array for key, array in arrays.items() if key.startswith(f"{kind}.")}

    regions = named("region")
    landmarks = dict(zip(LANDMARKS, arrays["landmarks"].tolist(), strict=True))
    return {
        subject: clay_topology(template, arrays["faces"], landmarks, regions)
        for subject, template in sorted(named("template").items())
    }
