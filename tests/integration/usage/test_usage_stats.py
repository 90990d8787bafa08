"""Test GET usage-stats through the local API: its numbers equal those of the audit records, which it does not read."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Outcome
from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send
from nexus_ai.platform.money import dollars_from_micros
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.usage import api
from nexus_ai.usage.api import UsageStats, UsageStatsQuery
from nexus_ai.usage.entries import usage_entries
from nexus_ai.usage.models import LATENCY_BUCKETS_MS, NO_PROVIDER, Counts, UsageEntry
from nexus_ai.usage.store import usage_store
from tests.integration.support.aws_calls import intercepted_calls
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.limit_calls import caller_of
from tests.integration.support.pipeline import copy, records, set_fallback, set_limits

USAGE_STATS = "/api/marketing/ai/usage-stats"
FIRST = date(2026, 11, 1)


def get(stack: LocalStack, tenant: str, query: str = "", role: str = "user") -> Reply:
    return ask(stack.url, "GET", f"{USAGE_STATS}{query}", token=stack.stranger_token(tenant, roles=[role]))


def stats(stack: LocalStack, tenant: str, query: str = "") -> dict[str, Any]:
    reply = get(stack, tenant, query)
    assert reply.status == 200, reply.body
    return reply.body


def dollars(micros: int) -> float:
    return float(dollars_from_micros(micros))


def brute_force(found: Iterable[AuditRecord]) -> dict[str, Any]:
    """Return the totals, computed from the records."""
    counted = list(found)
    ended = [record for record in counted if record.status is not AuditStatus.REJECTED]
    attempts = [attempt for record in ended for attempt in record.attempts]
    timed = sorted(record.latency_ms for record in ended if record.latency_ms is not None)
    return {
        "requests": len(ended),
        "cacheHits": sum(record.status is AuditStatus.CACHED for record in ended),
        "rejections": len(counted) - len(ended),
        "errors": sum(record.status in {AuditStatus.FAILED, AuditStatus.ABANDONED} for record in ended),
        "fallbacks": sum(map(used_fallback, ended)),
        "inputTokens": sum(
            attempt.charged_tokens if attempt.estimated else attempt.input_tokens or 0 for attempt in attempts
        ),
        "outputTokens": sum(attempt.output_tokens or 0 for attempt in attempts),
        "costUsd": dollars(sum(attempt.cost_micros or 0 for attempt in attempts)),
        "meanLatencyMs": round(sum(timed) / len(timed)) if timed else None,
        "savedTokens": sum(record.saved_tokens or 0 for record in ended),
        "savedCostUsd": dollars(sum(record.saved_cost_micros or 0 for record in ended)),
    }


def used_fallback(record: AuditRecord) -> bool:
    answered = [attempt.provider for attempt in record.attempts if attempt.outcome is Outcome.ANSWERED]
    return bool(answered) and answered[-1] != record.attempts[0].provider


def comparable(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that `brute_force` computes as well."""
    others = {"p95LatencyMs", "errorRate", "cacheHitRate", "fallbackRate", "day", "provider", "model", "module"}
    return {name: value for name, value in numbers.items() if name not in others}


def test_every_number_equals_that_of_the_audit_records(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_fallback(tenant, "openai", "groq")
    copy(stack, tenant)
    copy(stack, tenant)
    copy(stack, tenant, {"prompt": "Outro", "module": "agenda", "provider": "google"})
    stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.MALFORMED))
    copy(stack, tenant, {"prompt": "Passa adiante"})
    stack.providers.always(ProviderName.GROQ, Fail(FailureKind.SERVER_ERROR))
    copy(stack, tenant, {"prompt": "Falha"})
    set_limits(tenant, requests=0)
    copy(stack, tenant, {"prompt": "Recusado"})

    usage, recorded = stats(stack, tenant, "?period=week"), records(tenant)

    assert {str(record.status) for record in recorded} == {"answered", "cached", "failed", "rejected"}
    assert comparable(usage["totals"]) == brute_force(recorded)
    assert (usage["totals"]["fallbacks"], usage["totals"]["rejections"]) == (1, 1)
    assert (usage["totals"]["cacheHitRate"], usage["totals"]["errorRate"]) == (0.2, 0.2)
    today = {record.day for record in recorded}
    for day in usage["series"]:
        assert comparable(day) == brute_force(record for record in recorded if record.day == day["day"])
    assert today <= {day["day"] for day in usage["series"]}
    for module in usage["byModule"]:
        assert comparable(module) == brute_force(record for record in recorded if record.module == module["module"])
    assert [line["module"] for line in usage["byModule"]] == ["marketing", "agenda"]
    assert {line["provider"] for line in usage["byProvider"]} == {"openai", "google", "groq", None}
    for breakdown in ("series", "byProvider", "byModel", "byModule"):
        for number in ("requests", "cacheHits", "rejections", "errors", "inputTokens", "outputTokens", "savedTokens"):
            assert sum(line[number] for line in usage[breakdown]) == usage["totals"][number]
        cost = sum(Decimal(str(line["costUsd"])) for line in usage[breakdown])
        assert float(cost) == usage["totals"]["costUsd"]
    assert usage["limits"] == ask(
        stack.url, "GET", "/api/marketing/ai/rate-limits", token=stack.stranger_token(tenant)
    ).body["windows"]  # fmt: skip


def attempt_of(*, name: tuple[str, str], outcome: Outcome, tokens: tuple[int, int] | None, cost: int | None) -> Attempt:
    """Return an attempt.

    Args:
        tokens: Input and output tokens that the provider reported; None for an estimate.
    """
    return Attempt(
        provider=name[0],
        model=name[1],
        outcome=outcome,
        sent=True,
        input_tokens=tokens[0] if tokens else None,
        output_tokens=tokens[1] if tokens else None,
        charged_tokens=sum(tokens) if tokens else 1000,
        cost_micros=cost,
        estimated=tokens is None,
    )


ATTEMPTS = st.builds(
    attempt_of,
    name=st.sampled_from(
        [("openai", "gpt-6-luna"), ("groq", "openai/gpt-oss-20b"), ("openrouter", "provider/odd#name")]
    ),
    outcome=st.sampled_from([Outcome.ANSWERED, Outcome.FAILED, Outcome.INVALID_ANSWER]),
    tokens=st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    cost=st.none() | st.integers(0, 10**9),
)


def record_of(
    *,
    day: date,
    status: AuditStatus,
    attempts: list[Attempt],
    latency_ms: int | None,
    saved: tuple[int | None, int | None],
    module: str,
) -> AuditRecord:
    last = attempts[-1] if attempts else None
    return AuditRecord(
        id=str(uuid4()),
        at_ms=0,
        time_zone="America/Sao_Paulo",
        day=day.isoformat(),
        deadline_ms=0,
        tenant_id="-",
        user_id="ana",
        module=module,
        endpoint="POST /test",
        task="test",
        prompt_version="1",
        status=status,
        provider=last.provider if last else NO_PROVIDER,
        model=last.model if last else NO_PROVIDER,
        attempts=() if status is AuditStatus.REJECTED else tuple(attempts),
        latency_ms=latency_ms,
        saved_tokens=saved[0],
        saved_cost_micros=saved[1],
    )


RECORDS = st.builds(
    record_of,
    day=st.dates(FIRST, FIRST + timedelta(days=4)),
    status=st.sampled_from([status for status in AuditStatus if status is not AuditStatus.OPEN]),
    attempts=st.lists(ATTEMPTS, max_size=3),
    latency_ms=st.none() | st.integers(0, 40_000),
    saved=st.tuples(st.none() | st.integers(0, 10**6), st.none() | st.integers(0, 10**9)),
    module=st.sampled_from(["marketing", "agenda"]),
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(recorded=st.lists(RECORDS, max_size=12))
def test_usage_of_any_records_equals_the_records(recorded: list[AuditRecord], stack: LocalStack) -> None:
    tenant = f"tenant-{uuid4().hex[:16]}"
    for record in recorded:
        for entry in usage_entries(record):
            usage_store().add(tenant, entry)

    usage = in_november(tenant, 2, 4)

    inside = [record for record in recorded if FIRST + timedelta(days=1) <= date.fromisoformat(record.day)]
    inside = [record for record in inside if record.day <= "2026-11-04"]
    assert comparable(usage["totals"]) == brute_force(inside)
    assert [day["day"] for day in usage["series"]] == ["2026-11-02", "2026-11-03", "2026-11-04"]
    for day in usage["series"]:
        assert comparable(day) == brute_force(record for record in inside if record.day == day["day"])
    latencies = sorted(
        record.latency_ms or 0
        for record in inside
        if record.latency_ms is not None and record.status is not AuditStatus.REJECTED
    )
    assert usage["totals"]["p95LatencyMs"] == bucket_bound(latencies)


def bucket_bound(latencies: list[int]) -> int | None:
    """Return the upper bound of the bucket of the 95th percentile (nearest rank)."""
    if not latencies:
        return None
    exact = latencies[-(-95 * len(latencies) // 100) - 1]
    return next((bound for bound in LATENCY_BUCKETS_MS if exact <= bound), LATENCY_BUCKETS_MS[-1])


def in_november(tenant: str, first: int, last: int) -> dict[str, Any]:
    query = UsageStatsQuery.model_validate_strings({"from": f"2026-11-{first:02}", "to": f"2026-11-{last:02}"})
    response: UsageStats = api.get_usage_stats(caller_of(tenant), query)
    usage: dict[str, Any] = json.loads(response.model_dump_json())
    return usage


def test_month_of_100_000_calls_reads_at_most_200_items(stack: LocalStack, tenant: str) -> None:
    counts = Counts(requests=667, input_tokens=200_000, output_tokens=100_000, cost_micros=420_000, latency_ms=667_000)
    modules = ["marketing", "agenda", "vendas", "suporte", "financeiro"]
    for number in range(30):
        day = (FIRST + timedelta(days=number)).isoformat()
        for module in modules:
            entry = UsageEntry(day=day, provider="openai", model="gpt-6-luna", module=module, counts=counts)
            usage_store().add(tenant, entry)
    read: list[int] = []
    operations: list[str] = []

    def count(request: Request, send: Send) -> Response:
        response = send(request)
        operations.append(request.operation)
        read.append(json.loads(response.body).get("ScannedCount", 1))
        return response

    with intercepted_calls(clients.dynamodb(), count):
        usage = in_november(tenant, 1, 30)

    assert usage["totals"]["requests"] == 30 * 5 * 667 > 100_000
    assert sum(read) <= 200
    assert set(operations) == {"Query", "GetItem"}


def test_tenant_without_calls_has_a_month_of_zeros(stack: LocalStack, tenant: str) -> None:
    usage = stats(stack, tenant)

    assert len(usage["series"]) == 30
    assert usage["series"][-1]["day"] == usage["to"]
    assert usage["totals"]["requests"] == usage["totals"]["costUsd"] == 0
    rates = ("meanLatencyMs", "p95LatencyMs", "errorRate", "cacheHitRate", "fallbackRate")
    assert all(usage["totals"][name] is None for name in rates)
    assert usage["byProvider"] == usage["byModel"] == usage["byModule"] == []
    assert [window["limit"] for window in usage["limits"]] == ["requestsPerHour", "tokensPerDay", "costPerMonthUsd"]


@pytest.mark.parametrize(("period", "days"), [("today", 1), ("week", 7), ("month", 30)])
def test_period_is_a_number_of_local_days_and_ends_today(
    period: str, days: int, stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = at("2026-11-23T02:30:00Z", lambda: query_of(tenant, period=period), monkeypatch)

    # In São Paulo it is still the evening of the 22nd.
    assert (usage["timeZone"], usage["to"], len(usage["series"])) == ("America/Sao_Paulo", "2026-11-22", days)
    assert usage["from"] == (date(2026, 11, 22) - timedelta(days=days - 1)).isoformat() == usage["series"][0]["day"]


def test_range_without_an_end_ends_today(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = at("2026-11-23T12:00:00Z", lambda: query_of(tenant, **{"from": "2026-11-20"}), monkeypatch)
    assert [day["day"][-2:] for day in usage["series"]] == ["20", "21", "22", "23"]
    usage = at("2026-11-23T12:00:00Z", lambda: query_of(tenant, **{"from": "2026-11-25"}), monkeypatch)
    assert (usage["from"], usage["to"]) == ("2026-11-25", "2026-11-25")
    usage = at("2026-11-23T12:00:00Z", lambda: query_of(tenant, **{"from": "0001-01-01"}), monkeypatch)
    assert (usage["to"], len(usage["series"])) == ("0002-02-04", 400)


def query_of(tenant: str, **query: str) -> dict[str, Any]:
    response = api.get_usage_stats(caller_of(tenant), UsageStatsQuery.model_validate_strings(query))
    usage: dict[str, Any] = json.loads(response.model_dump_json())
    return usage


def at[T](moment: str, work: Callable[[], T], monkeypatch: pytest.MonkeyPatch) -> T:
    now_ms = int(datetime.fromisoformat(moment).astimezone(UTC).timestamp() * 1000)

    def fixed_now(_: object) -> int:
        return now_ms

    with monkeypatch.context() as patched:
        patched.setattr("nexus_ai.platform.clock.SystemClock.now_ms", fixed_now)
        return work()


def test_use_of_another_tenant_is_in_no_number(stack: LocalStack, tenant: str) -> None:
    copy(stack, f"{tenant}-other")
    assert stats(stack, f"{tenant}-other")["totals"]["requests"] == 1
    assert stats(stack, tenant)["totals"]["requests"] == 0


def test_unknown_role_sees_no_usage(stack: LocalStack, tenant: str) -> None:
    assert get(stack, tenant, role="stranger").status == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?period=year", "period"),
        ("?period=", "period"),
        ("?from=2026-11-01T00:00:00Z", "from"),
        ("?from=2026-13-01", "from"),
        ("?from=1767225600", "from"),
        ("?from=2026-11-01&period=week", "from"),
        ("?to=2026-11-01", "to"),
        ("?from=2026-11-02&to=2026-11-01", "to"),
        ("?from=2020-01-01&to=2026-11-01", "to"),
        ("?tenantId=demo", "tenantId"),
    ],
)
def test_invalid_period_is_422_and_named(query: str, field: str, stack: LocalStack, tenant: str) -> None:
    reply = get(stack, tenant, query)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == [field]
