"""Generate malformed completions from a valid one, the same ones for the same seed."""

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


def fuzzed(valid_output: dict[str, Any], count: int, seed: int = 4) -> Iterator[str]:
    """Yield `count` completions, each made from the valid one with up to three changes."""
    random_ = random.Random(seed)
    for _ in range(count):
        output = json.dumps(_change_members(valid_output, random_), ensure_ascii=random_.random() < 0.5)
        for _ in range(random_.randint(0, 2)):
            output = random_.choice(_TEXT_CHANGES)(output, random_)
        yield output


def _change_members(valid_output: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    output: dict[str, Any] = json.loads(json.dumps(valid_output))
    if random_.random() < 0.3:
        return output
    parent = output
    while (inner := _child_objects(parent)) and random_.random() < 0.6:
        parent = inner[0]
    name = random_.choice(list(parent)) if parent else "x"
    match random_.randrange(5):
        case 0:
            parent.pop(name, None)
        case 1:
            parent[name] = random_.choice(VALUES)
        case 2:
            parent[f"{name}x"] = random_.choice(VALUES)
        case 3:
            parent[name] = [parent.get(name)]
        case _:
            parent[name] = str(parent.get(name, "")) * random_.randint(2, 9)
    return output


def _child_objects(parent: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for value in parent.values() if isinstance(value, dict)]


def _insert_junk(text: str, random_: random.Random) -> str:
    index = random_.randint(0, len(text))
    return text[:index] + random_.choice([*JUNK[:12], ",", "}", "]", '"', "\n", "\ud800", "é", "//"]) + text[index:]


def _remove_characters(text: str, random_: random.Random) -> str:
    index = random_.randint(0, len(text))
    return text[:index] + text[index + random_.randint(1, 5) :]


_TEXT_CHANGES: list[Callable[[str, random.Random], str]] = [
    lambda text, _: f"```json\n{text}\n```",
    lambda text, _: f"Here is the result:\n\n{text}\n\nAnything else?",
    lambda text, _: text.replace("}", ",}").replace("]", ",]"),
    lambda text, random_: text[: random_.randint(0, len(text))],
    lambda text, random_: random_.choice(JUNK) + text,
    lambda text, random_: text + random_.choice(JUNK),
    lambda _, random_: random_.choice(JUNK),
    _insert_junk,
    _remove_characters,
]
