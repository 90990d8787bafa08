"""Check a summary's style, language and length, and shorten one that is slightly too long."""

import re
from collections.abc import Sequence
from itertools import accumulate

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.shared.language import is_other_language
from nexus_ai.tasks.summary import graphemes
from nexus_ai.tasks.summary.models import Style, Summary
from nexus_ai.tasks.summary.sentences import ends
from nexus_ai.tasks.summary.styles import BULLET

# A summary that is too long loses whole sentences or points at its end if at least this share remains
# (docs/decisions). Otherwise the model has to repair it.
MIN_KEPT_SHARE = 0.75

_LIST_MARK = re.compile(r"\s*(?:[-*+•–—]|\d{1,2}[.)])(?:\s+|$)")
_HEADING = re.compile(r"#{1,6}\s")
_ELLIPSIS_AT_END = re.compile(r"(?:…|\.\.\.)[\"'”’»)]*$")
# A paragraph that ends with one of these is unfinished. Only Latin letters count, because not every script ends its
# sentences with a mark.
_UNFINISHED_END = re.compile(r"[0-9A-Za-z\xc0-\u024f,;:(\[{/–—-]$")
# Formatting marks of WhatsApp, which come in pairs: https://faq.whatsapp.com/539178204879377
_PAIRED_MARKS = ("*", "_", "~")


def build_text_summary(output: str, style: Style, max_characters: int, language: str, expected: str | None) -> Summary:
    """Return the summary of a style that is running text.

    Args:
        output: The text as the model returned it.
        style: The requested style.
        max_characters: The limit in extended grapheme clusters.
        language: The BCP 47 tag to report.
        expected: The language that the text should be in, or None if it is unknown.

    Raises:
        InvalidOutputError: The text breaks the style or the language, or is too long to be shortened.
    """
    text = _normalize_lines(output) if style is Style.WHATSAPP else " ".join(output.split())
    cut = text if style is Style.HEADLINE else _cut_to_sentences(text, max_characters)
    problems = [
        *_style_problems(output, text, style),
        *_length_and_language_problems(text, cut, max_characters, expected),
    ]
    if problems:
        raise InvalidOutputError(*problems)
    return Summary(text=cut, points=(), characters=graphemes.count(cut), language=language)


def build_list_summary(output: Sequence[str], max_characters: int, language: str, expected: str | None) -> Summary:
    """Return the summary of the style `bullets`. See build_text_summary for arguments and errors."""
    points = [point for point in map(_clean_point, output) if point]
    kept = _points_that_fit(points, max_characters)
    text, cut = _format_list(points), _format_list(kept)
    problems = [
        f"point {number} breaks off" for number, point in enumerate(points, 1) if _ELLIPSIS_AT_END.search(point)
    ]
    problems += _length_and_language_problems(text, cut, max_characters, expected)
    if problems:
        raise InvalidOutputError(*problems)
    return Summary(text=cut, points=kept, characters=graphemes.count(cut), language=language)


def _length_and_language_problems(text: str, cut: str, max_characters: int, expected: str | None) -> list[str]:
    length, kept_length = graphemes.count(text), graphemes.count(cut)
    problems: list[str] = []
    if not text:
        problems.append("it says nothing")
    elif kept_length > max_characters or kept_length < MIN_KEPT_SHARE * length:
        problems.append(
            f"it has {length} characters, and {max_characters} are allowed: take out at least {length - max_characters}"
        )
    if expected and is_other_language(text, expected):
        problems.append(f"it is not in the language {expected}")
    return problems


def _style_problems(output: str, text: str, style: Style) -> list[str]:
    problems: list[str] = []
    lines = output.strip().splitlines()
    if style is Style.WHATSAPP:
        if "**" in text or any(_HEADING.match(line) for line in lines):
            problems.append("it has marks that WhatsApp does not know, such as ** or #")
    elif any(_LIST_MARK.match(line) or _HEADING.match(line) for line in lines[1:]):
        problems.append("it is a list, and one running text is asked for")
    if style is Style.HEADLINE and len(lines) > 1:
        problems.append("it has more than one line")
    if _ELLIPSIS_AT_END.search(text) or (style is Style.PARAGRAPH and _UNFINISHED_END.search(text)):
        problems.append("it breaks off: end it as a sentence ends")
    return problems


def _normalize_lines(text: str) -> str:
    """Return the text with single spaces and at most one empty line at a time, without white space around lines."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in text.strip().splitlines()))


def _cut_to_sentences(text: str, max_characters: int) -> str:
    """Return the text, or as many whole sentences from its start as fit. The result may be empty."""
    if graphemes.count(text) <= max_characters:
        return text
    fitting, start, length = "", 0, 0
    for end in ends(text):
        length += graphemes.count(text[start:end])
        start = end
        if length > max_characters:
            break
        if _pairs_closed(text[:end]):
            fitting = text[:end]
    return fitting


def _clean_point(output: str) -> str:
    """Return the point in one line, without the list mark that a model put before it. Dashes inside it stay."""
    line = " ".join(output.split())
    mark = _LIST_MARK.match(line)
    return line[mark.end() :] if mark else line


def _points_that_fit(points: Sequence[str], max_characters: int) -> tuple[str, ...]:
    """Return the first points whose formatted list fits."""
    lengths = accumulate(graphemes.count(f"{BULLET}{point}\n") for point in points)
    # The last line of a list has no line break, so one character less counts.
    return tuple(point for point, length in zip(points, lengths, strict=True) if length - 1 <= max_characters)


def _pairs_closed(text: str) -> bool:
    return all(text.count(mark) % 2 == 0 for mark in _PAIRED_MARKS)


def _format_list(points: Sequence[str]) -> str:
    return "\n".join(f"{BULLET}{point}" for point in points)
