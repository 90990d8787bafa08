"""The form of a text beside its words: line breaks, white space at the ends of lines, and marks of Markdown."""

import re
from collections import Counter
from itertools import zip_longest

from nexus_ai.tasks.translation.placeholders import literals, masked

_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# What a line begins with: headings, items of a list, boxes to tick, quotations.
_BEGINNING = re.compile(r"(?:(?:[-*+•]|\d{1,3}[.)]|#{1,6}|\[[ xX]\])[ \t]+|>++[ \t]*+)*")
_RULE = re.compile(r"[:+~ \t]*[-=*_|][-=*_|:+~ \t]*")
# Inside a line. A lone * or _ is a mark where it touches a word on one side: 3*4 and snake_case have none.
_INLINE = re.compile(
    r"\*{2,3}|~~|(?<!\w)[*_]+(?=\S)|(?<=\S)[*_]{1,9}(?!\w)|(?<!\w)~(?=[^\W\d])|(?<=[^\W\d])~(?!\w)|`+|\||!?\[(?=[^\]\n]{0,300}\]\()|\]\("
)
QUOTED = 10
QUOTED_CHARACTERS = 80


def restore_line_breaks(source: str, translation: str) -> str | None:
    """The translation with the source's line breaks and its white space around every line.

    None where its lines are not those of the source.
    """
    lines, breaks = _LINE_BREAK.split(source), _LINE_BREAK.findall(source)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    last = next((number for number in reversed(range(len(lines))) if lines[number].strip()), 0)
    translated = _LINE_BREAK.split(translation.strip())
    within = lines[first : last + 1]
    if [bool(line.strip()) for line in within] != [bool(line.strip()) for line in translated]:
        return None
    middle = [_around(line) for line in within]
    whole = [before + line.strip() + behind for (before, behind), line in zip(middle, translated, strict=True)]
    all_lines = [*lines[:first], *whole, *lines[last + 1 :]]
    return "".join(line + end for line, end in zip_longest(all_lines, breaks, fillvalue=""))


def lines_told(text: str) -> str:
    """How many lines a text has, for the model."""
    lines = _LINE_BREAK.split(text.strip())
    return f"{len(lines)} lines, {sum(not line.strip() for line in lines)} of them empty"


def markup_diff(source: str, translation: str) -> list[str]:
    """What did not come through of literals and marks, as sentences."""
    told = [
        *_changed("must stand in it as in the text", literals(source), literals(translation)),
        *_changed("are marks of Markdown and must stand in it as in the text", _inline(source), _inline(translation)),
    ]
    lines = _LINE_BREAK.split(source), _LINE_BREAK.split(translation)
    if len(lines[0]) == len(lines[1]):
        told += [
            f"line {number} must begin with {_begin(line) or 'a word'!r}"
            for number, (line, translated) in enumerate(zip(*lines, strict=True), 1)
            if _begin(line) != _begin(translated)
        ]
    return told[:QUOTED]


def _around(line: str) -> tuple[str, str]:
    """The white space before and behind a line's words; all of it before, where there are none."""
    words = line.lstrip()
    return line[: len(line) - len(words)], words[len(words.rstrip()) :]


def _begin(line: str) -> str:
    line = line.strip()
    found = _BEGINNING.match(line)
    return line if _RULE.fullmatch(line) else " ".join(found.group().split()) if found else ""


def _inline(text: str) -> Counter[str]:
    within = (_BEGINNING.sub("", line.strip(), count=1) for line in _LINE_BREAK.split(masked(text)))
    return Counter(mark for line in within for mark in _INLINE.findall(line))


def _changed(rule: str, wanted: Counter[str], there: Counter[str]) -> list[str]:
    lost, added = wanted - there, there - wanted
    told: list[str] = []
    if lost:
        told.append(f"these {rule}, and are lost: {_quoted(lost)}")
    if added:
        told.append(f"these stand in it more often than in the text: {_quoted(added)}")
    return told


def _quoted(pieces: Counter[str]) -> str:
    quoted = [
        piece[:QUOTED_CHARACTERS] + (f" ({often} times)" if often > 1 else "")
        for piece, often in list(pieces.items())[:QUOTED]
    ]
    more = len(pieces) - len(quoted)
    return ", ".join(quoted) + (f" and {more} more" if more else "")
