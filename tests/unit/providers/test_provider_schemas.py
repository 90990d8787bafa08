"""Test the form in which each provider takes a JSON Schema."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nexus_ai.providers import schemas

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Copy",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^<]*$", "default": "x"},
        "score": {"type": "number", "minimum": -1, "maximum": 1, "multipleOf": 0.1, "exclusiveMinimum": -2},
        "kind": {"const": "ad"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "minItems": 3, "maxItems": 5, "uniqueItems": True},
        "link": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]},
    },
    "required": ["title", "score", "kind", "tags", "link"],
    "$defs": {"Tag": {"type": "object", "properties": {"maxLength": {"type": "integer"}}, "required": ["maxLength"]}},
}
TAG = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"maxLength": {"type": "integer"}},
    "required": ["maxLength"],
}


def test_openai_schema_has_closed_objects_and_no_lengths() -> None:
    assert schemas.openai(SCHEMA) == {
        "additionalProperties": False,
        "title": "Copy",
        "type": "object",
        "properties": {
            "title": {"type": "string", "pattern": "^[^<]*$"},
            "score": SCHEMA["properties"]["score"],
            "kind": {"const": "ad"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "minItems": 3, "maxItems": 5},
            "link": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["title", "score", "kind", "tags", "link"],
        "$defs": {"Tag": TAG},
    }


def test_anthropic_schema_has_no_bounds() -> None:
    assert schemas.anthropic(SCHEMA) == {
        "additionalProperties": False,
        "title": "Copy",
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "score": {"type": "number"},
            "kind": {"const": "ad"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "minItems": 1},
            "link": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["title", "score", "kind", "tags", "link"],
        "$defs": {"Tag": TAG},
    }


def test_gemini_schema_has_bounds_and_constants_as_enums() -> None:
    assert schemas.gemini(SCHEMA) == {
        "title": "Copy",
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "score": {"type": "number", "minimum": -1, "maximum": 1},
            "kind": {"enum": ["ad"]},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "minItems": 3, "maxItems": 5},
            "link": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["title", "score", "kind", "tags", "link"],
        "$defs": {"Tag": {key: value for key, value in TAG.items() if key != "additionalProperties"}},
    }


def test_strict_mode_needs_closed_objects_with_all_required() -> None:
    closed = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert schemas.is_strict(closed)
    assert schemas.is_strict(schemas.openai(SCHEMA))
    assert not schemas.is_strict({**closed, "required": []})
    assert not schemas.is_strict({**closed, "additionalProperties": True})
    assert not schemas.is_strict(
        {**closed, "properties": {"a": {"type": "array", "items": {**closed, "required": []}}}}
    )
    assert not schemas.is_strict({**closed, "$defs": {"Open": {**closed, "additionalProperties": {"type": "string"}}}})


def test_object_with_typed_extra_properties_stays_open() -> None:
    counts = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
    assert schemas.openai(counts)["additionalProperties"] == {"type": "integer", "minimum": 0}


PARTS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.sampled_from([{"type": "string", "maxLength": 3}, {"type": "integer", "minimum": 0}, {"const": 1}]),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner, "maxItems": st.integers(2, 9)}),
        st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=3), inner)}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=12,
)


@given(PARTS)
def test_rewriting_is_idempotent_and_changes_no_input(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    for rewrite in (schemas.openai, schemas.anthropic, schemas.gemini):
        once = rewrite(schema)
        assert rewrite(once) == once
    assert json.dumps(schema) == before
