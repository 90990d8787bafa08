"""Test alerts of limits: the pipeline stores them, and the scheduled function sends each of them once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.maintain.app import handler
from local.stack import LocalStack
from nexus_ai.alerts.dispatcher import Outcome
from nexus_ai.alerts.store import LEASE_S, AlertStore
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.gateway.attempts import AttemptTracker
from nexus_ai.limits.models import Amounts
from nexus_ai.platform.clock import SystemClock
from nexus_ai.settings.models import Preferences
from nexus_ai.usage.models import Counts, UsageEntry
from nexus_ai.usage.store import usage_store
from tests.integration.support.alert_runs import (
    MORNING_S,
    AlertedTenant,
    address,
    alert_dispatcher,
    alert_items,
    always,
    mails,
    save_alert_settings,
    subjects,
    text_of,
)
from tests.integration.support.faults import broken, fault
from tests.integration.support.http_client import ask as request
from tests.integration.support.limit_calls import MovedClock, limits
from tests.integration.support.limit_calls import set_limits as set_all_limits
from tests.integration.support.pipeline import copy, limit_state, records, set_limits, set_preferences
from tests.unit.http.http_events import Context

HOUR_80 = "Nexus AI: uso atingiu 80% do limite de requisições por hora"


@pytest.fixture
def nothing_due(stack: LocalStack) -> None:
    """Delete the alerts that other tests left in the shared index."""
    for tenant, name in AlertStore(tables.rate_limits()).due(10**11):
        tables.rate_limits().delete(keys.alert(tenant, name))


@pytest.fixture
def clock(nothing_due: None) -> MovedClock:
    return MovedClock(MORNING_S * 1000)


def runs_at_once(clock: MovedClock, number: int) -> None:
    with ThreadPoolExecutor(number) as pool:
        runs = [pool.submit(alert_dispatcher(clock).dispatch_due, always) for _ in range(number)]
        assert all(run.result().finished for run in runs)


def test_one_alert_is_sent_when_80_percent_of_a_limit_is_used(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=5)
    save_alert_settings(tenant)
    for number in range(3):
        assert copy(stack, tenant, {"prompt": f"Texto {number}"}).status == 200
    alert_dispatcher(SystemClock()).dispatch_due(always)
    assert subjects(stack, tenant) == []

    copy(stack, tenant, {"prompt": "O quarto"})
    alert_dispatcher(SystemClock()).dispatch_due(always)
    copy(stack, tenant, {"prompt": "O quinto"})
    alert_dispatcher(SystemClock()).dispatch_due(always)

    (mail,) = mails(stack, tenant)
    assert str(mail["Subject"]) == HOUR_80
    assert "Uso: 4 de 5 requisições." in text_of(mail)
    assert "openai/gpt-6-luna" in text_of(mail)
    assert mail["To"] == address(tenant)
    shown = request(stack.url, "GET", "/local/mail").body["items"]
    assert [each["text"] for each in shown if address(tenant) in each["recipients"]] == [text_of(mail)]


def test_alert_is_stored_before_the_provider_is_called(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1)
    save_alert_settings(tenant)
    stored_alerts: list[int] = []
    attempt = AttemptTracker.attempt

    def count_alerts_first(*arguments: Any, **named: Any) -> Any:
        stored_alerts.append(len(alert_items(tenant)))
        return attempt(*arguments, **named)

    monkeypatch.setattr(AttemptTracker, "attempt", count_alerts_first)
    copy(stack, tenant)

    assert stored_alerts == [1]


def test_request_whose_alert_cannot_be_stored_reaches_no_provider(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1)
    save_alert_settings(tenant)

    with fault("UpdateItem", "alert#limit", broken):
        rejected = copy(stack, tenant)

    assert (rejected.status, rejected.body["code"]) == (503, "store_unavailable")
    assert [attempt for record in records(tenant) for attempt in record.attempts] == []
    assert limit_state(tenant).remaining[0] == 1
    assert copy(stack, tenant).status == 200


@pytest.mark.parametrize("runs", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_concurrent_dispatches_send_each_alert_once(
    stack: LocalStack, tenant: str, clock: MovedClock, runs: int
) -> None:
    tenants = [AlertedTenant(f"{tenant}-{number}", clock, 50, 80, requests=20, tokens=100) for number in range(3)]
    for alerted in tenants:
        alerted.calls(17, tokens=5)

    runs_at_once(clock, runs)

    for alerted in tenants:
        assert len(subjects(stack, alerted.tenant)) == 4
        assert len(set(subjects(stack, alerted.tenant))) == 2
        assert alerted.due() == []


def test_top_spend_is_of_the_day_in_the_time_zone_of_the_preferences(
    stack: LocalStack, tenant: str, clock: MovedClock
) -> None:
    alerted = AlertedTenant(tenant, clock, requests=20, time_zone="Pacific/Pago_Pago")
    set_preferences(tenant, Preferences(time_zone="Pacific/Kiritimati"))
    # At this moment it is the 19th in Kiritimati, but not yet in Pago Pago.
    for day, model in (("2026-11-18", "of-yesterday"), ("2026-11-19", "of-today")):
        counts = Counts(requests=1, cost_micros=1_000_000)
        entry = UsageEntry(day=day, provider="openai", model=model, module="marketing", counts=counts)
        usage_store().add(tenant, entry)
    alerted.calls(17)

    alert_dispatcher(clock).dispatch_due(always)

    (mail,) = mails(stack, tenant)
    assert "openai/of-today" in text_of(mail)
    assert "of-yesterday" not in text_of(mail)


@pytest.mark.parametrize("later_s", [0, 3600, 86_400, 40 * 86_400])
def test_alert_is_sent_after_its_window_has_ended(
    stack: LocalStack, tenant: str, clock: MovedClock, later_s: int
) -> None:
    alerted = AlertedTenant(tenant, clock, requests=20)
    alerted.calls(17)
    clock.ms += later_s * 1000
    alerted.begin()

    alert_dispatcher(clock).dispatch_due(always)
    alert_dispatcher(clock).dispatch_due(always)

    assert [subject.partition("% do limite")[2] for subject in subjects(stack, tenant)] == [" de requisições por hora"]
    assert ("já foi renovado" in text_of(mails(stack, tenant)[0])) == (later_s > 0)


# In Lisbon: 29 March 2026, 00:30, before clocks change from 01:00 to 02:00; 25 October, 00:30, before they change from
# 02:00 to 01:00; and the last half minute of a month.
@pytest.mark.parametrize(
    "edge",
    [
        (1_774_744_200, ("30/03/2026", "01/04/2026"), 22.5),
        (1_792_884_600, ("26/10/2026", "01/11/2026"), 24.5),
        (1_793_491_170, ("01/11/2026", "01/11/2026"), 1 / 120),
    ],
)
def test_alert_says_when_the_day_and_the_month_end(
    stack: LocalStack, tenant: str, clock: MovedClock, edge: tuple[int, tuple[str, str], float]
) -> None:
    now_s, ends, hours = edge
    clock.ms = now_s * 1000
    alerted = AlertedTenant(tenant, clock, tokens=100, cost_micros=100, time_zone="Europe/Lisbon")
    alerted.calls(1, tokens=90, cost_micros=90)

    alert_dispatcher(clock).dispatch_due(always)

    day, month = sorted(mails(stack, tenant), key=lambda mail: "custo" in str(mail["Subject"]))
    for mail, end in zip((day, month), ends, strict=True):
        assert f"O limite será renovado em {end} às 00:00 (Europe/Lisbon)." in text_of(mail)
    clock.ms += int(hours * 3600) * 1000 - 1000
    alerted.calls(1, tokens=5)
    assert (alert_dispatcher(clock).dispatch_due(always).outcomes, len(mails(stack, tenant))) == ({}, 2)
    clock.ms += 1000
    alerted.calls(1, tokens=90)
    alert_dispatcher(clock).dispatch_due(always)
    assert [str(mail["Subject"]) for mail in mails(stack, tenant)[2:]] == [
        "Nexus AI: uso atingiu 90% do limite de tokens por dia"
    ]


def test_each_window_has_its_own_alert(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, requests=5)
    for _ in range(3):
        alerted.calls(4)
        alert_dispatcher(clock).dispatch_due(always)
        clock.ms += 3600_000

    assert subjects(stack, tenant) == [HOUR_80] * 3


def test_each_threshold_passed_sends_an_alert(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, 50, 80, 100, cost_micros=1_000_000)
    alerted.calls(1, cost_micros=600_000)
    alert_dispatcher(clock).dispatch_due(always)
    alerted.calls(1, cost_micros=400_000)
    alert_dispatcher(clock).dispatch_due(always)

    first, *others = mails(stack, tenant)
    assert str(first["Subject"]) == "Nexus AI: uso atingiu 60% do limite de custo por mês"
    assert "Uso: US$ 0,60 de US$ 1,00." in text_of(first)
    assert [str(mail["Subject"]) for mail in others] == ["Nexus AI: limite de custo por mês esgotado"] * 2


def test_reserved_and_released_use_sends_no_alert(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, tokens=1_000)
    in_flight = alerted.begin(tokens=900)

    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.WAITS: 1}
    alerted.end(in_flight, Amounts(1, 100, 0))
    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.WAITS: 1}
    clock.ms += 400_000
    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.NOT_REACHED: 1}

    assert (alert_items(tenant), subjects(stack, tenant)) == ([], [])
    alerted.calls(1, tokens=800)
    alert_dispatcher(clock).dispatch_due(always)
    assert subjects(stack, tenant) == ["Nexus AI: uso atingiu 90% do limite de tokens por dia"]


def test_lowered_limit_sends_an_alert_with_the_next_call(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, requests=100)
    alerted.calls(8)
    set_all_limits(alerted.limits, tenant, limits(requests=10))
    assert alerted.due() == []

    alerted.calls(1)
    alert_dispatcher(clock).dispatch_due(always)

    assert subjects(stack, tenant) == ["Nexus AI: uso atingiu 90% do limite de requisições por hora"]


def test_alert_is_dropped_if_mails_are_off(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, requests=1)
    alerted.calls(1)

    assert alert_dispatcher(clock, off=True).dispatch_due(always).outcomes == {Outcome.MAILS_ARE_OFF: 1}

    assert alerted.due() == []
    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {}
    assert subjects(stack, tenant) == []


def test_no_alert_is_stored_without_addresses(stack: LocalStack, tenant: str) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1)

    assert copy(stack, tenant).status == 200
    assert alert_items(tenant) == []


def test_one_mail_is_sent_when_ses_works_again(
    stack: LocalStack, tenant: str, nothing_due: None, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.token(tenant)
    set_limits(tenant, requests=1)
    save_alert_settings(tenant)
    copy(stack, tenant)

    with fault("SendEmail", "", broken, service="sesv2") as tries:
        for _ in range(3):
            handler({}, Context(290_000))
    assert len(tries) == 3
    assert capsys.readouterr().out.count('"AlertsNotSent":1') == 3
    assert subjects(stack, tenant) == []
    handler({}, Context(290_000))
    handler({}, Context(290_000))

    assert subjects(stack, tenant) == ["Nexus AI: limite de requisições por hora esgotado"]


def test_killed_dispatch_is_repeated_after_its_lease(stack: LocalStack, tenant: str, clock: MovedClock) -> None:
    alerted = AlertedTenant(tenant, clock, requests=1)
    alerted.calls(1)
    (name,) = alerted.due()
    assert AlertStore(tables.rate_limits()).lease(tenant, name, clock.ms // 1000)

    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.TAKEN: 1}
    clock.ms += LEASE_S * 1000
    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.SENT: 1}
    assert len(subjects(stack, tenant)) == 1


def test_sent_mail_is_not_repeated_if_its_outcome_is_hard_to_store(
    stack: LocalStack, tenant: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.alerts.dispatcher.PAUSES_S", (0, 0, 0, 0))
    alerted = AlertedTenant(tenant, clock, requests=1)
    alerted.calls(1)

    faults_left = [broken] * 5

    def broken_for_a_while(sent: Any) -> Any:
        return faults_left.pop()(sent) if faults_left else None

    with fault("UpdateItem", "outcome = :outcome", broken_for_a_while):
        assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.SENT: 1}
    alert_dispatcher(clock).dispatch_due(always)

    assert len(subjects(stack, tenant)) == 1


def test_dispatch_reads_only_tenants_with_alerts(
    stack: LocalStack, tenant: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dispatch ten alerts among three hundred idle tenants with limits."""
    for number in range(300):
        tables.rate_limits().put({"PK": f"{tenant}-idle-{number}", "SK": "limits"})
    for number in range(10):
        AlertedTenant(f"{tenant}-{number}", clock, requests=1).calls(1)
    read: list[str] = []
    query, get = Table.query, Table.get

    def counted_query(table: Table, *arguments: Any, **named: Any) -> Iterator[Item]:
        for item in query(table, *arguments, **named):
            read.append(item["PK"])
            yield item

    def counted_get(table: Table, key: Key, **named: Any) -> Item | None:
        read.append(key["PK"])
        return get(table, key, **named)

    monkeypatch.setattr(Table, "query", counted_query)
    monkeypatch.setattr(Table, "get", counted_get)
    assert alert_dispatcher(clock).dispatch_due(always).outcomes == {Outcome.SENT: 10}

    # At most three items per alert: the entry of the index, the limits, and the tenant's one item of settings.
    assert set(read) == {f"{tenant}-{number}" for number in range(10)}
    assert len(read) <= 3 * 10
