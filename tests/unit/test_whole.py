"""Words that stand by themselves: where, and never inside a longer word."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexus_ai.assistant.whole import places

# What is looked for, told as a pattern: letters and digits, but for those of scripts without spaces.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Few of them, so that phrases occur: letters, a digit, signs, a space, an accent, Thai, Han and what is just beside it.
CHARACTERS = st.sampled_from("ab1_-+ é\u0301\u0e01\u0dff料\u33ff")


def by_pattern(phrase: str, text: str, joining: str) -> list[int]:
    letter = rf"[^\W{UNSPACED}]" if joining else rf"[^\W_{UNSPACED}]"
    before = f"(?<!{letter})" if re.match(letter, phrase) else ""
    behind = f"(?!{letter})" if re.match(letter, phrase[-1:]) else ""
    return [found.start() for found in re.finditer(before + re.escape(phrase) + behind, text)]


@settings(max_examples=500)
@given(st.text(CHARACTERS, min_size=1, max_size=3), st.text(CHARACTERS, max_size=20), st.sampled_from(["", "_"]))
@example("a b a", "xa b a b a", "")
def test_places_are_those_of_the_pattern(phrase: str, text: str, joining: str) -> None:
    assert list(places(phrase, text, joining=joining)) == by_pattern(phrase, text, joining)


@pytest.mark.parametrize(
    ("phrase", "text", "begins"),
    [
        ("", "a", []),
        ("a", "", []),
        ("a a", "a a a a", [0, 4]),
        ("pele", "pele, pelé e _pele_", [0, 14]),
        ("R$", "R$10 e U$R$", [0, 9]),
        ("无料", "初次无料体验", [2]),
    ],
)
def test_places(phrase: str, text: str, begins: list[int]) -> None:
    assert list(places(phrase, text)) == begins
