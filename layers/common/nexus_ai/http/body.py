"""A body: strict JSON into a model, or an error that names each field and quotes no value."""

import binascii
import json
from base64 import b64decode
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from nexus_ai.core.errors import MalformedBody, ValidationFailed
from nexus_ai.core.wire import RequestModel

ERRORS_MAX = 20
FIELD_MAX = 100


def parse[Body: RequestModel](text: str | None, model: type[Body], *, is_base64: bool) -> Body:
    """Raises MalformedBody for what is not a JSON object (RFC 8259) and ValidationFailed for one that does not fit."""
    body = _json_object(text, is_base64=is_base64)
    try:
        # From JSON, where strict mode takes an array for a tuple and a text for an enum's member.
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _validation_failed(error) from None


def _json_object(text: str | None, *, is_base64: bool) -> bytes:
    try:
        body = (text or "").encode()
        if is_base64:
            body = b64decode(body, validate=True)
        # Refuses bad UTF-8, lone surrogates, NaN and deep nesting, none of which a store or a vendor would take.
        value: object = from_json(body, allow_inf_nan=False)
        if isinstance(value, dict):
            json.loads(body, object_pairs_hook=_unique_names)
    except (ValueError, binascii.Error):
        raise MalformedBody("The body has to be one JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise MalformedBody("The body is JSON, and has to be an object.")
    return body


def _unique_names(pairs: list[tuple[str, Any]]) -> None:
    # Of two equal names, one reader takes the first and another the last.
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError


def _validation_failed(error: ValidationError) -> ValidationFailed:
    found = error.errors(include_url=False, include_input=False)
    errors = [
        {"field": _path(details["loc"]), "message": _message(details), "type": details["type"]}
        for details in found[:ERRORS_MAX]
    ]
    first = f"{errors[0]['field']}: {errors[0]['message']}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ValidationFailed(first + more, extra={"errors": errors})


def _path(location: tuple[int | str, ...]) -> str:
    """`context.platform`, `texts.0`. A name that the client made up is cut, so that an answer stays small."""
    return ".".join(str(part) for part in location)[:FIELD_MAX] or "body"


def _message(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        return str(details.get("ctx", {}).get("error", details["msg"]))
    return details["msg"]
