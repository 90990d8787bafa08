"""Find the ends of sentences in scripts that mark them with a full stop or an ideographic one."""

import re
from collections.abc import Iterator

_STOP = re.compile("(?<![.!?…])(?P<stop>[.!?…]++)[\"'”’»)\\]*_]*+(?=\\s|$)|[。！？]+[”」』]*")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
# Abbreviations of Portuguese, English and Spanish: their full stop does not end a sentence. A single letter is an
# initial and counts as one, too.
_ABBREVIATIONS = frozenset(
    (
        *("art", "av", "cap", "dr", "dra", "dras", "drs", "ed", "eng", "etc", "ex", "exa", "exma", "exmo", "fig"),
        *("gov", "hab", "ltda", "no", "nr", "núm", "obs", "pág", "págs", "prof", "profa", "sr", "sra", "sras", "srs"),
        *("srta", "tel", "vol", "mr", "mrs", "ms", "st", "vs", "jr", "inc", "dept", "approx", "lic", "ing", "ud"),
        *("uds", "ee", "uu"),
    )
)


def ends(text: str) -> Iterator[int]:
    """Yield the position after each sentence's last mark. In doubtful cases the sentence continues."""
    for found in _STOP.finditer(text):
        if found["stop"] != "." or not _sentence_continues(text, found.start(), found.end()):
            yield found.end()


def _sentence_continues(text: str, stop: int, end: int) -> bool:
    following = text[end : end + 40].lstrip()
    if not following:
        return False
    word = _LAST_WORD.search(text, max(0, stop - 10), stop)
    if word and (len(word.group()) == 1 or word.group().lower() in _ABBREVIATIONS):
        return True
    return following[0].islower()
