"""Test which tenants are due for a sweep: those with calls since the last one, and those whose window ends."""

import pytest

from local.aws import Aws
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.models import NOTHING, Amounts, Limit, LimitState, Settlement
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from tests.integration.support.limit_calls import MovedClock, caller_of, reservation_request, service

NOW_S = 1_795_400_000
# Marks are set in steps of five minutes. This is the next step.
DUE_S = 1_795_400_100
STEP_S = 300


@pytest.fixture
def due(embedded_aws: Aws) -> SweepQueue:
    return SweepQueue(tables.rate_limits())


def put_mark(due: SweepQueue, tenant: str, now_s: int) -> None:
    ((table, item),) = due.mark(tenant, now_s)
    table.put(item)
    due.marked(tenant, now_s)


def is_active(due: SweepQueue, tenant: str, now_s: int) -> bool:
    found = [each for each in due.active(keys.due_shard(tenant), now_s) if each == tenant]
    assert len(found) <= 1, "a tenant is listed once for all its marks"
    return bool(found)


def call(tenant: str, now_s: int = NOW_S) -> None:
    """Reserve for a call and settle it."""
    limits = service(MovedClock(now_s * 1000))
    reservation = limits.reserve(caller_of(tenant), reservation_request())
    limits.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 0, 0)))


def state_of(tenant: str) -> LimitState | None:
    return LimitStore(tables.rate_limits(), 100).load(tenant)


def swept_at(tenant: str) -> int | None:
    state = state_of(tenant)
    return state.swept_at if state else None


def sweep(due: SweepQueue, tenant: str, began_s: int) -> None:
    due.done(tenant, state_of(tenant), began_s)


def test_mark_is_due_at_the_next_step_in_the_tenants_shard(due: SweepQueue, tenant: str) -> None:
    ((_, item),) = due.mark(tenant, NOW_S)

    assert item == {**keys.due_mark(tenant), "dueShard": keys.due_shard(tenant), "dueAt": DUE_S}
    assert SweepQueue(tables.rate_limits()).mark(tenant, DUE_S - 1)[0][1]["dueAt"] == DUE_S
    assert SweepQueue(tables.rate_limits()).mark(tenant, DUE_S)[0][1]["dueAt"] == DUE_S + STEP_S


def test_tenant_is_marked_once_per_step(due: SweepQueue, tenant: str) -> None:
    put_mark(due, tenant, NOW_S)

    assert due.mark(tenant, NOW_S) == []
    assert due.mark(tenant, DUE_S - 1) == []
    assert due.mark(f"{tenant}-2", NOW_S)
    assert due.mark(tenant, DUE_S)

    put_mark(due, f"{tenant}-2", NOW_S)
    assert due.mark(f"{tenant}-2", NOW_S) == []
    assert due.mark(tenant, NOW_S) == [], "marking a second tenant keeps the mark of the first"
    put_mark(due, tenant, DUE_S)
    assert due.mark(tenant, DUE_S) == []
    assert due.mark(f"{tenant}-2", DUE_S)


def test_mark_that_was_not_written_is_returned_again(due: SweepQueue, tenant: str) -> None:
    assert due.mark(tenant, NOW_S)
    assert due.mark(tenant, NOW_S)


def test_tenant_is_due_once_by_its_record_or_its_reservation(due: SweepQueue, tenant: str) -> None:
    by_record, by_reservation = f"{tenant}-1", f"{tenant}-2"
    put_mark(due, by_record, NOW_S)
    call(by_reservation)
    put_mark(due, tenant, NOW_S)
    call(tenant)

    for each in (by_record, by_reservation, tenant):
        assert is_active(due, each, NOW_S)
    assert not is_active(due, f"{tenant}-3", NOW_S)


def test_old_marks_and_marks_two_steps_ahead_are_due(due: SweepQueue, tenant: str) -> None:
    put_mark(due, tenant, NOW_S)

    assert is_active(due, tenant, NOW_S + 30 * 86_400)
    assert is_active(due, tenant, DUE_S - 2 * STEP_S)
    assert not is_active(due, tenant, DUE_S - 2 * STEP_S - 1)


def test_sweep_stores_the_moment_at_which_it_began(due: SweepQueue, tenant: str) -> None:
    call(tenant)
    assert swept_at(tenant) is None

    sweep(due, tenant, NOW_S + 5)
    sweep(due, tenant, NOW_S + 7)

    assert swept_at(tenant) == NOW_S + 7


def test_idle_tenant_is_due_when_its_next_used_window_ends(due: SweepQueue, tenant: str) -> None:
    call(tenant)
    put_mark(due, tenant, NOW_S)

    sweep(due, tenant, DUE_S + STEP_S - 1)
    marks = (keys.limits(tenant), keys.due_mark(tenant))
    assert [_due_at(mark) for mark in marks] == [DUE_S, DUE_S]

    sweep(due, tenant, DUE_S + STEP_S)
    state = state_of(tenant)
    assert state
    assert [_due_at(mark) for mark in marks] == [state.ends[Limit.REQUESTS_PER_HOUR], None]
    assert not is_active(due, tenant, NOW_S)
    assert is_active(due, tenant, state.ends[Limit.REQUESTS_PER_HOUR])
    assert swept_at(tenant) == DUE_S + STEP_S

    call(tenant, DUE_S + STEP_S)
    assert is_active(due, tenant, DUE_S + STEP_S)


def test_tenant_that_used_nothing_is_no_longer_due(due: SweepQueue, tenant: str) -> None:
    limits = service(MovedClock(NOW_S * 1000))
    reservation = limits.reserve(caller_of(tenant), reservation_request())
    limits.settle(tenant, Settlement(reservation=reservation, used=NOTHING))

    sweep(due, tenant, DUE_S + STEP_S)

    assert _due_at(keys.limits(tenant)) is None


def test_tenant_with_a_call_in_flight_is_due_until_it_is_settled(due: SweepQueue, tenant: str) -> None:
    limits = service(MovedClock(NOW_S * 1000))
    reservation = limits.reserve(caller_of(tenant), reservation_request())

    sweep(due, tenant, DUE_S + 10 * STEP_S)
    assert is_active(due, tenant, NOW_S)

    limits.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 0, 0)))
    sweep(due, tenant, DUE_S + 10 * STEP_S)
    assert not is_active(due, tenant, NOW_S)


def test_sweep_creates_no_item_for_a_tenant_without_reservations(due: SweepQueue, tenant: str) -> None:
    put_mark(due, tenant, NOW_S)

    sweep(due, tenant, DUE_S + STEP_S)

    assert swept_at(tenant) is None
    assert tables.rate_limits().get(keys.limits(tenant), consistent=True) is None
    assert not is_active(due, tenant, NOW_S)


def _due_at(key: keys.Key) -> int | None:
    item = tables.rate_limits().get(key, consistent=True)
    return item.get("dueAt") if item else None
