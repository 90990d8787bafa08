"""Reads what models write where a structure was asked for.

What is around the JSON is passed over, since it changes nothing of what was said: fences, prose before and after it, a
byte order mark, commas before a closing bracket. What is not the JSON that was promised is ContractBroken, and nothing
else is ever raised.
"""

import json
import math
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from nexus_ai.model_calls import InvalidOutputError

# Several times what the longest answer that is asked for comes to: what reads it never has to read more.
MAX_CHARACTERS = 500_000
# In prose, a bracket is no beginning of JSON. So many of them are tried.
MAX_JSON_STARTS = 20
MAX_PROBLEMS = 5
# A string, to its end or to that of the text; or a comma that nothing follows.
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\])*+(?:"|\Z))|,(?=\s*[}\]])', re.DOTALL)


def validate_as[Output: BaseModel](value: object, model: type[Output]) -> Output:
    """A part of what was written; raises ContractBroken with a sentence for each thing that is wrong."""
    try:
        # From JSON, so that strict models take arrays for tuples.
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems = [
            _describe_error(found["loc"], found["msg"])
            for found in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidOutputError(*problems[:MAX_PROBLEMS]) from None


def read_object(text: str) -> dict[str, Any]:
    """The JSON object in an answer: the longest, where there are several. Raises ContractBroken."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidOutputError(f"the answer has more than {MAX_CHARACTERS} characters")
    # In prose a quotation mark may stand alone, and a comma in a text then looks like one outside of it: what is JSON
    # as it stands goes before what is JSON without these commas.
    without_extra_commas = _STRING_OR_COMMA.sub(lambda found: found.group(1) or "", text)
    _, found = max(
        (*_find_json_values(text), *_find_json_values(without_extra_commas)), key=itemgetter(0), default=(0, None)
    )
    if not isinstance(found, dict):
        raise InvalidOutputError("the answer is not a JSON object, or not all of one")
    _require_encodable(json.dumps(found, ensure_ascii=False))
    return cast("dict[str, Any]", found)


def _find_json_values(text: str) -> Iterator[tuple[int, object]]:
    """What of a text is JSON objects and arrays, each with its length."""
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
    """Half a surrogate pair cannot be written as UTF-8, so that no answer could be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidOutputError("the answer has characters that are none") from None


def _describe_error(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location)) or 'the answer'}: {message}"
