"""Test that generated instances match their JSON Schemas."""

from collections.abc import Callable
from typing import Any

import pytest

from local.providers.schema_faker import SchemaError, instance_of

type Check = Callable[[Any], bool]

CASES: list[tuple[dict[str, Any], Check]] = [
    ({"type": "string", "maxLength": 20}, lambda v: v.startswith("[simulado]") and len(v) <= 20),
    ({"type": "string", "maxLength": 8}, lambda v: v == "simulado"),
    ({"type": "string", "maxLength": 3}, lambda v: len(v) == 3),
    ({"type": "string", "minLength": 500, "maxLength": 510}, lambda v: 500 <= len(v) <= 510),
    ({"type": "string", "pattern": "^#[a-z]+$"}, lambda v: v == "#simulado"),
    ({"type": "string", "pattern": "^[0-9]{5}$"}, lambda v: v == "00000"),
    ({"type": "string", "format": "date-time"}, lambda v: v.endswith("Z")),
    ({"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 5}, lambda v: len(set(v)) == 5),
    ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, lambda v: len(v) == 1),
    ({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, lambda v: sorted(v) == ["a", "b"]),
    ({"type": "integer", "minimum": 3, "maximum": 4}, lambda v: v in {3, 4}),
    ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}, lambda v: v == 4),
    ({"type": "number", "minimum": -1, "maximum": 1}, lambda v: -1 <= v <= 1),
    ({"type": "number", "multipleOf": 0.5, "minimum": 1.2, "maximum": 1.6}, lambda v: v == 1.5),
    ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, lambda v: isinstance(v, int)),
    ({"type": ["null", "boolean"]}, lambda v: v is True),
    ({"const": "x"}, lambda v: v == "x"),
    ({"type": "null"}, lambda v: v is None),
    ({"allOf": [{"type": "integer"}, {"minimum": 7, "maximum": 7}]}, lambda v: v == 7),
]


@pytest.mark.parametrize(("schema", "check"), CASES)
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_instance_matches_its_schema(schema: dict[str, Any], check: Check, seed: int) -> None:
    assert check(instance_of(schema, seed))


def test_recursive_schema_ends() -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}}}
    tree = {**node, "required": ["next"], "$defs": {"N": {**node, "required": ["next"]}}}
    assert "None" in repr(instance_of(tree, 1))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/Nothing"},
        {"$ref": "#"},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "string", "pattern": "^(?=impossible)$"},
        {"type": "string", "pattern": "("},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}, "required": ["a"]},
    ],
)
def test_impossible_schema_is_an_error(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        instance_of(schema, 0)
