"""No text is slow to read: what users and models write is matched by patterns that try each way through it once.

Where two endless repeats in a row take the same characters, a text of these that does not match is tried with every
border between the two: 20,000 characters are 200 million steps.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from nexus_ai import tasks

# Python's own parser of patterns, which has no public name.
parser: Any = importlib.import_module("re._parser")
ALPHABET = frozenset(map(chr, range(0x250))) | frozenset("\u0301\u200d\u2013…。👩🏽")
ENDLESS = 400
type Repeats = list[frozenset[str]]
# The endless repeats that an element can begin and end with, and whether it may be empty.
type Edges = tuple[Repeats, Repeats, bool]


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(tasks.__path__, f"{tasks.__name__}."):
        yield importlib.import_module(found.name)


PATTERNS: dict[str, re.Pattern[str]] = {
    f"{module.__name__.removeprefix(tasks.__name__)}.{name}": value
    for module in modules()
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}


def characters(name: str, argument: Any) -> frozenset[str] | None:
    """What an element of one character takes; None for any other element."""
    match name:
        case "LITERAL":
            return ALPHABET & {chr(argument)}
        case "NOT_LITERAL":
            return ALPHABET - {chr(argument)}
        case "ANY":
            return ALPHABET
        case "RANGE":
            return frozenset(character for character in ALPHABET if argument[0] <= ord(character) <= argument[1])
        case "CATEGORY":
            letter = {"SPACE": "s", "WORD": "w", "DIGIT": "d"}[str(argument).rpartition("_")[2]]
            shown = re.compile(f"\\{letter.upper() if '_NOT_' in str(argument) else letter}")
            return frozenset(filter(shown.match, ALPHABET))
        case "IN":
            is_negated = str(argument[0][0]) == "NEGATE"
            within = frozenset[str]().union(*(characters(str(op), each) or () for op, each in argument[is_negated:]))
            return ALPHABET - within if is_negated else within
        case _:
            return None


def of_sequence(elements: Iterable[tuple[Any, Any]]) -> Edges:
    first: Repeats = []
    last: Repeats = []
    may_be_empty = True
    for op, argument in elements:
        one = characters(str(op), argument)
        begins, ends, is_optional = ([], [], False) if one is not None else OF_ELEMENT[str(op)](argument)
        require_apart(last, begins)
        first += begins if may_be_empty else []
        # A repeat goes on where the one character behind it is one of its own.
        kept = last if is_optional else [repeat for repeat in last if repeat & (one or frozenset())]
        last = kept + ends
        may_be_empty = may_be_empty and is_optional
    return first, last, may_be_empty


def require_apart(last: Repeats, first: Repeats) -> None:
    for before in last:
        for behind in first:
            assert not before & behind, f"two repeats in a row take {sorted(before & behind)[:5]}"


def of_repeat(argument: Any, *, gives_back: bool = True) -> Edges:
    least, most, inner = argument
    if most < ENDLESS:
        first, last, may_be_empty = of_sequence(inner)
    elif len(inner) == 1 and (one := characters(str(inner[0][0]), inner[0][1])) is not None:
        first, last, may_be_empty = [one], [one], False
    else:
        first, last, may_be_empty = of_sequence(inner)
        require_apart(last, first)
    return first, last if gives_back else [], may_be_empty or least == 0


def of_branch(argument: Any) -> Edges:
    branches = [of_sequence(branch) for branch in argument[1]]
    first = [repeat for branch in branches for repeat in branch[0]]
    last = [repeat for branch in branches for repeat in branch[1]]
    return first, last, any(branch[2] for branch in branches)


def of_look(argument: Any) -> Edges:
    of_sequence(argument[1])
    return [], [], True


OF_ELEMENT: dict[str, Callable[[Any], Edges]] = {
    "MAX_REPEAT": of_repeat,
    "MIN_REPEAT": of_repeat,
    "POSSESSIVE_REPEAT": partial(of_repeat, gives_back=False),
    "SUBPATTERN": lambda argument: of_sequence(argument[3]),
    "BRANCH": of_branch,
    "ASSERT": of_look,
    "ASSERT_NOT": of_look,
    # At the beginning of a line or at the end of all, there is one border.
    "AT": lambda _: ([], [], False),
}


def require_one_way(pattern: re.Pattern[str]) -> None:
    of_sequence(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


@pytest.mark.parametrize("name", PATTERNS)
def test_no_two_repeats_in_a_row_of_a_pattern_take_the_same_characters(name: str) -> None:
    require_one_way(PATTERNS[name])


@pytest.mark.parametrize("slow", [r"%[-+0#]*\d*s", r"\{\w+(?:,[^}]*)?[ \t]*\}", "[-=|]*[-=][-=|]*", "(?:a+)*b"])
def test_a_pattern_with_two_ways_is_noticed(slow: str) -> None:
    with pytest.raises(AssertionError, match="two repeats in a row"):
        require_one_way(re.compile(slow))
