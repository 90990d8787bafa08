import json
from base64 import b64encode
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, field_validator

from nexus_ai.http.body import FIELD_MAX, parse
from nexus_ai.platform.errors import MalformedBody, ValidationFailed
from nexus_ai.platform.field_errors import MAX_PROBLEMS
from nexus_ai.platform.schema import Dollars, RequestModel, ResponseModel, number_up_to


class Tone(StrEnum):
    WARM = "warm"
    DRY = "dry"


class Context(RequestModel):
    target_group: str | None = None


class Body(RequestModel):
    prompt: str = Field(min_length=1, max_length=20)
    tone: Tone | None = None
    texts: tuple[str, ...] = ()
    max_characters: int | None = None
    weight: float | None = None
    draft: bool | None = None
    context: Context | None = None
    rivals: tuple[Context, ...] = (Context(),)
    tags: tuple[str, ...] = Field(default=("a",), min_length=1)
    code: str = Field(default="1", pattern=r"^[0-9]+$")
    price: Annotated[Decimal, number_up_to(1_000_000)] | None = None

    @field_validator("prompt")
    @classmethod
    def require_text(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("Only spaces")
        return prompt


def read(text: str | None, *, is_base64: bool = False) -> Body:
    return parse(text, Body, is_base64=is_base64)


def errors_of(text: str) -> list[dict[str, str]]:
    with pytest.raises(ValidationFailed) as failed:
        read(text)
    errors: list[dict[str, str]] = failed.value.extra["errors"]
    return errors


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "hello",
        "[]",
        '"text"',
        "null",
        "1",
        '{"prompt": "a"',
        '{"prompt": "a"} {}',
        '{"prompt": "a",}',
        "{'prompt': 'a'}",
        '{"prompt": NaN}',
        '{"prompt": -Infinity}',
        '{"prompt": "\\ud800"}',
        '{"prompt": "\ud800"}',
        '{"prompt": "a", "prompt": "b"}',
        '{"prompt": "a", "context": {"x": 1, "x": 2}}',
        '{"weight": ' + "9" * 5000 + "}",
        '{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "\ufeff{}",
    ],
)
def test_text_other_than_one_json_object_is_malformed(text: str | None) -> None:
    with pytest.raises(MalformedBody):
        read(text)


GOOD_BASE64 = b64encode(b'{"prompt": "a"}').decode()


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        f"{GOOD_BASE64[:4]}!{GOOD_BASE64[4:]}",
        b64encode(b"\xff\xfe").decode(),
        b64encode(b"[]").decode(),
        "é",
    ],
)
def test_base64_body_of_something_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedBody):
        read(text, is_base64=True)


def test_base64_body_is_decoded() -> None:
    text = b64encode('{"prompt": "olá"}'.encode()).decode()
    assert read(text, is_base64=True).prompt == "olá"


def test_arrays_and_names_become_tuples_and_enums() -> None:
    body = read('{"prompt": "a", "tone": "warm", "texts": ["x", "y"], "context": {"targetGroup": "z"}}')
    assert body == Body.model_validate_json(body.model_dump_json(by_alias=True))
    assert body.tone is Tone.WARM
    assert body.texts == ("x", "y")
    assert body.context is not None
    assert body.context.target_group == "z"


@pytest.mark.parametrize(
    ("text", "field", "kind"),
    [
        ("{}", "prompt", "missing"),
        ('{"prompt": ""}', "prompt", "string_too_short"),
        ('{"prompt": "' + "a" * 21 + '"}', "prompt", "string_too_long"),
        ('{"prompt": 1}', "prompt", "string_type"),
        ('{"prompt": null}', "prompt", "string_type"),
        ('{"prompt": "a", "tone": "loud"}', "tone", "enum"),
        ('{"prompt": "a", "maxCharacters": "1"}', "maxCharacters", "int_type"),
        ('{"prompt": "a", "maxCharacters": true}', "maxCharacters", "int_type"),
        ('{"prompt": "a", "maxCharacters": 1.0}', "maxCharacters", "int_type"),
        ('{"prompt": "a", "max_characters": 1}', "max_characters", "extra_forbidden"),
        ('{"prompt": "a", "draft": 1}', "draft", "bool_type"),
        ('{"prompt": "a", "weight": 1e999}', "weight", "finite_number"),
        ('{"prompt": "a", "texts": ["x", 2]}', "texts.1", "string_type"),
        ('{"prompt": "a", "context": {"targetGroup": []}}', "context.targetGroup", "string_type"),
        ('{"prompt": "a", "context": {"target_group": "b"}}', "context.target_group", "extra_forbidden"),
        ('{"prompt": "a", "rivals": [{}, {"target_group": "b"}]}', "rivals.1.target_group", "extra_forbidden"),
        ('{"prompt": "a", "context": {"who": 1}}', "context.who", "extra_forbidden"),
        ('{"prompt": "a", "context": []}', "context", "model_type"),
    ],
)
def test_invalid_field_is_named_as_the_client_wrote_it(text: str, field: str, kind: str) -> None:
    (error,) = errors_of(text)
    assert (error["field"], error["type"]) == (field, kind)
    assert error["message"]


def test_field_errors_use_json_terms_and_show_no_pattern() -> None:
    (pattern,) = errors_of('{"prompt": "a", "code": "b"}')
    (several,) = errors_of('{"prompt": "a", "tags": []}')
    (number,) = errors_of('{"prompt": "a", "price": "1"}')

    assert pattern["message"] == "Does not have the format of this field"
    assert several["message"] == "List should have at least 1 item after validation, not 0"
    assert number["message"] == "must be a number"


def test_schema_of_money_is_a_number() -> None:
    number, nothing = Body.model_json_schema()["properties"]["price"]["anyOf"]
    assert number == {"type": "number", "minimum": 0, "maximum": 1_000_000}
    assert nothing == {"type": "null"}


def test_own_rule_has_its_own_message() -> None:
    (error,) = errors_of('{"prompt": "   "}')
    assert error == {"field": "prompt", "message": "Only spaces", "type": "value_error"}


def test_no_submitted_value_is_echoed() -> None:
    secret = "sk-canary-8f14e45f"
    text = json.dumps({"prompt": secret * 3, "tone": secret, "texts": [secret, {"a": secret}], "unknown": secret})
    with pytest.raises(ValidationFailed) as failed:
        read(text)
    assert secret not in str(failed.value.extra)
    assert secret not in failed.value.detail
    assert failed.value.__cause__ is None


def test_number_and_length_of_errors_are_limited() -> None:
    errors = errors_of(json.dumps({f"{number}{'x' * 500}": 1 for number in range(500)}))
    assert len(errors) == MAX_PROBLEMS
    assert all(len(error["field"]) <= FIELD_MAX for error in errors)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["prompt", "tone", "texts", "context", "weight"]) | st.text(), json_values))
def test_any_json_is_a_body_or_a_4xx(value: dict[str, object]) -> None:
    with suppress(MalformedBody, ValidationFailed):
        assert read(json.dumps(value)).prompt == value["prompt"]


@given(st.text(st.characters(exclude_categories=())), st.booleans())
def test_any_text_is_a_body_or_a_4xx(text: str, is_base64: bool) -> None:
    with pytest.raises((MalformedBody, ValidationFailed)):
        read(text, is_base64=is_base64)


class Cost(ResponseModel):
    cost_usd: Dollars | None


@given(st.integers(0, 10**13))
def test_dollars_are_json_numbers_with_at_most_six_decimals(micros: int) -> None:
    dollars = Decimal(micros) / 1_000_000
    written = json.loads(Cost(cost_usd=dollars).model_dump_json(), parse_float=Decimal)["costUsd"]
    assert written == dollars


def test_unknown_cost_is_null() -> None:
    assert Cost(cost_usd=None).model_dump_json() == '{"costUsd":null}'


def test_response_model_reads_what_it_wrote() -> None:
    cost = Cost(cost_usd=Decimal("0.000123"))
    assert Cost.model_validate_json(cost.model_dump_json()) == cost


def test_request_field_has_no_second_name() -> None:
    with pytest.raises(ValidationError):
        Body.model_validate({"prompt": "a", "max_characters": 1})
