"""Test that docs/ and README.md agree with the code."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from nexus_ai.aws.dynamodb import keys
from nexus_ai.gateway.retry_policy import RETRY_POLICY
from nexus_ai.platform.errors import NexusError

ROOT = Path(__file__).parents[2]
RETRY_POLICY_ROW = re.compile(r"^\| ([a-z_]+) \| .* \| (next|next_larger|stop) \| (yes|no) \|$", re.MULTILINE)
TEST_NAME = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


def test_documented_retry_policy_is_that_of_the_code() -> None:
    documented = {
        kind: (action, trips == "yes") for kind, action, trips in RETRY_POLICY_ROW.findall(_read("docs/fallback.md"))
    }
    assert documented == {kind.value: (rule.action.value, rule.trips) for kind, rule in RETRY_POLICY.items()}


def test_api_page_names_every_error_code() -> None:
    table = _read("docs/api/index.md").partition("## Errors")[2]
    assert {error.code for error in _kinds(NexusError)} <= set(re.findall(r"`([a-z_]+)`", table))


def _kinds(error: type[NexusError]) -> Iterator[type[NexusError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)


def test_every_promise_names_an_existing_test() -> None:
    lines = [line for line in _read("docs/promises.md").splitlines() if line.startswith("| ")][1:]
    named = [TEST_NAME.search(line) for line in lines]
    assert lines
    assert all(named), "a promise without a test"
    for found in named:
        assert found is not None
        assert found[2] in _functions_in(found[1])


@cache
def _functions_in(path: str) -> set[str]:
    return {node.name for node in ast.parse(_read(path)).body if isinstance(node, ast.FunctionDef)}


def _read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_data_model_describes_every_kind_of_key() -> None:
    kinds = set(_kinds_of_keys())
    described = _read("docs/data-model.md")
    assert kinds >= {"provider#", "limits", "answer", "#content"}
    assert [kind for kind in sorted(kinds) if f"`{kind}" not in described] == []


def _kinds_of_keys() -> Iterator[str]:
    """Yield the fixed start of each sort key and the fixed end of each partition: "provider#", "#content"."""
    for _, function in inspect.getmembers(keys, _is_key_function):
        values = {name: 1 if kind is int else f"<{name}>" for name, kind in _parameters(function).items()}
        match function(**values):
            case {"PK": str(partition), "SK": str(sort_key)}:
                parts = [sort_key, partition]
            case str(partition):
                parts = [partition]
            case _:
                continue
        found = [re.match(r"[a-z]+#?", part) or re.match(r"<tenant_id>(#[a-z]+)", part) for part in parts]
        yield from (match[match.lastindex or 0] for match in found if match)


def _is_key_function(member: object) -> bool:
    return inspect.isfunction(member) and member.__module__ == keys.__name__ and not member.__name__.startswith("_")


def _parameters(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: kind for name, kind in get_type_hints(function).items() if name != "return"}
