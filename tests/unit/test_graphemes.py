"""Characters as readers count them, against a second implementation with tables of its own."""

import random
import sys
import unicodedata

import pytest
import regex

from nexus_ai.assistant.summary import graphemes

CLUSTER = regex.compile(r"\X")
# GB9c and Indic conjuncts, ZWJ sequences, flags, keycaps, Hangul, Thai, tags, controls, prepended marks.
HARD = [
    *"aeioué \n\r\tçã",
    *map(
        chr,
        (
            0x301, 0x303, 0x200D, 0xFE0F, 0x1F3FB, 0x1F3FF, 0x1F469, 0x1F468, 0x1F467, 0x2764, 0x1F1E7, 0x1F1F7, 0x20E3,
            0x31, 0x915, 0x94D, 0x937, 0x93F, 0xBCD, 0xB95, 0xBBF, 0xE33, 0xE01, 0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01,
            0x600, 0x1F3F4, 0xE0067, 0xE007F, 0x200B, 0x200C, 0xAD, 0x9CD, 0x995, 0xD4E, 0x1B44, 0x1F9D1, 0x2028,
        ),
    ),
]  # fmt: skip
# Since Unicode 18 (GB9c) a linker joins whatever stands before it; until then only behind a consonant.
LINKERS = {"\u094d", "\u09cd", "\u0bcd", "\u1b44"}


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("", 0),
        ("ação", 4),
        ("ac\u0327a\u0303o", 4),
        ("👩\u200d👩\u200d👧\u200d👦", 1),
        ("👍🏽", 1),
        ("❤\ufe0f\u200d🔥", 1),
        ("🇧🇷🇵🇹", 2),
        ("\n🇧🇷 oi", 5),
        ("1\ufe0f\u20e3", 1),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),
        ("क्षि", 1),
        ("한국어", 3),
        ("a\r\nb", 3),
    ],
)
def test_a_cluster_is_one_character(text: str, clusters: int) -> None:
    assert graphemes.count(text) == clusters


def test_counts_are_those_of_another_implementation_for_hard_sequences() -> None:
    random_ = random.Random(29)
    for _ in range(5_000):
        text = "".join(random_.choices(HARD, k=random_.randint(1, 12)))
        if not LINKERS & set(text):
            assert graphemes.count(text) == len(CLUSTER.findall(text)), ascii(text)


def test_no_control_hides_a_flag_behind_it() -> None:
    every = map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))
    controls = [char for char in every if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}]
    assert len(controls) > 200
    for char in controls + [chr(number) for number in range(0xE0000, 0xE1000)]:
        assert graphemes.count(f"{char}🇧🇷") <= 2, hex(ord(char))
