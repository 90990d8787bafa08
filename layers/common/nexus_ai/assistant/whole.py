"""Where a word or a phrase stands in a text by itself, and not inside a longer word."""

from collections.abc import Iterator

# Letters of scripts that do not set words apart (Thai to Lao, Burmese, Khmer, kana, Han, hangul), first and last code
# points: beside one of them a word is whole, too.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
)


def places(phrase: str, text: str, *, joining: str = "") -> Iterator[int]:
    """Where the phrase begins, as it is written and each time behind the last one's end. `joining` are characters that
    words have in them beside letters and digits, as names of fields have underscores.

    By hand: a pattern that knows these letters takes 8 ms to compile, for every phrase anew.
    """

    def joined(left: str, right: str) -> bool:
        return all(_is_spaced(each) or (each and each in joining) for each in (left, right))

    begin = text.find(phrase) if phrase else -1
    while begin >= 0:
        end = begin + len(phrase)
        inside = joined(text[begin - 1 : begin], phrase[0]) or joined(phrase[-1], text[end : end + 1])
        if not inside:
            yield begin
        begin = text.find(phrase, begin + 1 if inside else end)


def _is_spaced(character: str) -> bool:
    """Whether it is a letter or a digit of a script that sets words apart."""
    return character.isalnum() and not any(first <= ord(character) <= last for first, last in _UNSPACED)
