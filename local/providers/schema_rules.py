"""Check a schema against the rules of the providers' structured outputs.

OpenAI and Groq (`strict`): every object forbids additional properties and requires all of its properties
(https://platform.openai.com/docs/guides/structured-outputs). Anthropic: every object forbids additional properties, and
no bounds of strings, numbers or long arrays (https://platform.claude.com/docs/en/build-with-claude/structured-outputs).
"""

from collections.abc import Iterator
from typing import Any, Final

from local.providers.schema_faker import Schema, SchemaError

_UNBOUNDED: Final = frozenset(
    ("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems")
)


def check_openai_strict(schema: Schema) -> None:
    """Raise SchemaError if OpenAI would reject the schema."""
    for part in _parts(schema):
        _check_closed(part)
        if set(part.get("required", ())) != set(part.get("properties", ())):
            raise SchemaError("An object has a property that is not required.")


def check_anthropic(schema: Schema) -> None:
    """Raise SchemaError if Anthropic would reject the schema."""
    for part in _parts(schema):
        _check_closed(part)
        if _UNBOUNDED & part.keys() or part.get("minItems", 0) > 1:
            raise SchemaError("The schema has a bound that is not supported.")


def _check_closed(part: Schema) -> None:
    if part.get("type") == "object" and part.get("additionalProperties") is not False:
        raise SchemaError("An object does not forbid additional properties.")


def _parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schema and every schema nested in it."""
    yield schema
    inside: list[Any] = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inside += [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    if "items" in schema:
        inside.append(schema["items"])
    for part in inside:
        yield from _parts(part)
