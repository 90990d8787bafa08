"""Where a word or a phrase stands in a text by itself, and not inside a longer word."""

from collections.abc import Callable, Iterator

# Letters of scripts that do not set words apart (Thai to Lao, Burmese, Khmer, kana, Han, hangul), first and last code
# points: beside one of them a word is whole, too.
_UNSPACED_SCRIPTS = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
)


def find_phrase(phrase: str, text: str, continues_word: Callable[[str, str], bool]) -> Iterator[int]:
    """Where the phrase begins, as it is written and each time behind the last one's end.

    `goes_on` is asked of the phrase's first and last character and what stands beside it: whether a word goes on there.
    By hand: a pattern that knows letters of all scripts takes 8 ms to compile, for every phrase anew.
    """
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        end = start + len(phrase)
        neighbours = ((phrase[0], text[start - 1 : start]), (phrase[-1], text[end : end + 1]))
        inside = any(character and continues_word(edge, character) for edge, character in neighbours)
        if not inside:
            yield start
        start = text.find(phrase, start + 1 if inside else end)


def is_spaced_letter(character: str) -> bool:
    """Whether it is a letter or a digit of a script that sets words apart."""
    return character.isalnum() and not any(first <= ord(character) <= last for first, last in _UNSPACED_SCRIPTS)
