"""Test that the regular expressions of the tasks take no quadratic time.

If two adjacent unbounded repeats match the same characters, a text of these characters that does not match is tried
with every boundary between the two: 20,000 characters need 200 million steps.
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

# Python's own parser of patterns. It has no public name.
parser: Any = importlib.import_module("re._parser")
ALPHABET = frozenset(map(chr, range(0x250))) | frozenset("\u0301\u200d\u2013…。👩🏽")
ENDLESS = 400
type Repeats = list[frozenset[str]]
# The unbounded repeats that an element can start and end with, and True if the element may be empty.
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
    """Return the characters that an element of one character matches, or None for any other element."""
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
            category = re.compile(f"\\{letter.upper() if '_NOT_' in str(argument) else letter}")
            return frozenset(filter(category.match, ALPHABET))
        case "IN":
            is_negated = str(argument[0][0]) == "NEGATE"
            members = frozenset[str]().union(*(characters(str(op), value) or () for op, value in argument[is_negated:]))
            return ALPHABET - members if is_negated else members
        case _:
            return None


def sequence_edges(elements: Iterable[tuple[Any, Any]]) -> Edges:
    first: Repeats = []
    last: Repeats = []
    may_be_empty = True
    for op, argument in elements:
        taken = characters(str(op), argument)
        starts, ends, is_optional = ([], [], False) if taken is not None else EDGES_BY_ELEMENT[str(op)](argument)
        require_disjoint(last, starts)
        first += starts if may_be_empty else []
        # A repeat stays adjacent to the next element if the single character between them matches it as well.
        carried = last if is_optional else [repeat for repeat in last if repeat & (taken or frozenset())]
        last = carried + ends
        may_be_empty = may_be_empty and is_optional
    return first, last, may_be_empty


def require_disjoint(last: Repeats, first: Repeats) -> None:
    for before in last:
        for after in first:
            assert not before & after, f"two repeats in a row take {sorted(before & after)[:5]}"


def repeat_edges(argument: Any, *, backtracks: bool = True) -> Edges:
    minimum, maximum, inner = argument
    if maximum < ENDLESS:
        first, last, may_be_empty = sequence_edges(inner)
    elif len(inner) == 1 and (taken := characters(str(inner[0][0]), inner[0][1])) is not None:
        first, last, may_be_empty = [taken], [taken], False
    else:
        first, last, may_be_empty = sequence_edges(inner)
        require_disjoint(last, first)
    return first, last if backtracks else [], may_be_empty or minimum == 0


def branch_edges(argument: Any) -> Edges:
    branches = [sequence_edges(branch) for branch in argument[1]]
    first = [repeat for branch in branches for repeat in branch[0]]
    last = [repeat for branch in branches for repeat in branch[1]]
    return first, last, any(branch[2] for branch in branches)


def lookaround_edges(argument: Any) -> Edges:
    sequence_edges(argument[1])
    return [], [], True


EDGES_BY_ELEMENT: dict[str, Callable[[Any], Edges]] = {
    "MAX_REPEAT": repeat_edges,
    "MIN_REPEAT": repeat_edges,
    "POSSESSIVE_REPEAT": partial(repeat_edges, backtracks=False),
    "SUBPATTERN": lambda argument: sequence_edges(argument[3]),
    "BRANCH": branch_edges,
    "ASSERT": lookaround_edges,
    "ASSERT_NOT": lookaround_edges,
    # An anchor matches at only one position.
    "AT": lambda _: ([], [], False),
}


def require_unambiguous(pattern: re.Pattern[str]) -> None:
    sequence_edges(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


@pytest.mark.parametrize("name", PATTERNS)
def test_adjacent_repeats_of_a_pattern_share_no_characters(name: str) -> None:
    require_unambiguous(PATTERNS[name])


@pytest.mark.parametrize("slow", [r"%[-+0#]*\d*s", r"\{\w+(?:,[^}]*)?[ \t]*\}", "[-=|]*[-=][-=|]*", "(?:a+)*b"])
def test_ambiguous_pattern_is_detected(slow: str) -> None:
    with pytest.raises(AssertionError, match="two repeats in a row"):
        require_unambiguous(re.compile(slow))
