"""Test that JSON is read from a completion with text around it, and that other output is rejected."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.shared.output_json import MAX_CHARACTERS, read_object, validate_as

EXPECTED = {"text": 'Olá, {nome}! Dê uma olhada: [aqui], "já", a,] e b,}', "tags": ["#a", "#b"]}
JSON = json.dumps(EXPECTED, ensure_ascii=False)

WITH_TEXT_AROUND = {
    "nothing": JSON,
    "a fence": f"```json\n{JSON}\n```",
    "a fence without a language": f"```\n{JSON}\n```",
    "prose before": f"Claro! Aqui está o texto que {{você}} pediu [rascunho]:\n\n{JSON}",
    "prose after": f"{JSON}\n\nPosso ajudar com algo mais?",
    "prose and a fence": f"Segue:\n```json\n{JSON}\n```\nEspero que goste {{:}}",
    "a quotation mark in the prose": f'Para a tela de 5":\n{JSON}',
    "a byte order mark": f"\ufeff{JSON}",
    "commas before brackets": JSON.replace('"#b"]}', '"#b" , ],\n}'),
    "an empty object in the prose": f"Começo com {{}} e termino com {JSON}",
    "line breaks": json.dumps(EXPECTED, indent=4),
    "escapes": json.dumps(EXPECTED, ensure_ascii=True),
}

WITHOUT_OBJECT = {
    "nothing": "",
    "prose": "Desculpe, não posso ajudar com isso.",
    "an array": f"[{JSON}]",
    "a text": '"Olá"',
    "a number": "42",
    "NaN": '{"score": NaN}',
    "infinity": '{"score": -Infinity}',
    "a number beyond all bounds": '{"score": 1e999}',
    "more digits than an integer may have": '{"score": ' + "9" * 5000 + "}",
    "an object that is cut": JSON[:-10],
    "a string that is cut": JSON[:20],
    "a fence that is cut": f"```json\n{JSON[:30]}",
    "brackets without end": "{" * 100_000,
    "arrays without end": '{"a":' + "[" * 100_000,
    "half a surrogate pair": '{"text": "\\ud83d"}',
    "quotes without end": '{"' + '\\"' * 50_000,
    "single quotes": "{'text': 'Olá'}",
}


class Tags(BaseModel):
    model_config = ConfigDict(strict=True)

    text: str
    tags: tuple[str, ...]


@pytest.mark.parametrize("output", WITH_TEXT_AROUND.values(), ids=WITH_TEXT_AROUND)
def test_text_around_the_json_is_ignored(output: str) -> None:
    assert read_object(output) == EXPECTED
    assert validate_as(read_object(output), Tags).model_dump(mode="json") == EXPECTED


@pytest.mark.parametrize("output", WITHOUT_OBJECT.values(), ids=WITHOUT_OBJECT)
def test_output_without_a_json_object_is_rejected(output: str) -> None:
    with pytest.raises(InvalidOutputError):
        read_object(output)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ('{"text": "a"}', "tags: Field required"),
        ('{"text": 1, "tags": []}', "text: Input should be a valid string"),
        ('{"text": null, "tags": []}', "text: Input should be a valid string"),
        ('{"text": "a", "tags": "#a"}', "tags: Input should be a valid array"),
        ('{"text": "a", "tags": [1]}', "tags.0: Input should be a valid string"),
    ],
)
def test_problems_name_the_field(output: str, problem: str) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        validate_as(read_object(output), Tags)
    assert caught.value.problems[0].startswith(problem)


def test_unknown_members_are_ignored() -> None:
    assert validate_as({"text": "a", "tags": [], "note": "b"}, Tags) == Tags(text="a", tags=())


@settings(max_examples=50)
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_every_json_object_is_read_unchanged(value: dict[str, object]) -> None:
    assert read_object(f"Segue:\n```json\n{json.dumps(value)}\n```") == value


@settings(max_examples=500)
@given(st.text(alphabet='{}[]",:\\ntrue1eNaN \ud800`', max_size=60) | st.text(max_size=60))
def test_reading_raises_only_invalid_output_error(output: str) -> None:
    try:
        value = read_object(output)
    except InvalidOutputError:
        return
    json.dumps(value, ensure_ascii=False).encode()


def test_output_over_the_size_limit_is_rejected() -> None:
    assert read_object(JSON.rjust(MAX_CHARACTERS)) == EXPECTED
    with pytest.raises(InvalidOutputError, match="more than 500000 characters"):
        read_object(JSON.rjust(MAX_CHARACTERS + 1))
