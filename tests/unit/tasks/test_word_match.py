"""Test that phrases are found as whole words, never inside longer words."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexus_ai.tasks.shared.word_match import find_phrase, is_spaced_letter

# The same ranges as in the code, as part of a regular expression that excludes scripts without spaces.
UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Few characters, so that phrases occur often: letters, a digit, signs, a space, an accent, Thai and Han letters, and
# the code points next to their ranges.
CHARACTERS = st.sampled_from("ab1_-+ é\u0301\u0e01\u0dff料\u33ff")


def continues_word_in_copy(edge: str, neighbour: str) -> bool:
    return is_spaced_letter(edge) and is_spaced_letter(neighbour)


def continues_glossary_term(_: str, neighbour: str) -> bool:
    return is_spaced_letter(neighbour) or neighbour == "_"


def pattern_of_words(phrase: str) -> str:
    letter = rf"[^\W_{UNSPACED_SCRIPTS}]"
    before = f"(?<!{letter})" if re.match(letter, phrase) else ""
    after = f"(?!{letter})" if re.match(letter, phrase[-1:]) else ""
    return before + re.escape(phrase) + after


def pattern_of_terms(phrase: str) -> str:
    letter = rf"[^\W{UNSPACED_SCRIPTS}]"
    return f"(?<!{letter}){re.escape(phrase)}(?!{letter})"


@settings(max_examples=500)
@given(
    st.text(CHARACTERS, min_size=1, max_size=3),
    st.text(CHARACTERS, max_size=20),
    st.sampled_from([(continues_word_in_copy, pattern_of_words), (continues_glossary_term, pattern_of_terms)]),
)
@example("a b a", "xa b a b a", (continues_word_in_copy, pattern_of_words))
@example(".b", "a.b .b", (continues_glossary_term, pattern_of_terms))
def test_found_positions_match_a_regular_expression(
    phrase: str, text: str, rule: tuple[Callable[[str, str], bool], Callable[[str], str]]
) -> None:
    continues_word, pattern = rule
    assert list(find_phrase(phrase, text, continues_word)) == [
        found.start() for found in re.finditer(pattern(phrase), text)
    ]


@pytest.mark.parametrize(
    ("phrase", "text", "starts"),
    [
        ("", "a", []),
        ("a", "", []),
        ("a a", "a a a a", [0, 4]),
        ("pele", "pele, pelé e _pele_", [0, 14]),
        ("R$", "R$10 e U$R$", [0, 9]),
        ("无料", "初次无料体验", [2]),
    ],
)
def test_phrase_is_found_as_whole_words(phrase: str, text: str, starts: list[int]) -> None:
    assert list(find_phrase(phrase, text, continues_word_in_copy)) == starts
