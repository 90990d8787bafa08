"""Test that texts are split into parts that fit, and that sentence ends are found."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.tasks.summary.chunking import json_size, split_text
from nexus_ai.tasks.summary.sentences import ends

TEXTS = st.text(st.sampled_from('ab çã.!? \n\n"\\\x01👩漢')) | st.text(st.characters(exclude_categories=["Cs"]))


@given(text=TEXTS, max_bytes=st.integers(6, 200))
def test_parts_fit_and_join_to_the_text(text: str, max_bytes: int) -> None:
    parts = split_text(text, max_bytes)

    assert "".join(parts) == text
    assert all(len(json.dumps(part, ensure_ascii=False).encode()) - 2 <= max_bytes for part in parts)
    assert all(parts) or not text


@pytest.mark.parametrize(
    ("max_bytes", "parts"),
    [
        (34, ["Um. Dois.\n\n", "Três, quatro.\nCinco."]),
        (20, ["Um. Dois.\n\n", "Três, quatro.\n", "Cinco."]),
        (9, ["Um. Dois.", "\n\n", "Três, ", "quatro.\n", "Cinco."]),
    ],
)
def test_text_is_split_at_the_largest_unit_that_fits(max_bytes: int, parts: list[str]) -> None:
    assert split_text("Um. Dois.\n\nTrês, quatro.\nCinco.", max_bytes) == parts


@pytest.mark.parametrize("text", ["x" * 400_000, "漢" * 100_000, "a " * 200_000, "Uma frase.\n" * 36_000])
def test_text_without_boundaries_is_split_evenly(text: str) -> None:
    parts = split_text(text, 60_000)

    assert "".join(parts) == text
    assert max(map(json_size, parts)) <= 60_000
    assert len(parts) <= json_size(text) / 60_000 * 1.2 + 1


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A Dra. Ana saiu. Voltou?", ["A Dra. Ana saiu.", " Voltou?"]),
        ("Falou J. Silva. Gostou.", ["Falou J. Silva.", " Gostou."]),
        ("Custa R$ 1.500,00 no total. Pague.", ["Custa R$ 1.500,00 no total.", " Pague."]),
        ("Que bom!!! (Mesmo.) Sim", ["Que bom!!!", " (Mesmo.)"]),
        ("Vive en EE. UU. y vuelve. ¿Cuándo?", ["Vive en EE. UU. y vuelve.", " ¿Cuándo?"]),
        ("Traga exames, guias etc.", ["Traga exames, guias etc."]),
        ("一。二。", ["一。", "二。"]),
    ],
)
def test_sentences_end_where_readers_expect_it(text: str, sentences: list[str]) -> None:
    places = list(ends(text))
    assert [text[start:end] for start, end in zip([0, *places], places, strict=False)] == sentences
