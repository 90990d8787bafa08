"""Read the JSON object in a completion and validate it.

Harmless additions are ignored: code fences, prose before and after the JSON, a byte order mark, and commas before a
closing bracket. Any other deviation raises InvalidOutputError; no other error is ever raised.
"""

import json
import math
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from nexus_ai.model_calls import InvalidOutputError

# Several times the length of the longest completion that a task asks for. It bounds the work of reading one.
MAX_CHARACTERS = 500_000
# A bracket in prose does not start JSON, so several brackets are tried.
MAX_JSON_STARTS = 20
MAX_PROBLEMS = 5
# A string up to its end or the end of the text, or a comma before a closing bracket.
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\])*+(?:"|\Z))|,(?=\s*[}\]])', re.DOTALL)


def validate_as[Output: BaseModel](value: object, model: type[Output]) -> Output:
    """Return a JSON value as a validated model.

    Raises:
        InvalidOutputError: The value does not fit. It has one sentence for each problem, at most MAX_PROBLEMS.
    """
    try:
        # Validate from JSON, because strict models accept arrays as tuples only there.
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems = [
            _describe_error(found["loc"], found["msg"])
            for found in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidOutputError(*problems[:MAX_PROBLEMS]) from None


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object in a completion, or the longest one if there are several.

    Raises:
        InvalidOutputError: The completion has no complete JSON object, or is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidOutputError(f"the answer has more than {MAX_CHARACTERS} characters")
    # After a single quotation mark in prose, a comma inside a string looks like one outside and is removed. So the
    # values of the unchanged text come first: `max` returns the first of the longest.
    without_extra_commas = _STRING_OR_COMMA.sub(lambda found: found.group(1) or "", text)
    _, found = max(
        (*_find_json_values(text), *_find_json_values(without_extra_commas)), key=itemgetter(0), default=(0, None)
    )
    if not isinstance(found, dict):
        raise InvalidOutputError("the answer is not a JSON object, or not all of one")
    _require_encodable(json.dumps(found, ensure_ascii=False))
    return cast("dict[str, Any]", found)


def _find_json_values(text: str) -> Iterator[tuple[int, object]]:
    """Yield the length and the value of each JSON object or array in a text."""
    decoder = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_parse_finite_float)
    end = 0
    for _ in range(MAX_JSON_STARTS):
        start = _next_bracket(text, end)
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
            yield end - start, value
        except (ValueError, RecursionError):
            end = start + 1


def _next_bracket(text: str, start: int) -> int:
    positions = [position for position in (text.find("{", start), text.find("[", start)) if position >= 0]
    return min(positions, default=-1)


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _parse_finite_float(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("too large a number")
    return value


def _require_encodable(text: str) -> None:
    """Raise InvalidOutputError for half a surrogate pair: a response with it could not be encoded as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidOutputError("the answer has characters that are none") from None


def _describe_error(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location)) or 'the answer'}: {message}"
