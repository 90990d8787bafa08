"""What a summary has to keep: its style, its language, and never more characters than were asked for."""

import re
from collections.abc import Sequence
from itertools import accumulate

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.shared.language import is_other_language
from nexus_ai.tasks.summary import graphemes
from nexus_ai.tasks.summary.models import Style, Summary
from nexus_ai.tasks.summary.sentences import ends
from nexus_ai.tasks.summary.styles import BULLET

# A summary that is too long loses whole sentences or points from its end, where that leaves so much of it
# (docs/decisions); otherwise the model writes it again.
LEAST_LEFT = 0.75

_MARK_OF_LIST = re.compile(r"\s*(?:[-*+•–—]|\d{1,2}[.)])(?:\s+|$)")
_HEADING = re.compile(r"#{1,6}\s")
_CUT = re.compile(r"(?:…|\.\.\.)[\"'”’»)]*$")
# Not every script ends a sentence with a mark: of letters, those of Latin script tell.
_LETTER_OR_COMMA = re.compile(r"[0-9A-Za-z\xc0-\u024f,;:(\[{/–—-]$")
# WhatsApp's marks come in pairs: https://faq.whatsapp.com/539178204879377
_PAIRED = ("*", "_", "~")


def of_text(written: str, style: Style, most: int, language: str, expected: str | None) -> Summary:
    """The summary that a model's text comes to.

    `expected` is the language that it should be in, where that is known. Raises ContractBroken.
    """
    text = _in_lines(written) if style is Style.WHATSAPP else " ".join(written.split())
    cut = text if style is Style.HEADLINE else _within(text, most)
    problems = [*_style_problems(written, text, style), *_problems(text, cut, most, expected)]
    if problems:
        raise InvalidOutputError(*problems)
    return Summary(text=cut, points=(), characters=graphemes.count(cut), language=language)


def of_points(written: Sequence[str], most: int, language: str, expected: str | None) -> Summary:
    """The same for a list. Raises ContractBroken."""
    points = [point for point in map(_point, written) if point]
    kept = _points_within(points, most)
    text, cut = _list(points), _list(kept)
    problems = [f"point {number} breaks off" for number, point in enumerate(points, 1) if _CUT.search(point)]
    problems += _problems(text, cut, most, expected)
    if problems:
        raise InvalidOutputError(*problems)
    return Summary(text=cut, points=kept, characters=graphemes.count(cut), language=language)


def _problems(text: str, cut: str, most: int, expected: str | None) -> list[str]:
    length, left = graphemes.count(text), graphemes.count(cut)
    problems: list[str] = []
    if not text:
        problems.append("it says nothing")
    elif left > most or left < LEAST_LEFT * length:
        problems.append(f"it has {length} characters, and {most} are allowed: take out at least {length - most}")
    if expected and is_other_language(text, expected):
        problems.append(f"it is not in the language {expected}")
    return problems


def _style_problems(written: str, text: str, style: Style) -> list[str]:
    problems: list[str] = []
    lines = written.strip().splitlines()
    if style is Style.WHATSAPP:
        if "**" in text or any(_HEADING.match(line) for line in lines):
            problems.append("it has marks that WhatsApp does not know, such as ** or #")
    elif any(_MARK_OF_LIST.match(line) or _HEADING.match(line) for line in lines[1:]):
        problems.append("it is a list, and one running text is asked for")
    if style is Style.HEADLINE and len(lines) > 1:
        problems.append("it has more than one line")
    if _CUT.search(text) or (style is Style.PARAGRAPH and _LETTER_OR_COMMA.search(text)):
        problems.append("it breaks off: end it as a sentence ends")
    return problems


def _in_lines(text: str) -> str:
    """The text without white space at the ends of its lines, and with one empty line between its paragraphs."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in text.strip().splitlines()))


def _within(text: str, most: int) -> str:
    """The text, or its longest beginning of whole sentences that fits; empty where there is none."""
    if graphemes.count(text) <= most:
        return text
    found, begin, length = "", 0, 0
    for end in ends(text):
        length += graphemes.count(text[begin:end])
        begin = end
        if length > most:
            break
        if _pairs_closed(text[:end]):
            found = text[:end]
    return found


def _point(written: str) -> str:
    """The point in one line, without the mark that a model set before it. A dash within it is the point's own."""
    line = " ".join(written.split())
    mark = _MARK_OF_LIST.match(line)
    return line[mark.end() :] if mark else line


def _points_within(points: Sequence[str], most: int) -> tuple[str, ...]:
    """The first points whose list fits."""
    lengths = accumulate(graphemes.count(f"{BULLET}{point}\n") for point in points)
    # The last line of a list has no line break.
    return tuple(point for point, length in zip(points, lengths, strict=True) if length - 1 <= most)


def _pairs_closed(text: str) -> bool:
    return all(text.count(mark) % 2 == 0 for mark in _PAIRED)


def _list(points: Sequence[str]) -> str:
    return "\n".join(f"{BULLET}{point}" for point in points)
