"""A body: strict JSON into a model, or an error that names each field and quotes no value."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from nexus_ai.platform.errors import MalformedBody, ValidationFailed
from nexus_ai.platform.schema import RequestModel

ERRORS_MAX = 20
FIELD_MAX = 100


def parse[Body: RequestModel](text: str | None, model: type[Body], *, is_base64: bool) -> Body:
    """Raises MalformedBody for what is not a JSON object (RFC 8259) and ValidationFailed for one that does not fit."""
    raw, value = _json_object(text, is_base64=is_base64)
    try:
        # From JSON, where strict mode takes an array for a tuple and a text for an enum's member.
        body = model.model_validate_json(raw)
    except ValidationError as error:
        raise validation_failed(problems(error)) from None
    unknown = [problem(path, "Extra inputs are not permitted", "extra_forbidden") for path in _inner_names(body, value)]
    if unknown:
        raise validation_failed(unknown)
    return body


def _json_object(text: str | None, *, is_base64: bool) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = (text or "").encode()
        if is_base64:
            raw = b64decode(raw, validate=True)
        # Refuses bad UTF-8, lone surrogates, NaN and deep nesting, none of which a store or a vendor would take.
        from_json(raw, allow_inf_nan=False)
        value: object = json.loads(raw, object_pairs_hook=_unique_names)
    except ValueError:
        raise MalformedBody("The body has to be one JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise MalformedBody("The body is JSON, and has to be an object.")
    return raw, cast("dict[str, Any]", value)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two equal names, one reader takes the first and another the last.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _inner_names(body: RequestModel, value: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[str]:
    """Fields written by their inner names (max_characters): pydantic-core 2.46 drops them from JSON without a word,
    though the model forbids what it does not know."""
    for name, field in type(body).model_fields.items():
        alias = field.alias or name
        if name != alias and name in value:
            yield _path((*path, name))
        inner: object = getattr(body, name)
        if isinstance(inner, RequestModel):
            yield from _inner_names(inner, value.get(alias, {}), (*path, alias))
        elif isinstance(inner, tuple):
            for index, item in enumerate(cast("tuple[object, ...]", inner)):
                if isinstance(item, RequestModel) and alias in value:
                    yield from _inner_names(item, value[alias][index], (*path, alias, index))


def validation_failed(errors: list[dict[str, str]]) -> ValidationFailed:
    """The error that names each field: `errors` as `problems` and `problem` make them, at least one."""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    detail = f"{errors[0]['field']}: {errors[0]['message']}{more}"
    return ValidationFailed(detail, extra={"errors": errors[:ERRORS_MAX]})


def problems(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, field by field, without the values."""
    return [_message(details) for details in error.errors(include_url=False, include_input=False)]


def problem(field: str, message: str, kind: str) -> dict[str, str]:
    return {"field": field, "message": message, "type": kind}


def _message(details: ErrorDetails) -> dict[str, str]:
    # pydantic's own words, but where they would speak of Python or hand a person a regular expression.
    message = details["msg"].replace("Tuple", "List").replace("Dictionary", "Object")
    if details["type"] == "value_error":
        message = str(details.get("ctx", {}).get("error", message))
    elif details["type"] == "string_pattern_mismatch":
        message = "Is not of the form that this field takes"
    return problem(_path(details["loc"]), message, details["type"])


def _path(location: tuple[int | str, ...]) -> str:
    """`context.platform`, `texts.0`. A name that the client made up is cut, so that an answer stays small."""
    return ".".join(str(part) for part in location)[:FIELD_MAX] or "body"
