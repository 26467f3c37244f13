"""The published divisions into train, valid and test, by subject and sentence.

VOCASET: as VOCA sets it up (Cudeiro et al. 2019), as every later paper does. BIWI: FaceFormer's (Fan et al. 2022), with
both of its test sets. multiface, also in MeshTalk's layout: by identity, MM 2023's; its validation set holds its test
set, which is test only here.
"""

from __future__ import annotations

import re

VOCASET_VALID = {"FaceTalk_170811_03275_TA", "FaceTalk_170908_03277_TA"}
VOCASET_TEST = {"FaceTalk_170809_00138_TA", "FaceTalk_170731_00024_TA"}
BIWI_SEEN = {"F2", "F3", "F4", "M3", "M4", "M5"}
"""Whose sentences 1-32 are train, 33-36 valid and 37-40 test; of the others only 37-40 are used, as test."""
BIWI_FAULTY = frozenset(
    ["F1_e12", "F1_e20", "F1_36", "F1_39", "F3_e02", "F3_e03", "F4_27", "F6_e21", "F6_e31", "F6_36"]
    + [f"M1_e{sentence:02d}" for sentence in range(1, 21)]
    + ["M2_e04", "M2_e08", "M2_20", "M2_31", "M6_e02", "M6_e18", "M6_e27", "M6_21"]
)
"""SUBJECT_SENTENCE of the clips that MM 2023 lists as faulty; without an e: neutral ones."""
MULTIFACE_VALID = {"6674443", "5372021"}
MULTIFACE_TEST = {"002643814", "002421669"}


def number(name: str) -> int:
    """The number that a sentence's name ends with; 0 when there is none."""
    found = re.search(r"(\d+)$", name)
    return int(found.group(1)) if found else 0


def vocaset(subject: str, name: str) -> str:
    """Train: 8 subjects, all 40 sentences; valid and test: 2 subjects each, sentences 21 to 40."""
    if subject not in VOCASET_VALID | VOCASET_TEST:
        return "train"
    if number(name) <= 20:
        return "unused"
    return "valid" if subject in VOCASET_VALID else "test"


def biwi(subject: str, name: str) -> str:
    """Emotional sentences (eNN) only; the neutral ones (NN) are in nobody's split."""
    sentence = number(name)
    if not name.startswith("e"):
        return "unused"
    if subject not in BIWI_SEEN:
        return "test" if sentence >= 37 else "unused"
    return "train" if sentence <= 32 else "valid" if sentence <= 36 else "test"


def multiface(subject: str, name: str) -> str:
    """By the identity in `m--DATE--TIME--IDENTITY--GHS`; silent expressions (E0xx) are unused."""
    identity = subject.split("--")[-2] if subject.count("--") >= 2 else subject
    if not name.startswith("SEN"):
        return "unused"
    return "valid" if identity in MULTIFACE_VALID else "test" if identity in MULTIFACE_TEST else "train"
