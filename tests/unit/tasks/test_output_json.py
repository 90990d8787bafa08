"""What models write around the JSON that was asked for, and what they write in its place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from nexus_ai.model_calls import InvalidOutputError
from nexus_ai.tasks.shared.output_json import MAX_CHARACTERS, read_object, validate_as

WANTED = {"text": 'Olá, {nome}! Dê uma olhada: [aqui], "já", a,] e b,}', "tags": ["#a", "#b"]}
JSON = json.dumps(WANTED, ensure_ascii=False)

AROUND = {
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
    "line breaks": json.dumps(WANTED, indent=4),
    "escapes": json.dumps(WANTED, ensure_ascii=True),
}

NO_OBJECT = {
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


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_what_is_around_the_json_changes_nothing_of_it(around: str) -> None:
    assert read_object(around) == WANTED
    assert validate_as(read_object(around), Tags).model_dump(mode="json") == WANTED


@pytest.mark.parametrize("written", NO_OBJECT.values(), ids=NO_OBJECT)
def test_what_is_no_object_breaks_the_contract(written: str) -> None:
    with pytest.raises(InvalidOutputError):
        read_object(written)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('{"text": "a"}', "tags: Field required"),
        ('{"text": 1, "tags": []}', "text: Input should be a valid string"),
        ('{"text": null, "tags": []}', "text: Input should be a valid string"),
        ('{"text": "a", "tags": "#a"}', "tags: Input should be a valid array"),
        ('{"text": "a", "tags": [1]}', "tags.0: Input should be a valid string"),
    ],
)
def test_what_does_not_fit_is_told_field_by_field(written: str, told: str) -> None:
    with pytest.raises(InvalidOutputError) as broken:
        validate_as(read_object(written), Tags)
    assert broken.value.problems[0].startswith(told)


def test_members_that_nobody_asked_for_are_passed_over() -> None:
    assert validate_as({"text": "a", "tags": [], "note": "b"}, Tags) == Tags(text="a", tags=())


@settings(max_examples=50)
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_every_object_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert read_object(f"Segue:\n```json\n{json.dumps(value)}\n```") == value


@settings(max_examples=500)
@given(st.text(alphabet='{}[]",:\\ntrue1eNaN \ud800`', max_size=60) | st.text(max_size=60))
def test_nothing_but_a_broken_contract_is_ever_raised(written: str) -> None:
    try:
        told = read_object(written)
    except InvalidOutputError:
        return
    json.dumps(told, ensure_ascii=False).encode()


def test_an_answer_beyond_all_bounds_is_not_read() -> None:
    assert read_object(JSON.rjust(MAX_CHARACTERS)) == WANTED
    with pytest.raises(InvalidOutputError, match="more than 500000 characters"):
        read_object(JSON.rjust(MAX_CHARACTERS + 1))
