"""The operator's check of every part, which no route leads to."""

import json
from typing import Any

import boto3
import pytest

from functions.check_health.app import handler
from local.stack import LocalStack
from nexus_ai import __version__
from nexus_ai.platform.settings import get_settings
from tests.integration.security.test_permissions import granted, recorded
from tests.integration.support.faults import fault, unreachable
from tests.repo_checks.deployed import transformed
from tests.unit.http.http_events import Context, read_event

PARTS = ["settings", "rateLimits", "cache", "usage", "auditLogs", "providerKeys", "content"]


def report() -> dict[str, Any]:
    return handler(read_event("check_health"), Context())


def states(found: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in found["checks"]}


def test_check_asks_every_part_and_may_do_nothing_else(stack: LocalStack, tenant: str) -> None:
    with recorded(tenant) as calls:
        found = report()

    assert (found["status"], found["version"], found["stage"]) == ("ok", __version__, "local")
    assert [check["name"] for check in found["checks"]] == PARTS
    assert states(found) == dict.fromkeys(PARTS, "ok")
    assert all(isinstance(check["latencyMs"], int) and check["latencyMs"] >= 0 for check in found["checks"])
    assert calls == granted("CheckHealthFunction")


@pytest.mark.parametrize(
    ("part", "service", "operation", "named"),
    [
        ("rateLimits", "dynamodb", "GetItem", lambda: get_settings().rate_limits_table),
        ("providerKeys", "kms", "DescribeKey", lambda: ""),
    ],
)
def test_part_that_fails_is_named_and_logged(
    *, part: str, service: str, operation: str, named: Any, stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault(operation, named(), unreachable, service=service):
        found = report()

    assert found["status"] == "failed"
    assert states(found) == dict.fromkeys(PARTS, "ok") | {part: "failed"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["check"] for line in lines if "check" in line] == [part]
    assert all(line["route"] == "check_health" for line in lines if "check" in line)


def test_key_that_is_disabled_is_a_part_that_fails(stack: LocalStack) -> None:
    key = get_settings().provider_keys_key_id
    kms: Any = boto3.client("kms")  # pyright: ignore[reportUnknownMemberType]
    kms.disable_key(KeyId=key)
    try:
        found = report()
    finally:
        kms.enable_key(KeyId=key)

    assert states(found) == dict.fromkeys(PARTS, "ok") | {"providerKeys": "failed"}


def test_only_iam_leads_to_the_check() -> None:
    """No route, schedule, alias, URL or permission names the function."""
    deployed = transformed()
    own = {"CheckHealthFunction", "CheckHealthFunctionRole"}
    others = {name: each for name, each in deployed["Resources"].items() if name not in own}
    assert "CheckHealthFunction" in deployed["Resources"]
    assert "CheckHealthFunction" not in json.dumps(others, default=str)
