"""Split a text into parts of limited size: between paragraphs if possible, else between lines, sentences or words."""

import json
import re
from collections.abc import Callable, Iterable, Iterator

from nexus_ai.tasks.summary.sentences import ends


def json_size(text: str) -> int:
    """Return the number of bytes that a text takes inside a JSON string."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')


def split_text(text: str, max_bytes: int) -> list[str]:
    """Return consecutive parts that together are the text.

    Args:
        text: The text to split.
        max_bytes: The most bytes that a part may take inside a JSON string. At least six, the size of one escape.
    """
    parts: list[str] = []
    start = end = used = 0
    for length, piece_bytes in _pieces(text, max_bytes, _CUT_LEVELS):
        if used + piece_bytes > max_bytes:
            parts.append(text[start:end])
            start, used = end, 0
        end += length
        used += piece_bytes
    return [*parts, text[start:]]


def _match_ends(pattern: str) -> Callable[[str], Iterator[int]]:
    compiled = re.compile(pattern)
    return lambda text: (found.end() for found in compiled.finditer(text))


_CUT_LEVELS: tuple[Callable[[str], Iterable[int]], ...] = (
    _match_ends(r"\n[^\S\n]*\n\s*"),
    _match_ends(r"\n"),
    ends,
    _match_ends(r"\s+"),
)
_MAX_BYTES_PER_CHARACTER = 6


def _pieces(text: str, max_bytes: int, levels: tuple[Callable[[str], Iterable[int]], ...]) -> Iterator[tuple[int, int]]:
    """Yield the characters and bytes of each piece. A piece that is too large is split again at the next level."""
    if (total := json_size(text)) <= max_bytes:
        yield len(text), total
        return
    if levels:
        positions, finer = levels[0](text), levels[1:]
    else:
        # A word longer than a part, or a script without spaces.
        step = max_bytes // _MAX_BYTES_PER_CHARACTER
        positions, finer = range(step, len(text), step), levels
    start = 0
    for position in (*positions, len(text)):
        if position > start:
            yield from _pieces(text[start:position], max_bytes, finer)
            start = position
