"""Build a valid instance of a JSON Schema, the same for the same seed.

Supports the keywords of the providers' structured outputs: $ref into the same document, allOf, anyOf, oneOf, enum,
const, nullable, the bounds of strings, numbers and arrays, and patterns that plain candidates can match. Also reads
Google's schema dialect (upper-case types).
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from local.providers.texts import sentence

type Schema = Mapping[str, Any]

_MAX_DEPTH: Final = 8
_FORMATS: Final = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "simulado@example.com",
    "uri": "https://example.com/simulado",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# Parts of property names in both languages, most specific first, and the texts of those properties.
_WORDING: Final = (
    (("hashtag",), "#simulado"),
    (("cta", "call_to_action", "calltoaction"), "Saiba mais (simulado)"),
    (("headline", "title", "titulo", "subject", "assunto"), "Novidade para você (simulado)"),
    (("keyword", "topic", "tag", "palavra"), "simulado"),
)


class SchemaError(ValueError):
    """Schema that has no instance: a $ref has no target, or bounds contradict each other."""


def instance_of(schema: Schema, seed: int) -> Any:
    """Return an instance of the schema.

    Raises:
        SchemaError: The schema is invalid or cannot be satisfied.
    """
    try:
        return _Builder(schema, seed).build(schema, name="", index=0, depth=0)
    except (AttributeError, IndexError, KeyError, TypeError, re.error) as error:
        raise SchemaError("This is not a JSON Schema.") from error


def _resolve(root: Schema, ref: str) -> Schema:
    found: Any = root
    for part in ref.removeprefix("#").strip("/").split("/"):
        try:
            found = found[part.replace("~1", "/").replace("~0", "~")] if part else found
        except (KeyError, TypeError, IndexError):
            raise SchemaError(f"The reference {ref!r} has no target.") from None
    resolved: Schema = found
    return resolved


class _Builder:
    def __init__(self, root: Schema, seed: int) -> None:
        self._root = root
        self._seed = seed

    def build(self, schema: Schema, *, name: str, index: int, depth: int) -> Any:
        """Return a value. `name` is the property that holds it, `index` its position in the nearest array."""
        schema = self._flatten(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][(self._seed + index) % len(schema["enum"])]
        match _type_of(schema):
            case "object":
                return self._object(schema, index=index, depth=depth)
            case "array":
                return self._array(schema, name=name, depth=depth)
            case "integer":
                return int(_number(schema, self._seed + index, whole=True))
            case "number":
                return _number(schema, self._seed + index, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _string(schema, name=name, seed=self._seed + index, index=index)

    def _flatten(self, schema: Schema, depth: int) -> Schema:
        """Return the schema with references resolved and the first alternative that is not null.

        Below the maximum depth the last alternative is chosen, which ends a recursion that allows null.
        """
        flat = dict(schema)
        for _ in range(64):
            options = flat.pop("anyOf", None) or flat.pop("oneOf", None)
            if "$ref" in flat:
                flat = {**_resolve(self._root, flat.pop("$ref")), **flat}
            elif "allOf" in flat:
                for part in flat.pop("allOf"):
                    flat = {**flat, **part}
            elif options:
                real = [option for option in options if option.get("type") not in {"null", "NULL"}]
                flat = {**flat, **(options[-1] if depth > _MAX_DEPTH or not real else real[0])}
            else:
                return flat
        raise SchemaError("The references of the schema form a cycle.")

    def _object(self, schema: Schema, *, index: int, depth: int) -> dict[str, Any]:
        if depth > 4 * _MAX_DEPTH:
            raise SchemaError("The schema is nested without end.")
        required = schema.get("required", ())
        return {
            name: self.build(part, name=name, index=index, depth=depth + 1)
            for name, part in schema.get("properties", {}).items()
            if depth <= _MAX_DEPTH or name in required
        }

    def _array(self, schema: Schema, *, name: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        items: Schema = schema.get("items", {})
        wanted = least if least or depth > _MAX_DEPTH else int(min(3, most))
        if least > most:
            raise SchemaError("minItems is greater than maxItems.")
        if schema.get("uniqueItems") and "enum" in items:
            wanted = max(least, min(wanted, len(items["enum"])))
        return [self.build(items, name=name, index=index, depth=depth + 1) for index in range(int(wanted))]


def _type_of(schema: Schema) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
    if isinstance(kind, str):
        return kind.lower()
    return next((each.lower() for each in kind if each.lower() != "null"), "null")


def _number(schema: Schema, seed: int, *, whole: bool) -> float:
    """Return a value within the bounds that is a multiple of `multipleOf`, if that is given."""
    step: float = schema.get("multipleOf", 1 if whole else 0)
    gap = step or 0.001
    low: float = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + gap)
    high: float = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - gap)
    low = low if low > -math.inf else min(0, high)
    high = high if high < math.inf else low + 10
    if step:
        first, last = math.ceil(low / step), math.floor(high / step)
        value = step * (first + seed % max(last - first + 1, 1))
    else:
        value = round(low + (high - low) * (seed % 11) / 10, 6)
    if not low <= value <= high:
        raise SchemaError("No number fits the bounds.")
    return value


def _string(schema: Schema, *, name: str, seed: int, index: int) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    if least > most:
        raise SchemaError("minLength is greater than maxLength.")
    pattern = schema.get("pattern")
    fixed = _FORMATS.get(schema.get("format", ""))
    if fixed is not None and least <= len(fixed) <= most:
        return fixed
    text = _fitted(_worded(name, seed, index), least, most)
    return text if pattern is None or re.search(pattern, text) else _matching(pattern, least, most)


def _worded(name: str, seed: int, index: int) -> str:
    number = f"{index + 1}" if index else ""
    lowered = name.lower()
    for names, words in _WORDING:
        if any(each in lowered for each in names):
            return f"{words}{number}"
    if lowered in {"language", "lang", "locale", "idioma"}:
        return "pt-BR"
    return f"[simulado{' ' if number else ''}{number}] {sentence(seed)}"


def _fitted(text: str, least: int, most: int) -> str:
    """Cut or fill the text to the length. If no sentence fits, use the word "simulado" alone."""
    if len(text) > most:
        text = text if text.startswith(("[simulado", "#simulado")) and most >= len("[simulado]") else "simulado"
        text = text[:most].rstrip() if len(text[:most].rstrip()) >= least else text[:most]
    while len(text) < least:
        text += " simulado"
    return text[:most]


@cache
def _matching(pattern: str, least: int, most: int) -> str:
    candidates = ["simulado", "#simulado", "Simulado", "SIMULADO", "pt-BR", "pt", "PT", *_FORMATS.values()]
    candidates += [sign * count for count in range(1, 65) for sign in "sS#0"]
    for text in candidates:
        if least <= len(text) <= most and re.search(pattern, text):
            return text
    raise SchemaError(f"No simple text matches {pattern!r}.")
