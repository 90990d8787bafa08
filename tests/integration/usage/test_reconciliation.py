"""Days that are over: roll-ups are compared with their records, and set right where they differ."""

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
def nothing_due(stack: LocalStack) -> None:
    """What other tests left in the one index that all share is gone."""
    days = ReconciliationQueue(tables.rate_limits())
    for tenant, day in days.due(10**11):
        found = days.load(tenant, day)
        assert found
        days.done(found)


@pytest.fixture
def busy(stack: LocalStack, nothing_due: None, tenant: str) -> str:
    """A company with a day of answers, hits, fallbacks and rejections."""
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


def over_s(day: str) -> int:
    """When the day is over and may be compared."""
    next_day = date.fromisoformat(day) + timedelta(days=1)
    return int(datetime.combine(next_day, datetime.min.time(), ZONE).timestamp()) + MARGIN_S


def comparing(at_s: int) -> UsageReconciler:
    return UsageReconciler(
        MovedClock(at_s * 1000), ReconciliationQueue(tables.rate_limits()), audit_store(), usage_store()
    )


def rolled_up(tenant: str) -> dict[str, Numbers]:
    return usage_store().of_day(tenant, day_of(tenant))


def is_due(tenant: str) -> bool:
    return tenant in {name for name, _ in ReconciliationQueue(tables.rate_limits()).due(10**11)}


def test_what_agrees_is_left_as_it_is_and_asked_once(busy: str) -> None:
    before, at_s = rolled_up(busy), over_s(day_of(busy))

    assert comparing(at_s - 1).reconcile_due(always) == ReconciliationResult(0, 0, finished=True)
    assert comparing(at_s).reconcile_due(always) == ReconciliationResult(1, 0, finished=True)

    assert len(before) == 3
    assert rolled_up(busy) == before
    assert not is_due(busy)


def wrong(tenant: str, *, provider: str = "openai", model: str = "gpt-6-luna", **counts: int) -> None:
    counted = Counts(**counts)
    entry = UsageEntry(day=day_of(tenant), provider=provider, model=model, module="marketing", counts=counted)
    usage_store().add(tenant, entry.model_copy(update={"latency_ms": 40 if counted.requests else None}))


def test_what_was_counted_twice_not_at_all_or_never_is_set_right(busy: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = rolled_up(busy)
    lost = next(name for name in before if "#google#" in name)
    wrong(busy, requests=1, cost_micros=77, input_tokens=5, errors=1)
    wrong(busy, provider="anthropic", model="claude-never-asked", requests=3)
    tables.usage().delete({"PK": busy, "SK": lost})

    assert comparing(over_s(day_of(busy))).reconcile_due(always) == ReconciliationResult(1, 3, finished=True)

    assert rolled_up(busy) == before
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["RollUpsCorrected"] for line in printed] == [3]
    assert printed[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "RollUpsCorrected", "Unit": "Count"}]


def test_a_corrected_roll_up_is_kept_as_long_as_one_that_was_right(busy: str) -> None:
    lost = next(name for name in rolled_up(busy) if "#google#" in name)
    right = tables.usage().get({"PK": busy, "SK": lost}, consistent=True)
    tables.usage().delete({"PK": busy, "SK": lost})

    comparing(over_s(day_of(busy))).reconcile_due(always)

    assert tables.usage().get({"PK": busy, "SK": lost}, consistent=True) == right


def test_a_day_with_an_open_record_waits_until_it_is_closed(busy: str) -> None:
    record = records(busy)[0]
    opened = record.model_copy(update={"status": AuditStatus.OPEN})
    audit_store().write(opened)
    at_s = over_s(day_of(busy))

    assert comparing(at_s).reconcile_due(always) == ReconciliationResult(0, 0, finished=False)
    assert is_due(busy)
    audit_store().write(record)
    assert comparing(at_s).reconcile_due(always) == ReconciliationResult(1, 0, finished=True)


def test_a_run_without_time_is_continued_where_it_ended(busy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_ai.usage.reconciler.STRIDE", 1)
    wrong(busy, requests=1)
    looked_at: list[str] = []
    each = type(audit_store()).each

    def watched(*arguments: Any, **named: Any) -> Any:
        for record in each(*arguments, **named):
            looked_at.append(record.id)
            yield record

    monkeypatch.setattr("nexus_ai.audit.store.AuditStore.each", watched)
    at_s = over_s(day_of(busy))

    for _ in records(busy):
        asked = iter([True])
        assert not comparing(at_s).reconcile_due(lambda: next(asked, False)).finished  # noqa: B023 (called in its own round)
    assert comparing(at_s).reconcile_due(always) == ReconciliationResult(1, 1, finished=True)

    assert looked_at == [record.id for record in records(busy)]


def test_two_runs_at_once_set_right_once(busy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, at_s = rolled_up(busy), over_s(day_of(busy))
    wrong(busy, requests=1)
    correct = type(usage_store()).correct

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr("nexus_ai.usage.store.UsageStore.correct", correct)
        comparing(at_s).reconcile_due(always)
        correct(*arguments)

    monkeypatch.setattr("nexus_ai.usage.store.UsageStore.correct", overtaken)
    comparing(at_s).reconcile_due(always)

    assert rolled_up(busy) == before


def test_a_day_in_two_zones_is_compared_whole_once_it_is_over_in_both(stack: LocalStack, busy: str) -> None:
    today = day_of(busy)
    elsewhere = next(
        zone
        for zone in ("Europe/Lisbon", "America/Noronha", "America/Manaus")
        if datetime.now(ZoneInfo(zone)).date().isoformat() == today
    )
    set_preferences(busy, Preferences(time_zone=elsewhere))
    set_limits(busy)
    copy(stack, busy, {"prompt": "In another zone"})
    before = rolled_up(busy)
    wrong(busy, requests=1)

    late_s = over_s(today) + 12 * 3600
    assert comparing(late_s).reconcile_due(always) == ReconciliationResult(1, 1, finished=True)

    assert rolled_up(busy) == before
    assert keys.usage_check(busy, today, elsewhere)["SK"].endswith(elsewhere)
    assert not is_due(busy)
