"""Parse a request body: strict JSON into a model, or an error that names each field and quotes no value."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from nexus_ai.platform.errors import MalformedBody
from nexus_ai.platform.field_errors import FieldProblem, field_errors
from nexus_ai.platform.schema import RequestModel

FIELD_MAX = 100


def parse[Body: RequestModel](text: str | None, model: type[Body], *, is_base64: bool) -> Body:
    """Parse a body into a model.

    Raises:
        MalformedBody: The body is not a JSON object (RFC 8259).
        ValidationFailed: The object does not fit the model.
    """
    raw, value = _json_object(text, is_base64=is_base64)
    try:
        # In JSON mode, strict models accept an array for a tuple and a string for an enum member.
        body = model.model_validate_json(raw)
    except ValidationError as error:
        raise field_errors(field_problems(error)) from None
    unknown = [
        FieldProblem(path, "Extra inputs are not permitted", "extra_forbidden")
        for path in _fields_by_python_name(body, value)
    ]
    if unknown:
        raise field_errors(unknown)
    return body


def _json_object(text: str | None, *, is_base64: bool) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = (text or "").encode()
        if is_base64:
            raw = b64decode(raw, validate=True)
        # Rejects bad UTF-8, lone surrogates, NaN and deep nesting, which no store or provider accepts.
        from_json(raw, allow_inf_nan=False)
        value: object = json.loads(raw, object_pairs_hook=_unique_names)
    except ValueError:
        raise MalformedBody("The body must be one JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise MalformedBody("The body is valid JSON but not an object. Send a JSON object.")
    return raw, cast("dict[str, Any]", value)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON readers differ in which of two equal names they use, so reject them.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _fields_by_python_name(
    body: RequestModel, value: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[str]:
    """Yield the paths of fields given by their Python names, such as `max_characters`.

    pydantic-core 2.46 silently ignores them in JSON, although the model forbids unknown fields.
    """
    for name, field in type(body).model_fields.items():
        alias = field.alias or name
        if name != alias and name in value:
            yield _path((*path, name))
        inner: object = getattr(body, name)
        if isinstance(inner, RequestModel):
            yield from _fields_by_python_name(inner, value.get(alias, {}), (*path, alias))
        elif isinstance(inner, tuple):
            for index, item in enumerate(cast("tuple[object, ...]", inner)):
                if isinstance(item, RequestModel) and alias in value:
                    yield from _fields_by_python_name(item, value[alias][index], (*path, alias, index))


def field_problems(error: ValidationError) -> list[FieldProblem]:
    """Return one entry per invalid field, without its value."""
    return [_message(details) for details in error.errors(include_url=False, include_input=False)]


def _message(details: ErrorDetails) -> FieldProblem:
    # Use pydantic's message unless it mentions Python types or shows a regular expression.
    message = details["msg"].replace("Tuple", "List").replace("Dictionary", "Object")
    if details["type"] == "value_error":
        message = str(details.get("ctx", {}).get("error", message))
    elif details["type"] == "string_pattern_mismatch":
        message = "Does not have the format of this field"
    return FieldProblem(_path(details["loc"]), message, details["type"])


def _path(location: tuple[int | str, ...]) -> str:
    """Return a path such as `context.platform` or `texts.0`, cut to a length that keeps the response small."""
    return ".".join(str(part) for part in location)[:FIELD_MAX] or "body"
