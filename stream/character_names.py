"""What other people call ARKit's blendshapes: `Face_M_eyeBlink_L`, `blendShape1.JawOpen`, `head.L_mouthSmile`.

Case does not count. A prefix counts as one when something other than a letter or digit ends it. A side may be `Left`,
`_L`, `.L` or a plain `L`, before the name or after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from voxmesh.stream.arkit import ARKIT_NAMES

_SIDES = ("Left", "Right")


def _spellings(name: str) -> Iterable[str]:
    """All ways to spell one ARKit name, in lower case, without separators; a whole one may come in two halves."""
    stem = next((name.removesuffix(side) for side in _SIDES if name.endswith(side)), None)
    if stem in (None, "jaw", "mouth"):
        yield name.lower()
    if stem is None:
        for side in _SIDES:
            yield from (f"{name}{side}".lower(), f"{name}{side[0]}".lower())
        return
    side = name.removeprefix(stem)
    for word in (side, side[0]):
        yield from (f"{stem}{word}".lower(), f"{word}{stem}".lower())


_KNOWN = {spelling: name for name in ARKIT_NAMES for spelling in _spellings(name)}


def arkit_name(name: str) -> str | None:
    """The ARKit name that `name` means, or None."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    for start in range(len(words)):
        known = _KNOWN.get("".join(words[start:]).lower())
        if known is not None:
            return known
    return None


def is_half(name: str) -> bool:
    """Whether `name` has a side where ARKit has none, as `browInnerUp_L`: its two halves add up to one shape."""
    known = arkit_name(name)
    if known is None:
        return False
    spelt = re.sub(r"[^a-z0-9]+", "", name.lower())
    return not spelt.endswith(known.lower()) and not known.endswith(_SIDES)


def match(names: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """({ARKit name: the names that mean it}, names left over), in ARKit's order. Two names only where they are halves.

    Where a shape is there whole and twice, the first stays and the other is left over.
    """
    found: dict[str, list[str]] = {}
    rest = []
    for name in names:
        known = arkit_name(name)
        if known is None or (known in found and not (is_half(name) and is_half(found[known][0]))):
            rest.append(name)
        else:
            found.setdefault(known, []).append(name)
    return {name: tuple(found[name]) for name in ARKIT_NAMES if name in found}, tuple(rest)
