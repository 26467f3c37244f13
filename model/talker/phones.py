"""One inventory of phones: the names of espeak-ng (IPA), flite and festival, folded into ARPAbet and a few more.

ARPAbet (39 phones of English, and AX for schwa) is extended by what the other languages need and lips can show:
UE (French u, German ü), OE (eu, ö), RU (uvular r: lips neutral), XX (German ch, Spanish j), CC (ich, soft Polish and
Hungarian sounds), NY (gn, ñ), TS, DZ, PF, BV (the open Spanish b), Q (glottal stop) and SIL.
"""

from __future__ import annotations

import unicodedata

SILENCE = "SIL"

DIPHTHONGS: dict[str, tuple[str, str]] = {
    "AY": ("AA", "IH"),
    "AW": ("AA", "UH"),
    "EY": ("EH", "IY"),
    "OW": ("AO", "UW"),
    "OY": ("AO", "IH"),
}
"""Vowels that glide: the first target holds for about 55 % of the time."""

PARTS: dict[str, tuple[str, str]] = {"PF": ("P", "F"), **DIPHTHONGS}
"""Phones that are two phones to the lips."""

_NAMES = (
    "AA AE AH AO AW AX AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH "
    "UE OE RU XX CC NY TS DZ PF BV Q SIL"
)
PHONES: frozenset[str] = frozenset(_NAMES.split())

_IPA: dict[str, tuple[str, ...]] = {
    **{"a": ("AA",), "ɑ": ("AA",), "ɒ": ("AO",), "æ": ("AE",), "ɐ": ("AH",), "ʌ": ("AH",), "ə": ("AX",)},
    **{"ɚ": ("ER",), "ɜ": ("ER",), "ɝ": ("ER",), "ɘ": ("AX",), "ɵ": ("UH",), "ɤ": ("AH",), "ɨ": ("IH",), "ᵻ": ("IH",)},
    **{"i": ("IY",), "ɪ": ("IH",), "e": ("EH",), "ɛ": ("EH",), "o": ("AO",), "ɔ": ("AO",), "u": ("UW",)},
    **{"ʊ": ("UH",), "ʉ": ("UW",), "ɯ": ("IH",), "y": ("UE",), "ʏ": ("UE",), "ø": ("OE",), "œ": ("OE",)},
    **{"p": ("P",), "b": ("B",), "m": ("M",), "ɱ": ("M",), "f": ("F",), "v": ("V",), "ʋ": ("V",), "β": ("BV",)},
    **{"ɸ": ("BV",), "t": ("T",), "d": ("D",), "n": ("N",), "l": ("L",), "ɫ": ("L",), "ʈ": ("T",), "ɖ": ("D",)},
    **{"s": ("S",), "z": ("Z",), "ʃ": ("SH",), "ʒ": ("ZH",), "ʂ": ("SH",), "ʐ": ("ZH",), "ɕ": ("SH",), "ʑ": ("ZH",)},
    **{"θ": ("TH",), "ð": ("DH",), "k": ("K",), "g": ("G",), "ɡ": ("G",), "ŋ": ("NG",), "ɣ": ("G",), "x": ("XX",)},
    **{"χ": ("XX",), "q": ("K",), "h": ("HH",), "ɦ": ("HH",), "ç": ("CC",), "ʝ": ("Y",), "j": ("Y",), "ʎ": ("Y",)},
    **{"ɲ": ("NY",), "c": ("K",), "ɟ": ("G",), "r": ("L",), "ɾ": ("D",), "ɽ": ("D",), "ɹ": ("R",), "ɻ": ("R",)},
    **{"ʁ": ("RU",), "ʀ": ("RU",), "w": ("W",), "ʍ": ("W",), "ɥ": ("UE",), "ʔ": ("Q",), "ʲ": (), "ʴ": ("R",)},
    **{"tʃ": ("CH",), "dʒ": ("JH",), "tɕ": ("CH",), "dʑ": ("JH",), "ts": ("TS",), "dz": ("DZ",), "pf": ("PF",)},
    **{"eɪ": ("EY",), "ei": ("EY",), "ɛɪ": ("EY",), "aɪ": ("AY",), "ai": ("AY",), "aʊ": ("AW",), "æʊ": ("AW",)},
    **{"oʊ": ("OW",), "əʊ": ("OW",), "əu": ("OW",), "ʌʊ": ("OW",), "ɔɪ": ("OY",), "oɪ": ("OY",), "ɔø": ("OY",)},
    **{"ɔʏ": ("OY",), "œy": ("OE", "UE"), "əl": ("AX", "L"), "ss": ("S",), "aa": ("AA",)},
    **{"ɭ": ("L",), "ɳ": ("N",), "ɴ": ("NG",), "ɗ": ("D",), "ɓ": ("B",), "ε": ("EH",), "ɯᵝ": ("UH",)},
}
_IPA_BY_LENGTH = sorted(_IPA, key=len, reverse=True)

_QUIRKS: dict[str, dict[str, str]] = {
    **{"ru": {"y": "ɨ"}, "uk": {"y": "ɨ"}, "ro": {"y": "ɨ"}, "vi": {"y": "ɨ"}},  # unrounded ы, â and ư
    **{"hu": {"ɑ": "ɒ"}, "et": {"ɵ": "ɤ"}, "ca": {"ʋ": "β"}},  # rounded a, unrounded õ, v said as b
}
"""Where espeak-ng's sign for a sound of a language misleads the lips: the sign, and what is said."""

_FLITE = {"AXR": "ER", "DX": "D", "EL": "L", "EM": "M", "EN": "N", "HV": "HH", "NX": "N"}
_FLITE |= {"PAU": SILENCE, "H#": SILENCE, "BRTH": SILENCE}

_SAMPA = {"E": "ɛ", "O": "ɔ", "S": "ʃ", "Z": "ʒ", "T": "θ", "J": "ɲ", "L": "ʎ", "N": "ŋ", "tS": "tʃ", "dZ": "dʒ"}
_FESTIVAL: dict[str, dict[str, str]] = {
    "it": {**_SAMPA, "ng": "ŋ", "nf": "ɱ"},
    "fi": {**_SAMPA, "@": "æ", "7": "ø", "&": "ə"},
    "ca": {**_SAMPA, "ax": "ə", "rr": "r"},
    "cs": {
        **{"c": "ts", "c~": "tʃ", "dz~": "dʒ", "ch": "x", "d~": "ɟ", "t~": "c", "n~": "ɲ", "n*": "ŋ"},
        **{"s~": "ʃ", "z~": "ʒ", "r~": "ʒ", "r~*": "ʃ", "_": "ʔ"},
    },
}
"""festival's names that are not IPA, by language: what its voices call the sound, and its IPA."""


def from_ipa(name: str, language: str = "") -> tuple[str, ...]:
    """Fold an IPA name as espeak-ng writes it in `language` into our phones; "" (a pause) and bare marks give ().

    Length, stress, nasality and other marks are dropped: lips do not show them. Raises KeyError for an unknown sign.
    """
    if name.startswith("("):  # espeak-ng's note that it switches language for a word: "(en)"
        return ()
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFD", name.replace("ç", "\ue000"))
        if not unicodedata.combining(sign) and sign not in "ːˑˈˌ-:_|;!^~*'\"ʰˤ.#? "
    ).replace("\ue000", "ç")
    for sign, said in _QUIRKS.get(language, {}).items():
        plain = plain.replace(sign, said)
    phones: list[str] = []
    while plain:
        key = next((key for key in _IPA_BY_LENGTH if plain.startswith(key)), None)
        if key is None:
            raise KeyError(f"unknown IPA sign in {name!r}: {plain!r}")
        phones.extend(_IPA[key])
        plain = plain[len(key) :]
    return tuple(phones)


def from_flite(name: str) -> str:
    """Fold flite's or a recogniser's name ("ax", "AH0", "pau") into our phones. Raises KeyError for an unknown one."""
    upper = name.upper().rstrip("012")
    upper = _FLITE.get(upper, upper)
    if upper in ("", "SP", "SPN", "SILENCE"):
        return SILENCE
    if upper not in PHONES:
        raise KeyError(f"unknown phone {name!r}")
    return upper


def from_festival(name: str, language: str) -> str:
    """Fold a name of festival's voices in `language` ("O1", "p:", "pau") into our phones; English is as flite's.

    Raises KeyError for an unknown one.
    """
    if language == "en":
        return from_flite(name)
    plain = name.rstrip("1:")
    plain = _FESTIVAL[language].get(plain, plain)
    return SILENCE if plain == "pau" or not plain.strip("#_") else from_ipa(plain)[0]
