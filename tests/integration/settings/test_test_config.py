"""POST configs/test through the local API: a real call says whether key and model work, and is written down."""

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

TEST = f"{CONFIGS}/test"
SUBMITTED = {"provider": "openai", "apiKey": "sk-submitted-key-0001", "model": "gpt-6-luna"}


def try_key(stack: LocalStack, tenant: str, body: object, role: str = "admin") -> Reply:
    return call(stack, tenant, "POST", TEST, body, role=role)


def test_a_submitted_key_is_tried_and_not_saved(stack: LocalStack, tenant: str) -> None:
    reply = try_key(stack, tenant, SUBMITTED)

    assert reply.status == 200, reply.body
    assert (reply.body["success"], reply.body["code"], reply.body["model"]) == (True, "ok", "gpt-6-luna")
    assert reply.body["latencyMs"] >= 0
    (asked,) = stack.providers.calls
    assert asked.key_sha256 == key_digest("sk-submitted-key-0001")
    assert asked.body["max_completion_tokens"] <= 256
    assert stored(tenant).providers == {}


@pytest.mark.parametrize("named", [{}, {"apiKey": "••••2a76"}])
def test_the_saved_key_is_tried_and_its_configuration_keeps_how_it_went(
    named: dict[str, Any], stack: LocalStack, tenant: str
) -> None:
    configure(stack, tenant, "openai")
    stack.providers.script(ProviderName.OPENAI, Fail(FailureKind.NO_CREDIT))

    reply = try_key(stack, tenant, {"provider": "openai", **named})

    assert (reply.status, reply.body["success"], reply.body["code"]) == (200, False, "no_credit")
    (asked,) = stack.providers.calls
    assert (asked.key_sha256, asked.model) == (key_digest(KEY), "gpt-6-luna")
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
def test_what_is_wrong_is_told_and_that_is_still_200(
    kind: FailureKind, code: str, provider: ProviderName, stack: LocalStack, tenant: str
) -> None:
    stack.providers.always(provider, Fail(kind))

    reply = try_key(stack, tenant, {**SUBMITTED, "provider": provider.value, "model": "gemini-3.5-flash-lite"})

    assert (reply.status, reply.body["code"], reply.body["success"]) == (200, code, code == "ok")


def test_every_kind_of_failure_has_its_code() -> None:
    assert set(CODES) == set(FailureKind)


def test_a_test_is_one_record_with_its_cost_and_takes_nothing_of_the_limits(stack: LocalStack, tenant: str) -> None:
    set_limits(tenant, requests=0, tokens=0, cost_micros=0)
    before = limit_state(tenant)
    stack.providers.script(ProviderName.OPENAI, Answer(usage=Usage(input_tokens=400_000, output_tokens=100_000)))

    try_key(stack, tenant, SUBMITTED)

    (record,) = records(tenant)
    assert (record.endpoint, record.status, record.module) == (f"POST {TEST}", AuditStatus.ANSWERED, MODULE)
    assert record.user_id == "user-1"
    # gpt-6-luna above 272,000 tokens of input: 0.2 and 0.75 dollars a million.
    assert record.cost_micros == 155_000
    (rolled,) = [entry for entry, _ in usage_store().between(tenant, record.day, record.day)]
    assert (rolled.module, rolled.counts.requests, rolled.counts.cost_micros) == (MODULE, 1, 155_000)
    assert limit_state(tenant) == before


def test_a_failed_test_is_recorded_as_failed_and_without_the_key(
    stack: LocalStack, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_key(stack, tenant, {**SUBMITTED, "apiKey": "sk-invalid-canary-77"})

    (record,) = records(tenant)
    assert (record.status, record.error_code) == (AuditStatus.FAILED, "invalid_key")
    contents = audit_store().contents(tenant, record.id, SystemClock().now_ms() // 1000)
    assert "canary" not in f"{record} {contents} {capsys.readouterr().out}"


def test_a_function_killed_in_the_middle_leaves_a_charge_that_the_sweep_closes(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    # Ends the request as a kill would: nothing more is written.
    monkeypatch.setattr("nexus_ai.settings.provider_configs.connection_test.charge_completion", kill)
    event = read_event("test_config")
    event["requestContext"]["authorizer"]["tenantId"] = tenant
    event["requestContext"]["requestTimeEpoch"] = SystemClock().now_ms()
    with pytest.raises(Killed):
        handler(event, Context())
    assert stack.providers.count() == 1
    (opened,) = records(tenant)
    assert opened.status is AuditStatus.OPEN

    clock = MovedClock(opened.deadline_ms + 1000)
    limits = LimitStore(tables.rate_limits(), 100)
    AbandonedRequestSweeper(clock, limits, SweepQueue(tables.rate_limits()), audit_store(), usage_store()).sweep_tenant(
        tenant
    )

    (closed,) = records(tenant)
    assert closed.status is AuditStatus.ABANDONED
    (attempt,) = closed.attempts
    assert (attempt.estimated, attempt.charged_tokens > 256, (attempt.cost_micros or 0) > 0) == (True, True, True)


def test_tests_have_a_small_limit_of_their_own(stack: LocalStack, tenant: str) -> None:
    counter, now_ms = HourlyCounter(tables.rate_limits(), COUNTED, TESTS_PER_HOUR), SystemClock().now_ms()
    for _ in range(TESTS_PER_HOUR):
        counter.take(tenant, now_ms)

    replies = [try_key(stack, tenant, SUBMITTED), call(stack, tenant, "PUT", f"{CONFIGS}/openai", CONFIG)]

    for reply in replies:
        assert (reply.status, reply.body["code"], reply.body["limit"]) == (429, "limit_exceeded", COUNTED)
        assert 1 <= int(reply.headers["Retry-After"]) <= 3600
    assert stack.providers.count() == 0
    assert {record.status for record in records(tenant)} == {AuditStatus.REJECTED}
    counter.take(tenant, now_ms + 3_600_000)
    assert try_key(stack, f"{tenant}-other", SUBMITTED).status == 200


@pytest.mark.parametrize("engine", ["embedded", pytest.param("DynamoDB Local", marks=pytest.mark.slow)], indirect=True)
def test_of_tests_at_once_no_more_pass_than_the_hour_has(engine: str, tenant: str) -> None:
    counter = HourlyCounter(tables.rate_limits(), "things", 12)

    def take(_: int) -> bool:
        try:
            counter.take(tenant, 1_795_400_000_000)
        except LimitExceeded:
            return False
        return True

    assert sum(at_once(20, take)) == 12


def test_how_a_test_went_is_not_noted_of_a_key_that_was_replaced_meanwhile(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")
    tested = stored(tenant).providers["openai"]
    configure(stack, tenant, "openai", apiKey="sk-another-key-9999")

    result = ConnectionResult(code="invalid_key", model="gpt-6-luna", latency_ms=1, at_ms=1)
    gateway().settings.save_test_result(caller_of(tenant), tested, result)

    assert stored(tenant).providers["openai"].last_test is None


def test_a_key_of_another_company_is_never_tried(stack: LocalStack, tenant: str) -> None:
    configure(stack, tenant, "openai")

    reply = try_key(stack, f"{tenant}-other", {"provider": "openai"})

    assert (reply.status, reply.body["code"]) == (409, "provider_not_configured")
    assert refused_fields(try_key(stack, f"{tenant}-other", {**SUBMITTED, "apiKey": "••••2a76"})) == ["apiKey"]
    assert stack.providers.count() == 0


def test_a_user_may_not_test_keys(stack: LocalStack, tenant: str) -> None:
    assert try_key(stack, tenant, SUBMITTED, role="user").status == 403
    assert stack.providers.count() == 0


@pytest.mark.parametrize(
    ("changed", "field"),
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
def test_a_field_that_does_not_fit_is_422_and_nobody_is_asked(
    changed: dict[str, Any], field: str, stack: LocalStack, tenant: str
) -> None:
    reply = try_key(stack, tenant, SUBMITTED | changed)

    assert refused_fields(reply) == [field]
    assert "sk-" not in json.dumps(reply.body)
    assert stack.providers.count() == 0
