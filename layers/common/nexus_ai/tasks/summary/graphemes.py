"""Characters as readers count them: extended grapheme clusters (https://www.unicode.org/reports/tr29/).

Each code point becomes a letter for what it does in a cluster, and a cluster is the standard's regular expression
(UAX 29, table 1c) over these letters. The tables are graphemeu's; its own loop over them gets some sequences wrong.
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
# Extending marks: those of Indic conjuncts keep E, their linkers are K, all others N; C is a consonant.
_CONJUNCT_LETTERS = {("E", "InCBLinker"): "K", ("E", "Other"): "N", ("O", "InCBConsonant"): "C"}

_CLUSTER = re.compile(
    r"rn|[rnc]"
    r"|P*(?:L*(?:V+|AV*|B)T*|L+|T+|RR|X(?:[EKN]*ZX)*|K[EZ]*C|[^rnc])"
    r"(?:K[EZ]*C|[EKNZS])*"
)


def count(text: str) -> int:
    """How many clusters a text has; a line break is one."""
    return sum(1 for _ in _CLUSTER.finditer("".join(map(_letter, text))))


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    letter = _LETTER_BY_PROPERTY[breaks.get_group(char).value]
    conjunct: str = conjuncts.get_group_ord(ord(char)).value  # pyright: ignore[reportUnknownMemberType]
    return _CONJUNCT_LETTERS.get((letter, conjunct), letter)
