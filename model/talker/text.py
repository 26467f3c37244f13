"""Endless sentences from a seed: whole sentences, filled templates, joined clauses and shuffled words."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from voxmesh.model.talker.sentences import SENTENCES
from voxmesh.model.talker.sentences_english import ENGLISH_SLOTS, ENGLISH_TEMPLATES

_MARKS = ".,;:!?¿¡।、。"
LANGUAGES: tuple[str, ...] = tuple(SENTENCES)


def _pick(rng: np.random.Generator, items: tuple[str, ...]) -> str:
    return items[int(rng.integers(len(items)))]


@cache
def _words(language: str) -> tuple[str, ...]:
    text = " ".join(SENTENCES[language])
    if language == "en":
        text += " " + re.sub(r"\{\w+\}", "", " ".join(ENGLISH_SLOTS.values())).replace("|", " ")
    return tuple(word for word in (word.strip(_MARKS) for word in text.split()) if word)


def _template(rng: np.random.Generator) -> str:
    def fill(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "number":
            return str(int(rng.integers(2, 2000)))
        return _pick(rng, tuple(ENGLISH_SLOTS[slot].split("|")))

    sentence = _pick(rng, ENGLISH_TEMPLATES)
    while "{" in sentence:
        sentence = re.sub(r"\{(\w+)\}", fill, sentence)
    return sentence[0].upper() + sentence[1:]


def _clauses(rng: np.random.Generator, language: str) -> str:
    """Join the halves of two sentences at a word boundary: new neighbours for the sounds, still sayable."""
    first, second = (_pick(rng, SENTENCES[language]).rstrip(".!?;।。").split() for _ in range(2))
    cut = max(2, len(first) // 2 + int(rng.integers(-1, 2)))
    mark = _pick(rng, (", ", " ", ", ", ". "))
    tail = second[-max(2, len(second) // 2 + int(rng.integers(-1, 2))) :]
    return " ".join(first[:cut]).rstrip(",") + mark + " ".join(tail) + _pick(rng, (".", ".", "?", "!"))


def _salad(rng: np.random.Generator, language: str) -> str:
    """Random words: rare neighbours of sounds that real sentences seldom give."""
    words = _words(language)
    count = int(rng.integers(3, 10))
    chosen = [_pick(rng, words).lower() for _ in range(count)]
    if count > 5 and rng.random() < 0.5:
        chosen[count // 2 - 1] += ","
    return " ".join(chosen).capitalize() + "."


def sentence(rng: np.random.Generator, language: str = "en") -> str:
    """One sentence of `language` (a key of SENTENCES), the next from `rng`; 2 to about 20 words."""
    draw = rng.random()
    if language == "en" and draw < 0.45:
        return _template(rng)
    if draw < 0.65:
        return _pick(rng, SENTENCES[language])
    if draw < 0.85:
        return _clauses(rng, language)
    return _salad(rng, language)
