"""Count characters as readers do, by extended grapheme clusters (https://www.unicode.org/reports/tr29/).

Each code point is replaced by a letter for its break property. A cluster is the standard's regular expression over
these letters (UAX 29, table 1c). Only the tables of the package graphemeu are used: its own loop gets some sequences
wrong.
"""

import re
from functools import lru_cache

from grapheme import grapheme_property_group as breaks  # pyright: ignore[reportMissingTypeStubs]
from grapheme import incb_property_group as conjuncts  # pyright: ignore[reportMissingTypeStubs]

_LETTER_BY_PROPERTY = {
    "CR": "r", "LF": "n", "Control": "c", "Prepend": "P", "Extend": "E", "ZWJ": "Z", "SpacingMark": "S",
    "Regional_Indicator": "R", "Extended_Pictographic": "X", "L": "L", "V": "V", "T": "T", "LV": "A", "LVT": "B",
    "Other": "O",
}  # fmt: skip
# Indic conjuncts need finer letters. Extending marks of conjuncts keep E, their linkers are K, other extending marks
# are N, and consonants are C.
_CONJUNCT_LETTERS = {("E", "InCBLinker"): "K", ("E", "Other"): "N", ("O", "InCBConsonant"): "C"}

_CLUSTER = re.compile(
    r"rn|[rnc]"
    r"|P*(?:L*(?:V+|AV*|B)T*|L+|T+|RR|X(?:[EKN]*ZX)*|K[EZ]*C|[^rnc])"
    r"(?:K[EZ]*C|[EKNZS])*"
)


def count(text: str) -> int:
    """Return the number of clusters in a text. A line break is one cluster."""
    return sum(1 for _ in _CLUSTER.finditer("".join(map(_letter, text))))


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    letter = _LETTER_BY_PROPERTY[breaks.get_group(char).value]
    conjunct: str = conjuncts.get_group_ord(ord(char)).value  # pyright: ignore[reportUnknownMemberType]
    return _CONJUNCT_LETTERS.get((letter, conjunct), letter)
