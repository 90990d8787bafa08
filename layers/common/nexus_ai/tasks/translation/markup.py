"""Compare and restore the form of a translation: line breaks, white space around lines, and Markdown."""

import re
from collections import Counter
from itertools import zip_longest

from nexus_ai.tasks.translation.placeholders import literals, masked

_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# Markdown at the start of a line: headings, list items, check boxes, quotations.
_LINE_START = re.compile(r"(?:(?:[-*+•]|\d{1,3}[.)]|#{1,6}|\[[ xX]\])[ \t]+|>++[ \t]*+)*")
_RULE = re.compile(r"[:+~ \t]*[-=*_|][-=*_|:+~ \t]*")
# Markdown inside a line. A single * or _ is a mark only if it touches a word on one side: not in 3*4 or snake_case.
_INLINE = re.compile(
    r"\*{2,3}|~~|(?<!\w)[*_]+(?=\S)|(?<=\S)[*_]{1,9}(?!\w)|(?<!\w)~(?=[^\W\d])|(?<=[^\W\d])~(?!\w)|`+|\||!?\[(?=[^\]\n]{0,300}\]\()|\]\("
)
MAX_QUOTED = 10
MAX_QUOTED_CHARACTERS = 80


def restore_line_breaks(source: str, translation: str) -> str | None:
    """Return the translation with the line breaks of the source and its white space around every line.

    Returns None if the lines of the two cannot be matched: they differ in number, or in which ones are empty.
    """
    lines, breaks = _LINE_BREAK.split(source), _LINE_BREAK.findall(source)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    last = next((number for number in reversed(range(len(lines))) if lines[number].strip()), 0)
    translated = _LINE_BREAK.split(translation.strip())
    inner_lines = lines[first : last + 1]
    if [bool(line.strip()) for line in inner_lines] != [bool(line.strip()) for line in translated]:
        return None
    surroundings = [_surrounding_space(line) for line in inner_lines]
    restored = [before + line.strip() + after for (before, after), line in zip(surroundings, translated, strict=True)]
    all_lines = [*lines[:first], *restored, *lines[last + 1 :]]
    return "".join(line + end for line, end in zip_longest(all_lines, breaks, fillvalue=""))


def describe_lines(text: str) -> str:
    """Return the number of lines and of empty lines, as part of a problem sentence."""
    lines = _LINE_BREAK.split(text.strip())
    return f"{len(lines)} lines, {sum(not line.strip() for line in lines)} of them empty"


def markup_diff(source: str, translation: str) -> list[str]:
    """Return one sentence for each kind of literal or Markdown that was lost or added, and for each changed line."""
    problems = [
        *_count_problems("must stand in it as in the text", literals(source), literals(translation)),
        *_count_problems(
            "are marks of Markdown and must stand in it as in the text",
            _inline_marks(source),
            _inline_marks(translation),
        ),
    ]
    lines = _LINE_BREAK.split(source), _LINE_BREAK.split(translation)
    if len(lines[0]) == len(lines[1]):
        problems += [
            f"line {number} must begin with {_line_start(line) or 'a word'!r}"
            for number, (line, translated) in enumerate(zip(*lines, strict=True), 1)
            if _line_start(line) != _line_start(translated)
        ]
    return problems[:MAX_QUOTED]


def _surrounding_space(line: str) -> tuple[str, str]:
    """Return the white space before and after a line's words; all of it is before if the line has no words."""
    words = line.lstrip()
    return line[: len(line) - len(words)], words[len(words.rstrip()) :]


def _line_start(line: str) -> str:
    line = line.strip()
    found = _LINE_START.match(line)
    return line if _RULE.fullmatch(line) else " ".join(found.group().split()) if found else ""


def _inline_marks(text: str) -> Counter[str]:
    inner_lines = (_LINE_START.sub("", line.strip(), count=1) for line in _LINE_BREAK.split(masked(text)))
    return Counter(mark for line in inner_lines for mark in _INLINE.findall(line))


def _count_problems(rule: str, expected: Counter[str], actual: Counter[str]) -> list[str]:
    lost, added = expected - actual, actual - expected
    problems: list[str] = []
    if lost:
        problems.append(f"these {rule}, and are lost: {_quoted(lost)}")
    if added:
        problems.append(f"these stand in it more often than in the text: {_quoted(added)}")
    return problems


def _quoted(pieces: Counter[str]) -> str:
    quoted = [
        piece[:MAX_QUOTED_CHARACTERS] + (f" ({count} times)" if count > 1 else "")
        for piece, count in list(pieces.items())[:MAX_QUOTED]
    ]
    more = len(pieces) - len(quoted)
    return ", ".join(quoted) + (f" and {more} more" if more else "")
