"""Test POST configs/test through the local API: a real call shows if key and model work, and is recorded."""

import json
from typing import Any

import pytest

from functions.test_config.app import handler
from local.providers.behaviours import Answer, Fail, Usage
from local.providers.scenario import key_digest
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import tables
from nexus_ai.gateway.composition import gateway
from nexus_ai.limits.hourly import HourlyCounter
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.errors import LimitExceeded
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.settings.models import ConnectionResult
from nexus_ai.settings.provider_configs.connection_results import CODES
from nexus_ai.settings.provider_configs.connection_test import COUNTED, MODULE, TESTS_PER_HOUR
from nexus_ai.sweeper import AbandonedRequestSweeper
from nexus_ai.usage.store import usage_store
from tests.integration.support.http_client import Reply
from tests.integration.support.limit_calls import MovedClock, caller_of
from tests.integration.support.pipeline import at_once, limit_state, records, set_limits
from tests.integration.support.settings_requests import CONFIG, CONFIGS, KEY, call, configure, refused_fields, stored
from tests.unit.http.http_events import Context, read_event

HOUR_MS = 3_600_000
TEST = f"{CONFIGS}/test"
SUBMITTED = {"provider": "openai", "apiKey": "sk-submitted-key-0001", "model": "gpt-6-luna"}


def try_key(stack: LocalStack, tenant: str, body: object, role: str = "admin") -> Reply:
    return call(stack, tenant, "POST", TEST, body, role=role)


def test_submitted_key_is_tested_and_not_saved(stack: LocalStack, tenant: str) -> None:
    reply = try_key(stack, tenant, SUBMITTED)

    assert reply.status == 200, reply.body
    assert (reply.body["success"], reply.body["code"], reply.body["model"]) == (True, "ok", "gpt-6-luna")
    assert reply.body["latencyMs"] >= 0
    (provider_call,) = stack.providers.calls
    assert provider_call.key_sha256 == key_digest("sk-submitted-key-0001")
    assert provider_call.body["max_completion_tokens"] <= 256
    assert stored(tenant).providers == {}


@pytest.mark.parametrize("key_field", [{}, {"apiKey": "••••2a76"}])
def test_test_of_the_saved_key_stores_its_result(key_field: dict[str, Any], stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))

    reply = try_key(stack, tenant, {"provider": "openai", **key_field})

    assert (reply.status, reply.body["success"], reply.body["code"]) == (200, False, "no_credit")
    (provider_call,) = stack.providers.calls
    assert (provider_call.key_sha256, provider_call.model) == (key_digest(KEY), "gpt-6-luna")
    last_test = stored(tenant).providers["openai"].last_test
    assert last_test is not None
    assert last_test.code == "no_credit"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FailureKind.INVALID_KEY, "invalid_key"),
        (FailureKind.NO_CREDIT, "no_credit"),
        (FailureKind.MODEL_NOT_FOUND, "model_not_found"),
        (FailureKind.NO_PERMISSION, "no_permission"),
        (FailureKind.RATE_LIMITED, "rate_limited"),
        (FailureKind.SERVER_ERROR, "unreachable"),
        (FailureKind.BAD_REQUEST, "refused"),
        (FailureKind.EMPTY, "ok"),
        (FailureKind.BLOCKED, "ok"),
    ],
)
@pytest.mark.parametrize("provider", [ProviderName.OPENAI, ProviderName.GOOGLE])
def test_failed_test_has_its_code_and_status_200(
    kind: FailureKind, code: str, provider: ProviderName, stack: LocalStack, tenant: str
) -> None:
    stack.providers.always(provider, Fail(kind))

    reply = try_key(stack, tenant, {**SUBMITTED, "provider": provider.value, "model": "gemini-3.5-flash-lite"})

    assert (reply.status, reply.body["code"], reply.body["success"]) == (200, code, code == "ok")


def test_every_failure_kind_has_a_test_code() -> None:
    assert set(CODES) == set(FailureKind)


def test_connection_test_is_recorded_and_outside_the_limits(stack: LocalStack, tenant: str) -> None:
    set_limits(tenant, requests=0, tokens=0, cost_micros=0)
    before = limit_state(tenant)
    stack.providers.script(ProviderName.OPENAI, Answer(usage=Usage(input_tokens=400_000, output_tokens=100_000)))

    try_key(stack, tenant, SUBMITTED)

    (record,) = records(tenant)
    assert (record.endpoint, record.status, record.module) == (f"POST {TEST}", AuditStatus.ANSWERED, MODULE)
    assert record.user_id == "user-1"
    # gpt-6-luna above 272,000 input tokens: 0.2 and 0.75 dollars per million tokens.
    assert record.cost_micros == 155_000
    (roll_up,) = [entry for entry, _ in usage_store().between(tenant, record.day, record.day)]
    assert (roll_up.module, roll_up.counts.requests, roll_up.counts.cost_micros) == (MODULE, 1, 155_000)
    assert limit_state(tenant) == before


def test_failed_test_is_recorded_without_the_key(
    stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_key(stack, tenant, {**SUBMITTED, "apiKey": "sk-invalid-canary-77"})

    (record,) = records(tenant)
    assert (record.status, record.error_code) == (AuditStatus.FAILED, "invalid_key")
    contents = audit_store().contents(tenant, record.id, SystemClock().now_ms() // 1000)
    assert "canary" not in f"{record} {contents} {capsys.readouterr().out}"


def test_sweep_charges_and_closes_a_killed_connection_test(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    # End the request as a kill would: nothing more is written.
    monkeypatch.setattr("nexus_ai.settings.provider_configs.connection_test.charge_completion", kill)
    event = read_event("test_config")
    event["requestContext"]["authorizer"]["tenantId"] = tenant
    event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
    with pytest.raises(Killed):
        handler(event, Context())
    assert stack.providers.count() == 1
    (open_record,) = records(tenant)
    assert open_record.status is AuditStatus.OPEN

    clock = MovedClock(open_record.deadline_ms + 1000)
    limits = LimitStore(tables.rate_limits(), 100)
    AbandonedRequestSweeper(clock, limits, SweepQueue(tables.rate_limits()), audit_store(), usage_store()).sweep_tenant(
        tenant
    )

    (closed_record,) = records(tenant)
    assert closed_record.status is AuditStatus.ABANDONED
    (attempt,) = closed_record.attempts
    assert (attempt.estimated, attempt.charged_tokens > 256, (attempt.cost_micros or 0) > 0) == (True, True, True)


def test_connection_tests_have_their_own_limit(stack: LocalStack, tenant: str) -> None:
    counter, now_ms = HourlyCounter(tables.rate_limits(), COUNTED, TESTS_PER_HOUR), SystemClock().now_ms()
    # Use up the next hour as well, which may begin during the test.
    for at_ms in [now_ms, now_ms + HOUR_MS] * TESTS_PER_HOUR:
        counter.take(tenant, at_ms)

    replies = [try_key(stack, tenant, SUBMITTED), call(stack, tenant, "PUT", f"{CONFIGS}/openai", CONFIG)]

    for reply in replies:
        assert (reply.status, reply.body["code"], reply.body["limit"]) == (429, "limit_exceeded", COUNTED)
        assert 1 <= int(reply.headers["Retry-After"]) <= 3600
    assert stack.providers.count() == 0
    assert {record.status for record in records(tenant)} == {AuditStatus.REJECTED}
    counter.take(tenant, now_ms + 2 * HOUR_MS)
    assert try_key(stack, f"{tenant}-other", SUBMITTED).status == 200


@pytest.mark.parametrize("engine", ["embedded", pytest.param("DynamoDB Local", marks=pytest.mark.slow)], indirect=True)
def test_concurrent_counts_stop_at_the_hourly_limit(engine: str, tenant: str) -> None:
    counter = HourlyCounter(tables.rate_limits(), "things", 12)

    def take(_: int) -> bool:
        try:
            counter.take(tenant, 1_795_400_000_000)
        except LimitExceeded:
            return False
        return True

    assert sum(at_once(20, take)) == 12


def test_result_of_a_replaced_key_is_not_saved(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    tested = stored(tenant).providers["openai"]
    configure(stack, tenant, "openai", apiKey="sk-another-key-9999")

    result = ConnectionResult(code="invalid_key", model="gpt-6-luna", latency_ms=1, at_ms=1)
    gateway().settings.save_test_result(caller_of(tenant), tested, result)

    assert stored(tenant).providers["openai"].last_test is None


def test_key_of_another_tenant_is_never_tested(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    reply = try_key(stack, f"{tenant}-other", {"provider": "openai"})

    assert (reply.status, reply.body["code"]) == (409, "provider_not_configured")
    assert refused_fields(try_key(stack, f"{tenant}-other", {**SUBMITTED, "apiKey": "••••2a76"})) == ["apiKey"]
    assert stack.providers.count() == 0


def test_user_may_not_test_keys(stack: LocalStack, tenant: str) -> None:
    assert try_key(stack, tenant, SUBMITTED, role="user").status == 403
    assert stack.providers.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"provider": "gpt"}, "provider"),
        ({"apiKey": None}, "apiKey"),
        ({"apiKey": ""}, "apiKey"),
        ({"apiKey": "••••9999"}, "apiKey"),
        ({"apiKey": "sk-line\r\nX: y"}, "apiKey"),
        ({"model": None}, "model"),
        ({"model": "../files"}, "model"),
        ({"baseUrl": "http://169.254.169.254"}, "baseUrl"),
        ({"apiBase": "http://169.254.169.254"}, "apiBase"),
        ({"tenantId": "acme"}, "tenantId"),
        ({"options": {"base_url": "http://169.254.169.254"}}, "options"),
    ],
)
def test_invalid_test_field_is_422_and_calls_no_provider(
    changes: dict[str, Any], field: str, stack: LocalStack, tenant: str
) -> None:
    reply = try_key(stack, tenant, SUBMITTED | changes)

    assert refused_fields(reply) == [field]
    assert "sk-" not in json.dumps(reply.body)
    assert stack.providers.count() == 0
