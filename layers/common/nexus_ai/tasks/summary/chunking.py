"""A text cut into parts that fit: between paragraphs where that goes, else between lines, sentences, words."""

import json
import re
from collections.abc import Callable, Iterable, Iterator

from nexus_ai.tasks.summary.sentences import ends


def size(text: str) -> int:
    """The bytes that a text takes inside a JSON string."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')


def split_text(text: str, room: int) -> list[str]:
    """Consecutive parts of at most `room` bytes of JSON each (six and more), which together are the text."""
    parts: list[str] = []
    begin = end = taken = 0
    for length, unit in _units(text, room, _LEVELS):
        if taken + unit > room:
            parts.append(text[begin:end])
            begin, taken = end, 0
        end += length
        taken += unit
    return [*parts, text[begin:]]


def _behind(pattern: str) -> Callable[[str], Iterator[int]]:
    compiled = re.compile(pattern)
    return lambda text: (found.end() for found in compiled.finditer(text))


_LEVELS: tuple[Callable[[str], Iterable[int]], ...] = (
    _behind(r"\n[^\S\n]*\n\s*"),
    _behind(r"\n"),
    ends,
    _behind(r"\s+"),
)
_MOST_BYTES_A_CHARACTER = 6


def _units(text: str, room: int, levels: tuple[Callable[[str], Iterable[int]], ...]) -> Iterator[tuple[int, int]]:
    """Characters and bytes of the pieces that fit, each as large as the first level that makes it fit leaves it."""
    if (whole := size(text)) <= room:
        yield len(text), whole
        return
    if levels:
        places, deeper = levels[0](text), levels[1:]
    else:
        # A word longer than a part, and writing without spaces.
        step = room // _MOST_BYTES_A_CHARACTER
        places, deeper = range(step, len(text), step), levels
    begin = 0
    for place in (*places, len(text)):
        if place > begin:
            yield from _units(text[begin:place], room, deeper)
            begin = place
