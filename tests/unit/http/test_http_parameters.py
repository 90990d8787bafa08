from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field

from nexus_ai.http.body import FIELD_MAX
from nexus_ai.http.event import GatewayEvent
from nexus_ai.http.parameters import parse_parameters
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import ValidationFailed
from nexus_ai.platform.schema import ParameterModel


class Query(ParameterModel):
    limit: int = Field(default=50, ge=1, le=100)
    since: AwareDatetime | None = Field(default=None, alias="from")
    user_id: str | None = None


def fields_of(values: dict[str, list[str]]) -> list[str]:
    with pytest.raises(ValidationFailed) as failed:
        parse_parameters(values, Query)
    return [error["field"] for error in failed.value.extra["errors"]]


def test_texts_are_converted_to_the_model_types() -> None:
    query = parse_parameters({"limit": ["7"], "userId": ["7"]}, Query)
    assert (query.limit, query.user_id, query.since) == (7, "7", None)
    assert parse_parameters({}, Query) == Query()


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"limit": ["0"]}, ["limit"]),
        ({"limit": ["1e1"]}, ["limit"]),
        ({"limit": ["9" * 5000]}, ["limit"]),
        ({"from": ["2026-01-01"]}, ["from"]),
        ({"since": ["2026-01-01T00:00:00Z"]}, ["since"]),
        ({"user_id": ["ana"]}, ["user_id"]),
        ({"limit": ["0"], "odd": ["1"]}, ["limit", "odd"]),
        ({"x" * 5000: ["1"]}, ["x" * FIELD_MAX]),
    ],
)
def test_invalid_parameter_is_named(values: dict[str, list[str]], fields: list[str]) -> None:
    assert fields_of(values) == fields


@pytest.mark.parametrize("name", ["limit", "odd"])
def test_repeated_parameter_is_refused(name: str) -> None:
    assert fields_of({name: ["1", "1"]}) == [name]


def test_no_parameter_value_is_quoted() -> None:
    with pytest.raises(ValidationFailed) as failed:
        parse_parameters({"limit": ["sk-canary"], "from": ["sk-canary"]}, Query)
    assert "canary" not in f"{failed.value.detail}{failed.value.extra}"


@given(st.dictionaries(st.sampled_from(["limit", "from", "userId"]) | st.text(), st.lists(st.text(), min_size=1)))
def test_any_texts_fit_or_are_refused(values: dict[str, list[str]]) -> None:
    with suppress(ValidationFailed):
        assert 1 <= parse_parameters(values, Query).limit <= 100


@pytest.mark.parametrize(
    ("event", "query"),
    [
        ({}, {}),
        ({"queryStringParameters": None, "multiValueQueryStringParameters": None}, {}),
        ({"queryStringParameters": {"a": "1"}}, {"a": ["1"]}),
        (
            {"queryStringParameters": {"a": "2"}, "multiValueQueryStringParameters": {"a": ["1", "2"]}},
            {"a": ["1", "2"]},
        ),
    ],
)
def test_query_is_read_with_all_its_values(event: dict[str, object], query: dict[str, list[str]]) -> None:
    assert GatewayEvent(event, SystemClock()).query == query
