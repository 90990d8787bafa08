"""Test reconciliation of past days: roll-ups are compared with their audit records and corrected if they differ."""

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.settings.models import Preferences
from nexus_ai.usage.models import Counts, UsageEntry
from nexus_ai.usage.reconciler import ReconciliationResult, UsageReconciler
from nexus_ai.usage.reconciliation_queue import MARGIN_S, ReconciliationQueue
from nexus_ai.usage.store import Numbers, usage_store
from tests.integration.support.alert_runs import always
from tests.integration.support.limit_calls import MovedClock
from tests.integration.support.pipeline import copy, records, set_fallback, set_limits, set_preferences

ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.fixture
def empty_queue(stack: LocalStack) -> None:
    """Empty the queue, which all tests share in one index."""
    days = ReconciliationQueue(tables.rate_limits())
    for tenant, day in days.due(10**11):
        found = days.load(tenant, day)
        assert found
        days.done(found)


@pytest.fixture
def busy_tenant(stack: LocalStack, empty_queue: None, tenant: str) -> str:
    """Create a tenant with a day of completions, cache hits, fallbacks and rejections."""
    stack.token(tenant)
    set_fallback(tenant, "openai", "groq")
    copy(stack, tenant)
    copy(stack, tenant)
    copy(stack, tenant, {"prompt": "Outro", "module": "agenda", "provider": "google"})
    set_limits(tenant, requests=0)
    copy(stack, tenant, {"prompt": "Recusado"})
    return tenant


def day_of(tenant: str) -> str:
    (day,) = {record.day for record in records(tenant)}
    return day


def reconcilable_from_s(day: str) -> int:
    """Return the time at which the day is over and may be reconciled."""
    next_day = date.fromisoformat(day) + timedelta(days=1)
    return int(datetime.combine(next_day, datetime.min.time(), ZONE).timestamp()) + MARGIN_S


def reconciler_at(at_s: int) -> UsageReconciler:
    return UsageReconciler(
        MovedClock(at_s * 1000), ReconciliationQueue(tables.rate_limits()), audit_store(), usage_store()
    )


def rolled_up(tenant: str) -> dict[str, Numbers]:
    return usage_store().of_day(tenant, day_of(tenant))


def is_due(tenant: str) -> bool:
    return tenant in {name for name, _ in ReconciliationQueue(tables.rate_limits()).due(10**11)}


def test_agreeing_roll_ups_are_compared_once_and_unchanged(busy_tenant: str) -> None:
    before, at_s = rolled_up(busy_tenant), reconcilable_from_s(day_of(busy_tenant))

    assert reconciler_at(at_s - 1).reconcile_due(always) == ReconciliationResult(0, 0, finished=True)
    assert reconciler_at(at_s).reconcile_due(always) == ReconciliationResult(1, 0, finished=True)

    assert len(before) == 3
    assert rolled_up(busy_tenant) == before
    assert not is_due(busy_tenant)


def add_wrong_counts(tenant: str, *, provider: str = "openai", model: str = "gpt-6-luna", **counts: int) -> None:
    added_counts = Counts(**counts)
    entry = UsageEntry(day=day_of(tenant), provider=provider, model=model, module="marketing", counts=added_counts)
    usage_store().add(tenant, entry.model_copy(update={"latency_ms": 40 if added_counts.requests else None}))


def test_wrong_missing_and_stray_roll_ups_are_corrected(busy_tenant: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = rolled_up(busy_tenant)
    deleted = next(name for name in before if "#google#" in name)
    add_wrong_counts(busy_tenant, requests=1, cost_micros=77, input_tokens=5, errors=1)
    add_wrong_counts(busy_tenant, provider="anthropic", model="claude-never-asked", requests=3)
    tables.usage().delete({"PK": busy_tenant, "SK": deleted})

    assert reconciler_at(reconcilable_from_s(day_of(busy_tenant))).reconcile_due(always) == ReconciliationResult(
        1, 3, finished=True
    )

    assert rolled_up(busy_tenant) == before
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["RollUpsCorrected"] for line in printed] == [3]
    assert printed[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "RollUpsCorrected", "Unit": "Count"}]


def test_corrected_roll_up_expires_like_the_original(busy_tenant: str) -> None:
    deleted = next(name for name in rolled_up(busy_tenant) if "#google#" in name)
    expected = tables.usage().get({"PK": busy_tenant, "SK": deleted}, consistent=True)
    tables.usage().delete({"PK": busy_tenant, "SK": deleted})

    reconciler_at(reconcilable_from_s(day_of(busy_tenant))).reconcile_due(always)

    assert tables.usage().get({"PK": busy_tenant, "SK": deleted}, consistent=True) == expected


def test_day_with_an_open_record_waits_until_it_is_closed(busy_tenant: str) -> None:
    record = records(busy_tenant)[0]
    open_record = record.model_copy(update={"status": AuditStatus.OPEN})
    audit_store().write(open_record)
    at_s = reconcilable_from_s(day_of(busy_tenant))

    assert reconciler_at(at_s).reconcile_due(always) == ReconciliationResult(0, 0, finished=False)
    assert is_due(busy_tenant)
    audit_store().write(record)
    assert reconciler_at(at_s).reconcile_due(always) == ReconciliationResult(1, 0, finished=True)


def test_run_without_time_is_continued(busy_tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.usage.reconciler.STRIDE", 1)
    add_wrong_counts(busy_tenant, requests=1)
    read_ids: list[str] = []
    each = type(audit_store()).each

    def recording_each(*arguments: Any, **options: Any) -> Any:
        for record in each(*arguments, **options):
            read_ids.append(record.id)
            yield record

    monkeypatch.setattr("nexus_ai.audit.store.AuditStore.each", recording_each)
    at_s = reconcilable_from_s(day_of(busy_tenant))

    for _ in records(busy_tenant):
        has_time = iter([True])
        assert not reconciler_at(at_s).reconcile_due(lambda: next(has_time, False)).finished  # noqa: B023 (called in its own round)
    assert reconciler_at(at_s).reconcile_due(always) == ReconciliationResult(1, 1, finished=True)

    assert read_ids == [record.id for record in records(busy_tenant)]


def test_concurrent_runs_correct_once(busy_tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, at_s = rolled_up(busy_tenant), reconcilable_from_s(day_of(busy_tenant))
    add_wrong_counts(busy_tenant, requests=1)
    correct = type(usage_store()).correct

    def overtaken_correct(*arguments: Any) -> None:
        monkeypatch.setattr("nexus_ai.usage.store.UsageStore.correct", correct)
        reconciler_at(at_s).reconcile_due(always)
        correct(*arguments)

    monkeypatch.setattr("nexus_ai.usage.store.UsageStore.correct", overtaken_correct)
    reconciler_at(at_s).reconcile_due(always)

    assert rolled_up(busy_tenant) == before


def test_day_in_two_time_zones_waits_until_both_are_over(stack: LocalStack, busy_tenant: str) -> None:
    today = day_of(busy_tenant)
    other_zone = next(
        zone
        for zone in ("Europe/Lisbon", "America/Noronha", "America/Manaus")
        if datetime.now(ZoneInfo(zone)).date().isoformat() == today
    )
    set_preferences(busy_tenant, Preferences(time_zone=other_zone))
    set_limits(busy_tenant)
    copy(stack, busy_tenant, {"prompt": "In another zone"})
    before = rolled_up(busy_tenant)
    add_wrong_counts(busy_tenant, requests=1)

    late_s = reconcilable_from_s(today) + 12 * 3600
    assert reconciler_at(late_s).reconcile_due(always) == ReconciliationResult(1, 1, finished=True)

    assert rolled_up(busy_tenant) == before
    assert keys.usage_check(busy_tenant, today, other_zone)["SK"].endswith(other_zone)
    assert not is_due(busy_tenant)
