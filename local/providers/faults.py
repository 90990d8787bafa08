"""Change a good completion as a misbehaving model would: one function of the text per fault."""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

type Json = dict[str, Json] | list[Json] | str | float | None

_PLACEHOLDER: Final = re.compile(
    r"\{\{?[^{}]*\}\}?|%\d?\$?[sd]|:[a-z_]+\b|<[^<>]*>|https?://\S+|[\U0001f300-\U0001faff]"
)
_NUMBER: Final = re.compile(r'(?<=": )-?\d[\d.]*')
_STRING_OR_END: Final = re.compile(r'"(?:\\.|[^"\\])*"|(?<=["\]}])([}\]])')
_GERMAN: Final = "Das ist nicht die Sprache, in der Kunden der Praxis uns schreiben, und es hilft ihnen auch nicht. "


class Misbehaviour(StrEnum):
    FENCES = "fences"
    PROSE = "prose"
    TRAILING_COMMAS = "trailing_commas"
    EXTRA_MEMBERS = "extra_members"
    NAN = "nan"
    MISSING_MEMBER = "missing_member"
    TOO_LONG = "too_long"
    OTHER_LANGUAGE = "other_language"
    LOST_PLACEHOLDERS = "lost_placeholders"
    ARRAY = "array"
    FREE_TEXT = "free_text"
    # The provider cuts the completion and reports it: the finish reason is "length".
    TRUNCATED = "truncated"


def apply_misbehaviour(text: str, misbehaviour: Misbehaviour) -> str:
    """Return the completion as a misbehaving model would have written it."""
    return _CHANGES[misbehaviour](text)


def _fences(text: str) -> str:
    return f"```json\n{text}\n```"


def _prose(text: str) -> str:
    return f"Sure! Here is the {{JSON}} you asked for:\n\n{text}\n\nLet me know if you need anything else."


def _trailing_commas(text: str) -> str:
    return _STRING_OR_END.sub(lambda found: found[0] if found[1] is None else f",{found[1]}", text)


def _nan(text: str) -> str:
    if _NUMBER.search(text):
        return _NUMBER.sub("NaN", text, count=1)
    return re.sub(r'("\w+": ?)(?=["\[{])', r"\1NaN, \1", text, count=1)


def _without_a_member(text: str) -> str:
    return _changed(text, lambda data: dict(list(data.items())[:-1]))


def _with_more_members(text: str) -> str:
    return _changed(text, lambda data: {"reasoning": "First I thought.", **data, "confidenceNote": ["a", None]})


def _too_long(text: str) -> str:
    return _changed(text, lambda data: _leaves(data, lambda leaf: f"{leaf} " * 60 if len(leaf) > 15 else leaf))


def _other_language(text: str) -> str:
    return _changed(text, lambda data: _leaves(data, lambda leaf: _GERMAN if len(leaf) > 15 else leaf))


def _lost_placeholders(text: str) -> str:
    return _changed(text, lambda data: _leaves(data, lambda leaf: _PLACEHOLDER.sub("", leaf)))


def _as_array(text: str) -> str:
    return f"[{text}]"


def _free_text(_: str) -> str:
    return "I am sorry, but I would rather talk about something else."


def _truncated(text: str) -> str:
    return text[: len(text) * 2 // 3]


def _changed(text: str, change: Callable[[dict[str, Json]], Json]) -> str:
    """Apply `change` to the JSON of a completion. A plain text is changed as an object with one member."""
    try:
        completion: dict[str, Json] = json.loads(text)
    except ValueError:
        changed = change({"text": text})
        return str(changed.get("text", "") if isinstance(changed, dict) else changed)
    return json.dumps(change(completion), ensure_ascii=False)


def _leaves(value: Json, change: Callable[[str], str]) -> Json:
    """Apply `change` to every string of a JSON value."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _leaves(each, change) for name, each in value.items()}
    return [_leaves(each, change) for each in value] if isinstance(value, list) else value


_CHANGES: Final[Mapping[Misbehaviour, Callable[[str], str]]] = {
    Misbehaviour.FENCES: _fences,
    Misbehaviour.PROSE: _prose,
    Misbehaviour.TRAILING_COMMAS: _trailing_commas,
    Misbehaviour.EXTRA_MEMBERS: _with_more_members,
    Misbehaviour.NAN: _nan,
    Misbehaviour.MISSING_MEMBER: _without_a_member,
    Misbehaviour.TOO_LONG: _too_long,
    Misbehaviour.OTHER_LANGUAGE: _other_language,
    Misbehaviour.LOST_PLACEHOLDERS: _lost_placeholders,
    Misbehaviour.ARRAY: _as_array,
    Misbehaviour.FREE_TEXT: _free_text,
    Misbehaviour.TRUNCATED: _truncated,
}
