"""Answers as no model should write them, and as some do: made from a good one, the same for the same seed."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

JUNK = [
    "", "null", "true", "[]", "{}", "42", '"text"', "NaN", "-Infinity", "1e999", "[[[[", "{" * 2_000, "[" * 5_000,
    '{"a":' * 2_000, "\ufeff", "```json", "```json\n```", "```json\n{}\n```", "Sorry, I can't help.", "\x00", "\ud800",
    "{'a': 1}", '{"a": 1', '{"a": 1}}', "9" * 5_000, '{"a": ' + "9" * 5_000 + "}", "<html></html>", "\\", '"',
    "{\n", "{,}", "[,]", '{"language": {"language": {}}}', "{} {} {}", "undefined",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, "", " ", "\u0000", "\u202e", "a" * 2_000, "👩\u200d👧" * 100, "e\u0301" * 200,
    [], [[]], {}, {"x": {"y": []}}, ["a", 1, None], "…", "**x**", "- a\n- b", "\n\n\n", "```", "{{", "\u0301", "\ud83d",
]  # fmt: skip


def fuzzed(good: dict[str, Any], number: int, seed: int = 4) -> Iterator[str]:
    """So many answers: each the good one with one to three things done to it."""
    random_ = random.Random(seed)
    for _ in range(number):
        answer = json.dumps(_members(good, random_), ensure_ascii=random_.random() < 0.5)
        for _ in range(random_.randint(0, 2)):
            answer = random_.choice(_TO_TEXT)(answer, random_)
        yield answer


def _members(good: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(json.dumps(good))
    if random_.random() < 0.3:
        return answer
    place = answer
    while (inner := _objects_in(place)) and random_.random() < 0.6:
        place = inner[0]
    name = random_.choice(list(place)) if place else "x"
    match random_.randrange(5):
        case 0:
            place.pop(name, None)
        case 1:
            place[name] = random_.choice(VALUES)
        case 2:
            place[f"{name}x"] = random_.choice(VALUES)
        case 3:
            place[name] = [place.get(name)]
        case _:
            place[name] = str(place.get(name, "")) * random_.randint(2, 9)
    return answer


def _objects_in(place: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for value in place.values() if isinstance(value, dict)]


def _inserted(text: str, random_: random.Random) -> str:
    place = random_.randint(0, len(text))
    return text[:place] + random_.choice([*JUNK[:12], ",", "}", "]", '"', "\n", "\ud800", "é", "//"]) + text[place:]


def _removed(text: str, random_: random.Random) -> str:
    place = random_.randint(0, len(text))
    return text[:place] + text[place + random_.randint(1, 5) :]


_TO_TEXT: list[Callable[[str, random.Random], str]] = [
    lambda text, _: f"```json\n{text}\n```",
    lambda text, _: f"Here is the result:\n\n{text}\n\nAnything else?",
    lambda text, _: text.replace("}", ",}").replace("]", ",]"),
    lambda text, random_: text[: random_.randint(0, len(text))],
    lambda text, random_: random_.choice(JUNK) + text,
    lambda text, random_: text + random_.choice(JUNK),
    lambda _, random_: random_.choice(JUNK),
    _inserted,
    _removed,
]
