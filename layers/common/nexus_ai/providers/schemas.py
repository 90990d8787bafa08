"""JSON Schema as each vendor's structured outputs take it.

Vendors refuse keywords that they cannot promise to keep. Those are left out: what the schema demands is checked on
every answer by our own code, so that a laxer schema there loses nothing but a hint.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

type Schema = Mapping[str, Any]

# Keywords whose values are schemas by name, a list of schemas, or one schema.
_BY_NAME = frozenset({"properties", "$defs", "definitions"})
_LISTS = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties", "not"})

_NOTES = frozenset({"default", "examples", "$schema", "$id", "$comment", "readOnly", "writeOnly", "deprecated"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_LENGTHS = frozenset({"minLength", "maxLength"})

# https://platform.openai.com/docs/guides/structured-outputs (Groq's strict mode takes the same)
_NOT_OPENAI = _NOTES | _LENGTHS | {"uniqueItems"}
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs
_NOT_ANTHROPIC = _NOTES | _NUMBERS | _LENGTHS | {"maxItems", "uniqueItems", "pattern"}
# https://ai.google.dev/gemini-api/docs/structured-output
_NOT_GEMINI = _NOTES | _LENGTHS | {"pattern", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems"}


def openai(schema: Schema) -> dict[str, Any]:
    """For OpenAI, OpenRouter and Groq: closed objects, so that strict mode can be asked for."""
    return _rewritten(schema, _without(_NOT_OPENAI, closed=True))


def is_strict(schema: Schema) -> bool:
    """Whether strict mode takes the schema: every object is closed and requires all of its properties."""
    objects = [part for part in _parts(schema) if "properties" in part or part.get("type") == "object"]
    return all(
        part.get("additionalProperties", False) is False
        and set(part.get("required", ())) == set(part.get("properties", {}))
        for part in objects
    )


def anthropic(schema: Schema) -> dict[str, Any]:
    """Closed objects, no bounds of values or lengths; an array may say no more than that it is not empty."""

    def change(part: dict[str, Any]) -> dict[str, Any]:
        changed = _without(_NOT_ANTHROPIC, closed=True)(part)
        return {**changed, "minItems": 1} if changed.get("minItems", 0) > 1 else changed

    return _rewritten(schema, change)


def gemini(schema: Schema) -> dict[str, Any]:
    """A constant is an enumeration of one."""

    def change(part: dict[str, Any]) -> dict[str, Any]:
        changed = _without(_NOT_GEMINI)(part)
        if "const" in changed:
            changed["enum"] = [changed.pop("const")]
        return changed

    return _rewritten(schema, change)


def _without(keywords: frozenset[str], *, closed: bool = False) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(part: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in part.items() if name not in keywords}
        is_object = kept.get("type") == "object" or "properties" in kept
        return {"additionalProperties": False, **kept} if closed and is_object else kept

    return change


def _rewritten(schema: Schema, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The schema with `change` made to it and to every schema inside it. Property names are no keywords."""
    return {name: _rewritten_value(name, value, change) for name, value in change(dict(schema)).items()}


def _rewritten_value(name: str, value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if name in _BY_NAME:
        return {key: _rewritten(part, change) for key, part in value.items()}
    if name in _LISTS:
        return [_rewritten(part, change) for part in value]
    return _rewritten(cast("Schema", value), change) if name in _SINGLE and isinstance(value, Mapping) else value


def _parts(schema: Schema) -> list[Schema]:
    """The schema and every schema inside it."""
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
            found += _parts(part)
    return found
