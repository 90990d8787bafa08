"""Rewrite JSON Schemas for the structured outputs of each provider.

Providers reject keywords that they do not enforce, so these are removed. Our own code checks every completion against
the full schema. A laxer schema at the provider therefore only gives the model less guidance.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

type Schema = Mapping[str, Any]

# Keywords whose values are a mapping of schemas, a list of schemas, or one schema.
_BY_NAME = frozenset({"properties", "$defs", "definitions"})
_LISTS = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties", "not"})

_ANNOTATIONS = frozenset({"default", "examples", "$schema", "$id", "$comment", "readOnly", "writeOnly", "deprecated"})
_NUMBER_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_LENGTH_BOUNDS = frozenset({"minLength", "maxLength"})

# https://platform.openai.com/docs/guides/structured-outputs (Groq's strict mode takes the same)
_NOT_OPENAI = _ANNOTATIONS | _LENGTH_BOUNDS | {"uniqueItems"}
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs
_NOT_ANTHROPIC = _ANNOTATIONS | _NUMBER_BOUNDS | _LENGTH_BOUNDS | {"maxItems", "uniqueItems", "pattern"}
# https://ai.google.dev/gemini-api/docs/structured-output
_NOT_GEMINI = (
    _ANNOTATIONS | _LENGTH_BOUNDS | {"pattern", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems"}
)


def openai(schema: Schema) -> dict[str, Any]:
    """Return the schema for OpenAI, OpenRouter and Groq. Objects are closed, as strict mode requires."""
    return _rewrite(schema, _without(_NOT_OPENAI, closed=True))


def is_strict(schema: Schema) -> bool:
    """Return True if strict mode accepts the schema: every object is closed and requires all of its properties."""
    objects = [part for part in _subschemas(schema) if "properties" in part or part.get("type") == "object"]
    return all(
        part.get("additionalProperties", False) is False
        and set(part.get("required", ())) == set(part.get("properties", {}))
        for part in objects
    )


def anthropic(schema: Schema) -> dict[str, Any]:
    """Return the schema for Anthropic: closed objects, no bounds of values or lengths, and `minItems` at most 1."""

    def change(part: dict[str, Any]) -> dict[str, Any]:
        changed = _without(_NOT_ANTHROPIC, closed=True)(part)
        return {**changed, "minItems": 1} if changed.get("minItems", 0) > 1 else changed

    return _rewrite(schema, change)


def gemini(schema: Schema) -> dict[str, Any]:
    """Return the schema for Gemini, which takes a constant only as an enumeration with one value."""

    def change(part: dict[str, Any]) -> dict[str, Any]:
        changed = _without(_NOT_GEMINI)(part)
        if "const" in changed:
            changed["enum"] = [changed.pop("const")]
        return changed

    return _rewrite(schema, change)


def _without(keywords: frozenset[str], *, closed: bool = False) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(part: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in part.items() if name not in keywords}
        is_object = kept.get("type") == "object" or "properties" in kept
        return {"additionalProperties": False, **kept} if closed and is_object else kept

    return change


def _rewrite(schema: Schema, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Apply `change` to the schema and to all schemas inside it. Property names are not treated as keywords."""
    return {name: _rewrite_value(name, value, change) for name, value in change(dict(schema)).items()}


def _rewrite_value(name: str, value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if name in _BY_NAME:
        return {key: _rewrite(part, change) for key, part in value.items()}
    if name in _LISTS:
        return [_rewrite(part, change) for part in value]
    return _rewrite(cast("Schema", value), change) if name in _SINGLE and isinstance(value, Mapping) else value


def _subschemas(schema: Schema) -> list[Schema]:
    """Return the schema and all schemas inside it."""
    found: list[Schema] = [schema]
    for name, value in schema.items():
        inside: list[Any] = []
        if name in _BY_NAME:
            inside = list(value.values())
        elif name in _LISTS:
            inside = list(value)
        elif name in _SINGLE and isinstance(value, Mapping):
            inside = [value]
        for part in inside:
            found += _subschemas(part)
    return found
