"""What docs/ says of the code is what the code is."""

import re
from collections.abc import Iterator
from pathlib import Path

from nexus_ai.gateway.retry_policy import RETRY_POLICY
from nexus_ai.platform.errors import NexusError

ROOT = Path(__file__).parents[2]
CELLS = re.compile(r"^\| ([a-z_]+) \| .* \| (next|next_larger|stop) \| (yes|no) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")


def test_the_table_of_failures_is_the_one_in_the_code() -> None:
    told = {kind: (action, trips == "yes") for kind, action, trips in CELLS.findall(_read("docs/fallback.md"))}
    assert told == {kind.value: (rule.action.value, rule.trips) for kind, rule in RETRY_POLICY.items()}


def test_api_page_names_every_error_code() -> None:
    table = _read("docs/api/index.md").partition("## Errors")[2]
    assert {error.code for error in _kinds(NexusError)} <= set(re.findall(r"`([a-z_]+)`", table))


def _kinds(of: type[NexusError]) -> Iterator[type[NexusError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


def test_every_promise_names_a_test_that_exists() -> None:
    lines = [line for line in _read("docs/promises.md").splitlines() if line.startswith("| ")][1:]
    named = [TEST.search(line) for line in lines]
    assert lines
    assert all(named), "a promise without a test"
    for found in named:
        assert found is not None
        assert f"def {found[2]}(" in _read(found[1])


def _read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_every_kind_of_key_stands_in_the_data_model() -> None:
    source = _read("layers/common/nexus_ai/aws/dynamodb/keys.py")
    kinds = set(re.findall(r'"(?:SK|PK)": f?"([a-z]+#?)', source)) | set(re.findall(r'\{tenant_id\}(#[a-z]+)"', source))
    described = _read("docs/data-model.md")
    assert kinds >= {"provider#", "limits", "answer", "#content"}
    assert [kind for kind in kinds if f"`{kind}" not in described] == []
