"""Test the operator's check of every part, which no route reaches."""

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


def check_health() -> dict[str, Any]:
    return handler(read_event("check_health"), Context())


def states(report: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in report["checks"]}


def test_check_calls_every_part_and_has_no_other_permission(stack: LocalStack, tenant: str) -> None:
    with recorded(tenant) as calls:
        report = check_health()

    assert (report["status"], report["version"], report["stage"]) == ("ok", __version__, "local")
    assert [check["name"] for check in report["checks"]] == PARTS
    assert states(report) == dict.fromkeys(PARTS, "ok")
    assert all(isinstance(check["latencyMs"], int) and check["latencyMs"] >= 0 for check in report["checks"])
    assert calls == granted("CheckHealthFunction")


@pytest.mark.parametrize(
    ("part", "service", "operation", "table"),
    [
        ("rateLimits", "dynamodb", "GetItem", lambda: get_settings().rate_limits_table),
        ("providerKeys", "kms", "DescribeKey", lambda: ""),
    ],
)
def test_failing_part_is_named_and_logged(
    *, part: str, service: str, operation: str, table: Any, stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault(operation, table(), unreachable, service=service):
        report = check_health()

    assert report["status"] == "failed"
    assert states(report) == dict.fromkeys(PARTS, "ok") | {part: "failed"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["check"] for line in lines if "check" in line] == [part]
    assert all(line["route"] == "check_health" for line in lines if "check" in line)


def test_disabled_key_is_a_failing_part(stack: LocalStack) -> None:
    key = get_settings().provider_keys_key_id
    kms: Any = boto3.client("kms")  # pyright: ignore[reportUnknownMemberType]
    kms.disable_key(KeyId=key)
    try:
        report = check_health()
    finally:
        kms.enable_key(KeyId=key)

    assert states(report) == dict.fromkeys(PARTS, "ok") | {"providerKeys": "failed"}


def test_check_is_reachable_by_iam_only() -> None:
    """Test that no route, schedule, alias, URL or permission names the function."""
    deployed = transformed()
    own = {"CheckHealthFunction", "CheckHealthFunctionRole"}
    others = {name: each for name, each in deployed["Resources"].items() if name not in own}
    assert "CheckHealthFunction" in deployed["Resources"]
    assert "CheckHealthFunction" not in json.dumps(others, default=str)
