"""Test killed functions: each call of a provider is recorded and charged, and the sweep closes what is left open."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from botocore.awsrequest import AWSResponse

from functions.generate_copy.app import handler
from local.providers.behaviours import Answer, Behaviour, Fail
from local.stack import LocalStack
from nexus_ai.audit.models import AuditRecord, AuditStatus, Outcome
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.keys import Key
from nexus_ai.limits.models import NOTHING, Limit, LimitState
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import FailureKind, ProviderName
from nexus_ai.usage.store import usage_store
from tests.integration.support.aws_calls import scan
from tests.integration.support.faults import fault, throttled
from tests.integration.support.killable import Death, StoreCall, call
from tests.integration.support.pipeline import (
    MAX_IN_FLIGHT,
    at_once,
    copy,
    damage_key,
    records,
    set_limits,
    sweep_at,
    welcome,
)
from tests.integration.support.shifted_clock import shifted_now_ms, yesterdays_noon_shift_ms
from tests.unit.http.http_events import Context, post

# After every deadline but before marks are removed, and after their removal.
LATER_MS = 60_000
MUCH_LATER_MS = 900_000

# The reservation is the first update of the limits, and the settlement the second one.
RESERVATION = StoreCall("UpdateItem", "rate_limits_table", 1)
SETTLEMENT = StoreCall("UpdateItem", "rate_limits_table", 2)
# A fallback reserves the next attempt and settles the last one in one update.
NEXT_RESERVATION = SETTLEMENT
# A record is opened and closed in one transaction with its content. Between attempts it is put alone.
RECORD_OPENED = StoreCall("TransactWriteItems", "audit_logs_table", 1)
RECORD_CLOSED = StoreCall("TransactWriteItems", "audit_logs_table", 2)
RECORD_UPDATED = StoreCall("PutItem", "audit_logs_table", 1)

DEATHS = {
    "before the reservation": Death("before", RESERVATION),
    "after the reservation": Death("after", RESERVATION),
    "before the record is opened": Death("before", RECORD_OPENED),
    "after the record is opened": Death("after", RECORD_OPENED),
    "before the settlement": Death("before", SETTLEMENT),
    "after the settlement": Death("after", SETTLEMENT),
    "before the record is closed": Death("before", RECORD_CLOSED),
    "after the record is closed": Death("after", RECORD_CLOSED),
}
DEATHS_BETWEEN_PROVIDERS = {
    "before the record is updated": Death("before", RECORD_UPDATED),
    "before the next reservation": Death("before", NEXT_RESERVATION),
    "after the next reservation": Death("after", NEXT_RESERVATION),
}


@pytest.fixture(autouse=True)
def shift_ms(monkeypatch: pytest.MonkeyPatch) -> int:
    """Shift the clock away from the ends of windows, and return by how much.

    A sweep resets the use of ended windows, which the records are compared with.
    """
    shift_ms = yesterdays_noon_shift_ms()
    monkeypatch.setattr(SystemClock, "now_ms", shifted_now_ms(shift_ms))
    return shift_ms


@dataclass(frozen=True)
class Script:
    """Behaviours of the first and the second provider while calls are killed."""

    first: Behaviour
    second: Behaviour


SCRIPTS = [
    Script(Answer(), Answer()),
    Script(Answer(delay_s=0.15), Answer()),
    Script(Fail(FailureKind.SERVER_ERROR), Answer(delay_s=0.1)),
    Script(Answer(text=""), Answer(delay_s=0.1)),
]


def state_of(tenant: str) -> LimitState | None:
    """Return the stored state, without resetting ended windows."""
    return LimitStore(tables.rate_limits(), MAX_IN_FLIGHT).load(tenant)


def provider_calls(stack: LocalStack, tenant: str) -> int:
    """Return how many calls for the tenant have reached the providers."""
    return sum(tenant in str(call.body) for call in stack.providers.calls)


def only_record(tenant: str) -> AuditRecord | None:
    found = records(tenant)
    assert len(found) <= 1
    return found[0] if found else None


def assert_recorded_and_charged(stack: LocalStack, tenant: str) -> None:
    """Assert that a call of a provider has a record, and that its request, tokens and cost are charged or reserved."""
    if not provider_calls(stack, tenant):
        return
    state = state_of(tenant)
    assert only_record(tenant)
    assert state is not None
    assert state.used(Limit.REQUESTS_PER_HOUR) + state.held[Limit.REQUESTS_PER_HOUR] == 1
    for limit in (Limit.TOKENS_PER_DAY, Limit.COST_PER_MONTH):
        assert state.used(limit) + state.held[limit] > 0


def assert_closed(tenant: str) -> None:
    """Assert that nothing is reserved or in flight, and that the record is closed and says what was charged."""
    state, record = state_of(tenant), only_record(tenant)
    used = [0, 0, 0]
    if state is not None:
        assert (state.held, dict(state.in_flight)) == (NOTHING, {})
        used = [state.used(limit) for limit in Limit]
    if record is not None:
        recorded = [record.charged_tokens, record.cost_micros]
        if record.status is AuditStatus.ANSWERED or Outcome.ABANDONED in {entry.outcome for entry in record.attempts}:
            assert recorded == used[1:]
        else:
            # The function was killed before the end of its record, or before anything was reserved.
            assert record.status is AuditStatus.ABANDONED
            assert all(cost <= charged for cost, charged in zip(recorded, used[1:], strict=True))


def dump(tenants: Sequence[str]) -> list[Any]:
    """Return all stored items of the tenants, without the times of their sweeps."""
    settings = get_settings()
    found: list[Any] = []
    for name in (settings.rate_limits_table, settings.usage_table, settings.audit_logs_table):
        found += [
            {field: value for field, value in item.items() if field != "sweptAt"}
            for item in scan(name)
            if item["PK"]["S"].partition("#")[0] in tenants
        ]
    return sorted(found, key=str)


def sweep_and_dump(tenants: Sequence[str], now_ms: int, sweeps: int) -> list[Any]:
    """Sweep the tenants concurrently, all at one moment of the clock, and return their items."""
    sweep = sweep_at(now_ms)

    def sweep_all(_: int) -> None:
        for tenant in tenants:
            sweep.sweep_tenant(tenant)

    at_once(sweeps, sweep_all)
    return dump(tenants)


def abandoned(tenants: Sequence[str]) -> list[AuditRecord]:
    found = [record for tenant in tenants for record in records(tenant)]
    return [record for record in found if record.status is AuditStatus.ABANDONED]


def due(tenants: Sequence[str], now_ms: int) -> set[str]:
    due = SweepQueue(tables.rate_limits())
    return {each for shard in due.shards() for each in due.active(shard, now_ms // 1000)} & set(tenants)


def marked(tenant: str) -> set[int]:
    """Return the moments for which the tenant's items are marked, in seconds."""
    items = [tables.rate_limits().get(key) for key in (keys.limits(tenant), keys.due_mark(tenant))]
    return {item["dueAt"] for item in items if item and "dueAt" in item}


def assert_swept_once_and_for_all(tenants: Sequence[str]) -> None:
    """Assert that unfinished tenants are due, and that many sweeps have the same result as one.

    After the sweeps, tenants are due only at the end of their next used window.
    """
    now_ms = SystemClock().now_ms()
    unfinished = {tenant for tenant in tenants if records(tenant) or ((state := state_of(tenant)) and state.in_flight)}
    # A tenant whose call was killed between its mark and its record is due too, but has no items.
    assert due(tenants, now_ms) >= unfinished
    # All sweeps have the same time, because a window that ends between two sweeps is reset by the later one.
    later_ms = now_ms + LATER_MS
    first = sweep_and_dump(tenants, later_ms, sweeps=3)
    for tenant in tenants:
        assert_closed(tenant)
    counted = [
        entry
        for record in abandoned(tenants)
        for entry, _ in usage_store().between(record.tenant_id, record.day, record.day)
    ]
    assert sum(entry.counts.errors for entry in counted) == len(abandoned(tenants))
    assert sweep_and_dump(tenants, later_ms, sweeps=1) == first
    assert sweep_and_dump(tenants, later_ms, sweeps=10) == first
    sweep_at(now_ms + MUCH_LATER_MS).sweep_due(lambda: True)
    for tenant in tenants:
        state = state_of(tenant)
        assert marked(tenant) == ({state.next_reset()} - {None} if state else set())
        assert all(mark > (now_ms + MUCH_LATER_MS) // 1000 for mark in marked(tenant))


def killed_at(stack: LocalStack, shift_ms: int, deaths: Mapping[str, Death]) -> dict[str, str]:
    """Kill one call of a new tenant per death, and return the tenants by the names of the deaths."""
    tenants = {name: f"tenant-{uuid4().hex[:16]}" for name in deaths}

    def kill(name: str) -> None:
        # If the limits exist, a reservation is one write.
        set_limits(tenants[name], requests=100)
        with call(stack, tenants[name], shift_ms, deaths[name]) as subject:
            subject.begin()
            subject.wait_until_killed()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, deaths))
    return tenants


@pytest.mark.slow
def test_sweep_settles_a_function_killed_at_any_write(stack: LocalStack, shift_ms: int) -> None:
    tenants = killed_at(stack, shift_ms, DEATHS)

    for tenant in tenants.values():
        assert_recorded_and_charged(stack, tenant)
    reached = {name for name, tenant in tenants.items() if provider_calls(stack, tenant)}
    assert reached == {name for name in DEATHS if "settlement" in name or "closed" in name}
    assert_swept_once_and_for_all(list(tenants.values()))
    (killed_before_its_end,) = records(tenants["before the record is closed"])
    assert killed_before_its_end.status is AuditStatus.ABANDONED


@pytest.mark.slow
def test_function_killed_between_providers_is_charged_as_recorded(stack: LocalStack, shift_ms: int) -> None:
    stack.providers.always(ProviderName.OPENAI, Answer(text=""))
    tenants = killed_at(stack, shift_ms, DEATHS_BETWEEN_PROVIDERS)

    for tenant in tenants.values():
        assert_recorded_and_charged(stack, tenant)
        assert provider_calls(stack, tenant) == 1
    assert_swept_once_and_for_all(list(tenants.values()))
    attempts = {
        name: [(attempt.provider, attempt.outcome) for attempt in record.attempts]
        for name, tenant in tenants.items()
        for record in records(tenant)
    }
    failed, abandoned = ("openai", Outcome.FAILED), Outcome.ABANDONED
    assert attempts == {
        "before the record is updated": [("openai", abandoned)],
        "before the next reservation": [failed],
        "after the next reservation": [failed, ("anthropic", abandoned)],
    }


def test_sweep_charges_an_attempt_after_a_skipped_provider(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_ai.gateway.audit_trail.PAUSES_S", (0.01,))
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    damage_key(tenant, ProviderName.OPENAI)
    reserved: list[object] = []

    def fails_after_the_reservations(request: object) -> AWSResponse | None:
        reserved.append(request)
        return None if len(reserved) <= 2 else throttled(request)

    with fault("UpdateItem", get_settings().rate_limits_table, fails_after_the_reservations):
        assert copy(stack, tenant).body["provider"] == "anthropic"

    assert_recorded_and_charged(stack, tenant)
    sweep_at(SystemClock().now_ms() + LATER_MS).sweep_tenant(tenant)
    assert_closed(tenant)
    (record,) = records(tenant)
    assert record.charged_tokens > 0


@pytest.mark.slow
def test_sweep_continues_after_a_tenant_that_fails(stack: LocalStack) -> None:
    now_ms, unreadable = SystemClock().now_ms(), list[Key]()
    tenants = [f"tenant-{uuid4().hex[:16]}" for _ in range(3)]
    for tenant in tenants:
        welcome(stack, tenant)
        copy(stack, tenant)
        unreadable += [keys.audit_record(tenant, record.id) for record in records(tenant) if tenant != tenants[1]]
    for key in unreadable:
        tables.audit_logs().update(key, "SET attempts = :damaged", {":damaged": 1})

    with pytest.raises(ExceptionGroup):
        sweep_at(now_ms + LATER_MS).sweep_due(lambda: True)

    states = [state_of(tenant) for tenant in tenants]
    assert [state is not None and state.swept_at is not None for state in states] == [False, True, False]
    for key in unreadable:
        tables.audit_logs().update(key, "SET attempts = :none", {":none": []})


class Killed(BaseException):
    """Error that no handler of the request catches, as if the function was killed."""


def killed(request: object) -> None:
    raise Killed


@pytest.mark.slow
def test_sweep_closes_a_record_without_a_reservation(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    event = post({"prompt": "Oi"}, authorizer={"tenantId": tenant}, requestTimeEpoch=SystemClock().now_ms())
    with fault("UpdateItem", get_settings().rate_limits_table, killed), pytest.raises(Killed):
        handler(event, Context())

    assert state_of(tenant) is None
    assert [record.status for record in records(tenant)] == [AuditStatus.OPEN]
    assert_swept_once_and_for_all([tenant])
    assert [record.status for record in records(tenant)] == [AuditStatus.ABANDONED]
    assert stack.providers.count() == 0


@pytest.mark.slow
def test_sweep_releases_a_reservation_without_a_record(stack: LocalStack, tenant: str) -> None:
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    event = post({"prompt": "Oi"}, authorizer={"tenantId": tenant}, requestTimeEpoch=SystemClock().now_ms())
    with fault("TransactWriteItems", get_settings().audit_logs_table, killed), pytest.raises(Killed):
        handler(event, Context())

    assert not records(tenant)
    assert_swept_once_and_for_all([tenant])
    state = state_of(tenant)
    assert state is not None
    assert [state.used(limit) for limit in Limit] == [0, 0, 0]
    assert stack.providers.count() == 0


@pytest.mark.slow
def test_function_killed_during_an_attempt_is_charged_in_full(stack: LocalStack, shift_ms: int, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Answer(delay_s=5))
    with call(stack, tenant, shift_ms) as subject:
        subject.begin()
        waited = Event()
        while not provider_calls(stack, tenant):
            waited.wait(0.01)
        subject.killed_after(0)

    assert_recorded_and_charged(stack, tenant)
    assert_swept_once_and_for_all([tenant])
    (record,) = records(tenant)
    (attempt,) = record.attempts
    assert (record.status, attempt.estimated) == (AuditStatus.ABANDONED, True)
    # assert_closed has compared this with the limits.
    assert attempt.charged_tokens == record.charged_tokens > 0


@pytest.mark.slow
@pytest.mark.parametrize("script", range(len(SCRIPTS)))
def test_a_hundred_kills_at_random_moments_lose_nothing(stack: LocalStack, shift_ms: int, script: int) -> None:
    stack.providers.always(ProviderName.OPENAI, SCRIPTS[script].first)
    stack.providers.always(ProviderName.ANTHROPIC, SCRIPTS[script].second)
    moments = Moments(Random(script))
    tenants = [f"tenant-{uuid4().hex[:16]}" for _ in range(100 // len(SCRIPTS))]

    def kill(tenant: str) -> None:
        with call(stack, tenant, shift_ms) as subject:
            subject.begin()
            moments.learn(in_time=subject.killed_after(moments.draw()), sent=bool(provider_calls(stack, tenant)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, tenants))

    for tenant in tenants:
        assert_recorded_and_charged(stack, tenant)
    assert any(provider_calls(stack, tenant) for tenant in tenants)
    assert_swept_once_and_for_all(tenants)
    assert abandoned(tenants)


class Moments:
    """Random moments within a call of unknown length, which depends on the machine."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._span_s = 1.0

    def draw(self) -> float:
        return self._random.random() * self._span_s

    def learn(self, *, in_time: bool, sent: bool) -> None:
        """Extend the span if a call was killed before it was sent, and shorten it if the call had ended."""
        if not in_time:
            self._span_s *= 0.8
        elif not sent:
            self._span_s *= 1.2
