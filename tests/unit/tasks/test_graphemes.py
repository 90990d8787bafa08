"""Test the count of grapheme clusters against the implementation of the package regex."""

import random

import pytest
import regex

from nexus_ai.tasks.summary import graphemes

CLUSTER = regex.compile(r"\X")
# Parts of Indic conjuncts (rule GB9c), ZWJ sequences, flags, keycaps, Hangul, Thai, tags, controls, prepended marks.
HARD_CHARACTERS = [
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
        ("👩\u200d\u200d👩", 2),
        ("\u0600🇧🇷", 1),
        ("a\r\nb", 3),
    ],
)
def test_grapheme_cluster_counts_as_one_character(text: str, clusters: int) -> None:
    assert graphemes.count(text) == clusters


def test_count_matches_regex_for_hard_sequences() -> None:
    random_ = random.Random(29)
    for _ in range(20_000):
        text = "".join(random_.choices(HARD_CHARACTERS, k=random_.randint(1, 12)))
        assert graphemes.count(text) == len(CLUSTER.findall(text)), ascii(text)


def test_count_matches_regex_for_every_character() -> None:
    # These ranges contain all characters with a special role in a cluster; the other planes contain only letters.
    for number in (*range(0x3100), *range(0xA000, 0xD800), *range(0xFE00, 0x11FFF), *range(0x1F000, 0x20000)):
        text = f"{chr(number)}🇧🇷\u094d{chr(number)}\u200d👩"
        assert graphemes.count(text) == len(CLUSTER.findall(text)), hex(number)
