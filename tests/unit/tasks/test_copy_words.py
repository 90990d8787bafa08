"""Test how words to use and words to avoid are found in copy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus_ai.tasks.copywriting.words import is_said, occurs, occurs_without_accents, split_hashtag

FOUND = [
    ("grátis", "É GRÁTIS!"),
    ("grátis", "e gratis."),
    ("gratis", "é grátis"),
    ("grátis", "é gra\u0301tis"),
    ("grátis", "_grátis_ e *grátis*"),
    ("grátis", "gr\u00adá\u200btis"),
    ("grátis", "𝗴𝗿𝗮́𝘁𝗶𝘀"),
    ("grátis", "ｇｒáｔｉｓ"),
    ("botox", "#Botox"),
    ("100%", "agora 100% seu"),
    ("R$ 10", "por R$ 10, só hoje"),
    ("melhor preço", "o MELHOR\n preço"),
    ("无料", "初次无料体验"),
    ("é", "isto é bom"),
    ("Straße", "STRASSE"),
    ("cura", "A cura-tudo"),
]
NOT_FOUND = [
    ("grátis", "gratíssimo"),
    ("cura", "procura e curadoria"),
    ("cura", "cura2"),
    ("botox", "botoxina"),
    ("10", "100"),
    ("R$ 10", "R$ 100"),
    ("e", "é"),
    ("é", "e"),
    ("dá", "da clínica"),
    ("melhor preço", "melhor do preço"),
    ("c++", "c+"),
    ("a.b", "axb"),
]


@pytest.mark.parametrize(("word", "text"), FOUND)
def test_word_is_found_in_any_case_accent_mark_or_font(word: str, text: str) -> None:
    assert is_said(word, text)


@pytest.mark.parametrize(("word", "text"), NOT_FOUND)
def test_word_is_not_found_inside_another_word(word: str, text: str) -> None:
    assert not is_said(word, text)


def test_word_to_use_keeps_its_accents() -> None:
    assert occurs("avaliação", "AVALIAÇÃO grátis")
    assert not occurs("avaliação", "avaliacao gratis")
    assert occurs_without_accents("avaliação", "avaliacao gratis")


def test_hashtag_is_split_into_words() -> None:
    assert split_hashtag("#PromoçãoGrátis") == "Promoção Grátis"
    assert split_hashtag("#pele_limpa") == "pele limpa"
    assert split_hashtag("#SPA") == "SPA"


@settings(max_examples=300)
@given(st.text(min_size=1, max_size=20), st.text(max_size=40))
def test_every_word_is_found_in_a_text_that_contains_it(word: str, around: str) -> None:
    word = word.strip()
    if any(character.isalnum() for character in word):
        assert is_said(word, f"{around} {word} {around}")
    assert is_said("botox", f"{around} botox {around}")
