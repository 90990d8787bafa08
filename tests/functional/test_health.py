"""GET health: anybody's question, whose answer tells no stranger anything."""

import json
from collections.abc import Generator
from typing import Any

import boto3
import pytest

from local.stack import LocalStack
from nexus_ai import __version__
from nexus_ai.administration import health
from nexus_ai.administration.health import CHECKS, KEPT_MS, HealthQuery
from nexus_ai.core.errors import Unhealthy
from nexus_ai.core.settings import get_settings
from tests.functional.faults import fault, throttled, unreachable
from tests.functional.http_client import Reply, ask

PARTS = ["settings", "rateLimits", "cache", "usage", "auditLogs", "providerKeys", "content"]


@pytest.fixture(autouse=True)
def nothing_kept() -> Generator[None]:
    health.checks.cache_clear()
    yield
    health.checks.cache_clear()


def get(stack: LocalStack, query: str = "") -> Reply:
    return ask(stack.url, "GET", f"/api/health{query}")


def states(body: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in body["checks"]}


def test_health_answers_without_a_token(stack: LocalStack) -> None:
    reply = get(stack)
    assert reply.status == 200
    assert reply.body == {"status": "ok", "version": __version__, "stage": "local", "checks": None}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Request-Id"]


def test_deep_health_asks_every_table_the_key_service_and_the_bucket(stack: LocalStack) -> None:
    reply = get(stack, "?deep=1")

    assert (reply.status, reply.body["status"]) == (200, "ok")
    assert states(reply.body) == dict.fromkeys(PARTS, "ok")
    assert all(isinstance(check["latencyMs"], int) and check["latencyMs"] >= 0 for check in reply.body["checks"])


@pytest.mark.parametrize(
    ("part", "service", "operation", "named"),
    [
        ("rateLimits", "dynamodb", "GetItem", lambda: get_settings().rate_limits_table),
        ("providerKeys", "kms", "DescribeKey", lambda: ""),
    ],
)
def test_one_part_that_fails_is_503_and_named_in_our_words_alone(
    *, part: str, service: str, operation: str, named: Any, stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with fault(operation, named(), unreachable, service=service):
        reply = get(stack, "?deep=1")

    assert (reply.status, reply.body["code"]) == (503, "unhealthy")
    assert states(reply.body) == dict.fromkeys(PARTS, "ok") | {part: "failed"}
    told, settings = json.dumps(reply.body), get_settings()
    secrets = (settings.rate_limits_table, settings.content_bucket, settings.provider_keys_key_id, "arn:", "Exception")
    assert not [secret for secret in secrets if secret in told]
    assert f'"check":"{part}"' in capsys.readouterr().out


def test_a_key_that_is_disabled_is_a_part_that_fails(stack: LocalStack) -> None:
    key = get_settings().provider_keys_key_id
    kms: Any = boto3.client("kms")  # pyright: ignore[reportUnknownMemberType]
    kms.disable_key(KeyId=key)
    try:
        reply = get(stack, "?deep=1")
    finally:
        kms.enable_key(KeyId=key)

    assert states(reply.body) == dict.fromkeys(PARTS, "ok") | {"providerKeys": "failed"}


def test_answers_are_kept_ten_seconds_failures_too(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = 1_795_400_000_000

    def then(_: object) -> int:
        return now_ms

    monkeypatch.setattr("nexus_ai.core.clock.SystemClock.now_ms", then)
    deep = HealthQuery(deep="1")
    with fault("GetItem", get_settings().cache_table, throttled) as met:
        for _ in range(3):
            with pytest.raises(Unhealthy):
                health.read(deep)
        assert len(met) == 3, "tried three times, asked once"
    now_ms += KEPT_MS - 1
    with pytest.raises(Unhealthy):
        health.read(deep)
    now_ms += 1
    assert health.read(deep).checks


def test_health_without_deep_asks_nobody(stack: LocalStack) -> None:
    with fault("GetItem", "", throttled) as met:
        assert get(stack, "?deep=0").status == 200
    assert met == []


def test_every_part_is_checked_under_a_name_of_our_own() -> None:
    assert list(CHECKS) == PARTS


@pytest.mark.parametrize("query", ["?deep=2", "?deep=", "?deep=1&deep=1", "?tenantId=demo"])
def test_another_question_is_422(query: str, stack: LocalStack) -> None:
    assert get(stack, query).status == 422
