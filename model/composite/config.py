"""What a composite model is: its sizes, as frozen data that is stored as JSON beside the weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from voxmesh.model.config import ModelConfig, from_json
from voxmesh.stream.features import FeatureConfig

FRONTS = ("causal", "hubert")


@dataclass(frozen=True)
class CompositeConfig:
    """Sizes of the networks. Where nothing is said, the defaults are the paper's.

    vertices: of the mesh. moving: those of them that move, which are all that the networks see.
    front: "causal", our own audio encoder of the sizes in `audio`; or "hubert", whose weights are `hubert_folder`'s.
    channels: of the linear map of the mesh, of the fused features, and of the residual network that ends them.
    style_channels: of the style encoder's second stage.
    kernel, dilations: of the eight residual blocks. causal: whether those see no later frame, as a stream must have it.
    styled: False leaves the driving sequence out, to compare with.
    """

    vertices: int
    moving: int
    front: str = "causal"
    hubert_folder: str = ""
    audio: ModelConfig = field(default_factory=ModelConfig)
    channels: int = 256
    style_channels: int = 512
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    causal: bool = True
    styled: bool = True

    @property
    def features(self) -> FeatureConfig:
        """How samples become features, and the clock of the frames."""
        return self.audio.features

    @property
    def style_dims(self) -> int:
        """S: a scale and a shift of every channel."""
        return 2 * self.channels

    @property
    def heads(self) -> int:
        """Of a categorical latent: there is none."""
        return 0

    @property
    def classes(self) -> int:
        """A head's, if there were one."""
        return 1

    @property
    def streams(self) -> bool:
        """Whether it can be made a bundle that runs live."""
        return self.causal and self.front == "causal"


def to_dict(config: CompositeConfig) -> dict:
    """Plain JSON data; `from_dict` reads it back."""
    return dataclasses.asdict(config)


def from_dict(data: dict) -> CompositeConfig:
    """The config in `data`. Raises TypeError for a field this version does not know."""
    data = dict(data)
    return CompositeConfig(**{**data, "audio": from_json(data["audio"]), "dilations": tuple(data.get("dilations", ()))})
