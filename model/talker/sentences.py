"""Sentences written for the talker, by language: everyday prose with every sound of each language in it."""

from __future__ import annotations

from voxmesh.model.talker.sentences_east import EAST
from voxmesh.model.talker.sentences_english import ENGLISH
from voxmesh.model.talker.sentences_north import NORTH
from voxmesh.model.talker.sentences_west import WEST
from voxmesh.model.talker.sentences_world import WORLD

SENTENCES: dict[str, tuple[str, ...]] = {"en": ENGLISH, **WEST, **NORTH, **EAST, **WORLD}
"""Language code (espeak-ng's first part of a voice name) to sentences; ours, not quoted from any corpus."""
