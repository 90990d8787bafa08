"""Functions that are killed: what a provider counted is recorded and charged, and the sweep leaves nothing behind."""

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
from tests.integration.support.killable import Death, call
from tests.integration.support.pipeline import (
    SEATS,
    at_once,
    copy,
    damage_key,
    far_from_the_end_of_an_hour,
    records,
    set_limits,
    sweep_at,
    welcome,
)
from tests.unit.http.http_events import Context, post

# Past every deadline, and before a mark is taken off; then past that, too.
LATER_MS = 60_000
MUCH_LATER_MS = 900_000

DEATHS = {
    "before the reservation": Death("before", "UpdateItem", ":entry"),
    "after the reservation": Death("after", "UpdateItem", ":entry"),
    "before the record is opened": Death("before", "TransactWriteItems", '"open"'),
    "after the record is opened": Death("after", "TransactWriteItems", '"open"'),
    "before the settlement": Death("before", "UpdateItem", "REMOVE inFlight.#closed"),
    "after the settlement": Death("after", "UpdateItem", "REMOVE inFlight.#closed"),
    "before the record is closed": Death("before", "TransactWriteItems", '"answered"'),
    "after the record is closed": Death("after", "TransactWriteItems", '"answered"'),
}
HOP = "attribute_exists(inFlight.#closed) AND attribute_not_exists(inFlight.#opened)"
DEATHS_OF_A_HOP = {
    "before it is noted": Death("before", "PutItem", '"attempts"'),
    "before the next reservation": Death("before", "UpdateItem", HOP),
    "after the next reservation": Death("after", "UpdateItem", HOP),
}


@pytest.fixture(autouse=True)
def _in_one_hour() -> None:
    """A sweep of a minute later would reset what a window that has ended had used, which records are compared with."""
    far_from_the_end_of_an_hour(takes_s=200)


@dataclass(frozen=True)
class Play:
    """What the first provider does, and the second, while the calls are killed."""

    first: Behaviour
    second: Behaviour


PLAYS = [
    Play(Answer(), Answer()),
    Play(Answer(delay_s=0.15), Answer()),
    Play(Fail(FailureKind.SERVER_ERROR), Answer(delay_s=0.1)),
    Play(Answer(text=""), Answer(delay_s=0.1)),
]


def state_of(tenant: str) -> LimitState | None:
    """As it stands in the table, whatever the time is now."""
    return LimitStore(tables.rate_limits(), SEATS).load(tenant)


def arrived(stack: LocalStack, tenant: str) -> int:
    """How many calls for the tenant the providers counted."""
    return sum(tenant in str(asked.body) for asked in stack.providers.calls)


def the_record(tenant: str) -> AuditRecord | None:
    found = records(tenant)
    assert len(found) <= 1
    return found[0] if found else None


def assert_recorded_and_charged(stack: LocalStack, tenant: str) -> None:
    """What holds at every moment: nothing reaches a provider without a record, a request and its tokens."""
    if not arrived(stack, tenant):
        return
    state = state_of(tenant)
    assert the_record(tenant)
    assert state is not None
    assert state.used(Limit.REQUESTS_PER_HOUR) + state.held[Limit.REQUESTS_PER_HOUR] == 1
    for limit in (Limit.TOKENS_PER_DAY, Limit.COST_PER_MONTH):
        assert state.used(limit) + state.held[limit] > 0


def assert_in_order(tenant: str) -> None:
    """What holds after the sweep: nothing is held, no seat is taken, no record is open, none says what it did not."""
    state, record = state_of(tenant), the_record(tenant)
    used = [0, 0, 0]
    if state is not None:
        assert (state.held, dict(state.in_flight)) == (NOTHING, {})
        used = [state.used(limit) for limit in Limit]
    if record is not None:
        told = [record.charged_tokens, record.cost_micros]
        if record.status is AuditStatus.ANSWERED or Outcome.ABANDONED in {entry.outcome for entry in record.attempts}:
            assert told == used[1:]
        else:
            # Killed beside its last settlement, before its record's end, or before anything was reserved.
            assert record.status is AuditStatus.ABANDONED
            assert all(said <= spent for said, spent in zip(told, used[1:], strict=True))


def dump(tenants: Sequence[str]) -> list[Any]:
    """All that the tables know of the tenants, but for when they were swept."""
    settings = get_settings()
    found: list[Any] = []
    for name in (settings.rate_limits_table, settings.usage_table, settings.audit_logs_table):
        found += [
            {field: value for field, value in item.items() if field != "sweptAt"}
            for item in scan(name)
            if item["PK"]["S"].partition("#")[0] in tenants
        ]
    return sorted(found, key=str)


def swept(tenants: Sequence[str], now_ms: int, times_at_once: int) -> list[Any]:
    """Sweeps the tenants, so many sweeps side by side and all at one moment, and dumps what is there then."""
    sweep = sweep_at(now_ms)

    def each(_: int) -> None:
        for tenant in tenants:
            sweep.sweep_tenant(tenant)

    at_once(times_at_once, each)
    return dump(tenants)


def abandoned(tenants: Sequence[str]) -> list[AuditRecord]:
    found = [record for tenant in tenants for record in records(tenant)]
    return [record for record in found if record.status is AuditStatus.ABANDONED]


def due(tenants: Sequence[str], now_ms: int) -> set[str]:
    due = SweepQueue(tables.rate_limits())
    return {each for shard in due.shards() for each in due.active(shard, now_ms // 1000)} & set(tenants)


def marked(tenant: str) -> set[int]:
    """The moments for which the tenant's items are marked, in seconds."""
    items = [tables.rate_limits().get(key) for key in (keys.limits(tenant), keys.due_mark(tenant))]
    return {item["dueAt"] for item in items if item and "dueAt" in item}


def assert_swept_once_and_for_all(tenants: Sequence[str]) -> None:
    """Whoever left something behind is due, many sweeps do what one does, and then nobody is due but for the end of
    the next window that was used."""
    now_ms = SystemClock().now_ms()
    began = {tenant for tenant in tenants if records(tenant) or ((state := state_of(tenant)) and state.in_flight)}
    # Marked, and killed before the record was opened: such a one is due, too, and there is nothing of it to be found.
    assert due(tenants, now_ms) >= began
    # One moment for all: a window that ended between two sweeps would be rolled by the later one.
    later_ms = now_ms + LATER_MS
    first = swept(tenants, later_ms, times_at_once=3)
    for tenant in tenants:
        assert_in_order(tenant)
    counted = [
        entry
        for record in abandoned(tenants)
        for entry, _ in usage_store().between(record.tenant_id, record.day, record.day)
    ]
    assert sum(entry.counts.errors for entry in counted) == len(abandoned(tenants))
    assert swept(tenants, later_ms, times_at_once=1) == first
    assert swept(tenants, later_ms, times_at_once=10) == first
    sweep_at(now_ms + MUCH_LATER_MS).sweep_due(lambda: True)
    for tenant in tenants:
        state = state_of(tenant)
        assert marked(tenant) == ({state.next_reset()} - {None} if state else set())
        assert all(mark > (now_ms + MUCH_LATER_MS) // 1000 for mark in marked(tenant))


def killed_at(stack: LocalStack, deaths: Mapping[str, Death]) -> dict[str, str]:
    """The tenants, by the deaths of their only calls."""
    tenants = {name: f"tenant-{uuid4().hex[:16]}" for name in deaths}

    def dies(name: str) -> None:
        # An item of limits that is there makes a reservation one write.
        set_limits(tenants[name], requests=100)
        with call(stack, tenants[name], deaths[name]) as subject:
            subject.begin()
            subject.dies()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(dies, deaths))
    return tenants


@pytest.mark.slow
def test_a_function_killed_beside_any_write_leaves_what_the_sweep_puts_in_order(stack: LocalStack) -> None:
    tenants = killed_at(stack, DEATHS)

    for tenant in tenants.values():
        assert_recorded_and_charged(stack, tenant)
    reached = {name for name, tenant in tenants.items() if arrived(stack, tenant)}
    assert reached == {name for name in DEATHS if "settlement" in name or "closed" in name}
    assert_swept_once_and_for_all(list(tenants.values()))
    (killed_before_its_end,) = records(tenants["before the record is closed"])
    assert killed_before_its_end.status is AuditStatus.ABANDONED


@pytest.mark.slow
def test_a_function_killed_between_two_providers_is_charged_for_the_first_as_its_record_says(
    stack: LocalStack,
) -> None:
    stack.providers.always(ProviderName.OPENAI, Answer(text=""))
    tenants = killed_at(stack, DEATHS_OF_A_HOP)

    for tenant in tenants.values():
        assert_recorded_and_charged(stack, tenant)
        assert arrived(stack, tenant) == 1
    assert_swept_once_and_for_all(list(tenants.values()))
    told = {
        name: [(attempt.provider, attempt.outcome) for attempt in record.attempts]
        for name, tenant in tenants.items()
        for record in records(tenant)
    }
    failed, abandoned = ("openai", Outcome.FAILED), Outcome.ABANDONED
    assert told == {
        "before it is noted": [("openai", abandoned)],
        "before the next reservation": [failed],
        "after the next reservation": [failed, ("anthropic", abandoned)],
    }


def test_an_attempt_behind_a_skipped_provider_is_charged_by_the_sweep_as_its_record_says(
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
    assert_in_order(tenant)
    (record,) = records(tenant)
    assert record.charged_tokens > 0


@pytest.mark.slow
def test_a_tenant_that_cannot_be_swept_stands_in_nobodys_way(stack: LocalStack) -> None:
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
    """Passes everything that an end of the request would be written down by."""


def killed(request: object) -> None:
    raise Killed


@pytest.mark.slow
def test_a_record_that_was_opened_without_a_reservation_is_found_and_closed(stack: LocalStack, tenant: str) -> None:
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
def test_a_reservation_that_was_made_without_a_record_is_given_back(stack: LocalStack, tenant: str) -> None:
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
def test_a_function_killed_while_the_provider_writes_is_charged_all_it_reserved(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, Answer(delay_s=5))
    with call(stack, tenant) as subject:
        subject.begin()
        waited = Event()
        while not arrived(stack, tenant):
            waited.wait(0.01)
        subject.killed_after(0)

    assert_recorded_and_charged(stack, tenant)
    assert_swept_once_and_for_all([tenant])
    (record,) = records(tenant)
    (attempt,) = record.attempts
    assert (record.status, attempt.estimated) == (AuditStatus.ABANDONED, True)
    # Which is what was charged to the limits, as has been found in order.
    assert attempt.charged_tokens == record.charged_tokens > 0


@pytest.mark.slow
@pytest.mark.parametrize("play", range(len(PLAYS)))
def test_nothing_is_lost_by_a_hundred_kills_at_random_moments(stack: LocalStack, play: int) -> None:
    stack.providers.always(ProviderName.OPENAI, PLAYS[play].first)
    stack.providers.always(ProviderName.ANTHROPIC, PLAYS[play].second)
    moments = Moments(Random(play))
    tenants = [f"tenant-{uuid4().hex[:16]}" for _ in range(100 // len(PLAYS))]

    def kill(tenant: str) -> None:
        with call(stack, tenant) as subject:
            subject.begin()
            moments.learn(in_time=subject.killed_after(moments.draw()), sent=bool(arrived(stack, tenant)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, tenants))

    for tenant in tenants:
        assert_recorded_and_charged(stack, tenant)
    assert any(arrived(stack, tenant) for tenant in tenants)
    assert_swept_once_and_for_all(tenants)
    assert abandoned(tenants)


class Moments:
    """Random moments, spread over a call whose length nobody knows: a machine may be slow, and then slower."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._span_s = 1.0

    def draw(self) -> float:
        return self._random.random() * self._span_s

    def learn(self, *, in_time: bool, sent: bool) -> None:
        """The span grows while calls are killed early, and shrinks where they end before they are killed."""
        if not in_time:
            self._span_s *= 0.8
        elif not sent:
            self._span_s *= 1.2
