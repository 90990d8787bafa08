"""Test limits if another writer changes the item between a read and the write that follows it.

Concurrent callers meet these moments only by chance. Each is forced here: the other writer runs right before a write.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from local.aws import Aws
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.limits.models import Amounts, Limit, Reservation, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.limits.store import TRIES, LimitStore
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, StoreUnavailable
from nexus_ai.platform.settings import get_settings
from tests.integration.support.limit_calls import (
    MovedClock,
    caller_of,
    limits,
    reservation_request,
    service,
    set_limits,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

type Interruption = Callable[[], object]


class InterruptedTable(Table):
    """Table that runs the next of its interruptions before each update. None skips one."""

    interruptions: list[Interruption | None]

    def update(self, *args: Any, **kwargs: Any) -> Item:
        interruption = self.interruptions.pop(0) if self.interruptions else None
        if interruption:
            interruption()
        return super().update(*args, **kwargs)


class CountedTable(Table):
    """Table that lists its calls."""

    calls: list[str]

    def get(self, *args: Any, **kwargs: Any) -> Item | None:
        self.calls.append("get")
        return super().get(*args, **kwargs)

    def put(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append("put")
        super().put(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> Item:
        self.calls.append("update")
        return super().update(*args, **kwargs)


@pytest.fixture
def clock(embedded_aws: Aws) -> MovedClock:
    return MovedClock()


@pytest.fixture
def others(clock: MovedClock) -> LimitService:
    """Return the limit service of the other writers."""
    return service(clock)


def interrupted(clock: MovedClock, *interruptions: Interruption | None) -> LimitService:
    settings = get_settings()
    table = InterruptedTable(settings.rate_limits_table)
    table.interruptions = list(interruptions)
    return LimitService(LimitStore(table, settings.max_calls_in_flight), clock, settings)


def settle_in_full(reservation: Reservation) -> Settlement:
    return Settlement(reservation=reservation, used=reservation.amounts)


def test_limit_lowered_during_a_reset_binds_in_the_new_window(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    lower = partial(set_limits, others, tenant, limits(requests=2, time_zone="UTC"))

    interrupted(clock, None, lower).reserve(caller_of(tenant), reservation_request())

    state = others.state(caller_of(tenant))
    assert (state.remaining[Limit.REQUESTS_PER_HOUR], state.held[Limit.REQUESTS_PER_HOUR]) == (1, 1)


def test_limit_set_to_zero_during_a_reset_rejects(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    block = partial(set_limits, others, tenant, limits(requests=0, time_zone="UTC"))

    with pytest.raises(LimitExceeded):
        interrupted(clock, None, block).reserve(caller_of(tenant), reservation_request())


def test_window_reset_by_another_call_is_not_reset_again(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=1, time_zone="UTC"))
    clock.ms += HOUR_MS
    first = partial(others.reserve, caller_of(tenant), reservation_request())

    with pytest.raises(LimitExceeded):
        interrupted(clock, None, first).reserve(caller_of(tenant), reservation_request())

    assert others.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 1


def test_concurrent_changes_of_limits_are_both_applied(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000))
    others.reserve(caller_of(tenant), reservation_request(tokens=300))
    raise_tokens = partial(set_limits, others, tenant, limits(requests=20, tokens=5_000))

    interrupted(clock, raise_tokens).change(
        caller_of(tenant), lambda current: current.model_copy(update={"requests_per_hour": 7})
    )

    state = others.state(caller_of(tenant))
    assert state.settings == limits(requests=7, tokens=5_000)
    assert state.remaining[:2] == (6, 4_700)


def test_concurrent_change_of_the_time_zone_is_kept(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=10, time_zone="UTC"))
    move = partial(set_limits, others, tenant, limits(requests=10, time_zone="Asia/Tokyo"))

    interrupted(clock, move).change(
        caller_of(tenant), lambda current: current.model_copy(update={"requests_per_hour": 7})
    )

    assert others.state(caller_of(tenant)).settings == limits(requests=7, time_zone="Asia/Tokyo")


def test_settlement_during_a_reset_counts_in_the_current_windows(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000, time_zone="UTC"))
    reservation = others.reserve(caller_of(tenant), reservation_request(tokens=300, cost_micros=50))

    def roll(ms: int) -> None:
        clock.ms += ms
        others.reserve(caller_of(tenant), reservation_request(tokens=10))

    settled = Settlement(reservation=reservation, used=Amounts(1, 200, 40))
    assert interrupted(clock, partial(roll, HOUR_MS), partial(roll, DAY_MS)).settle(tenant, settled) is not None

    state = others.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [0, 0, 40]
    assert state.held == (1, 10, 0)


def test_call_settled_by_the_sweep_is_not_settled_again(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000))
    reservation = others.reserve(caller_of(tenant), reservation_request(tokens=300))
    sweep = partial(others.settle, tenant, settle_in_full(reservation))

    settled = Settlement(reservation=reservation, used=Amounts(1, 20, 0))
    assert interrupted(clock, sweep).settle(tenant, settled) is None

    assert others.state(caller_of(tenant)).used(Limit.TOKENS_PER_DAY) == 300


@pytest.mark.parametrize("writes_before", [0, 1])
def test_attempt_is_reserved_if_the_sweep_settles_the_last_one(
    clock: MovedClock, others: LimitService, tenant: str, writes_before: int
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000, time_zone="UTC"))
    first = others.reserve(caller_of(tenant), reservation_request(tokens=300))
    if writes_before:
        # The window ends, so the first write fails, and the second one is made for the current item.
        clock.ms += HOUR_MS
    sweep = partial(others.settle, tenant, settle_in_full(first))

    subject = interrupted(clock, *[None] * writes_before, sweep)
    second = subject.reserve(caller_of(tenant), reservation_request(tokens=400), settled=settle_in_full(first))

    state = others.state(caller_of(tenant))
    assert set(state.in_flight) == {second.id}
    assert (state.used(Limit.TOKENS_PER_DAY), state.held[Limit.TOKENS_PER_DAY]) == (300, 400)


def test_attempt_settled_by_the_sweep_is_counted_once(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(tokens=1_000))
    first = others.reserve(caller_of(tenant), reservation_request(tokens=300))
    others.settle(tenant, settle_in_full(first))
    others.reserve(caller_of(tenant), reservation_request(tokens=500))

    # 300 and 450 would fit, so only the call in flight prevents the reservation.
    with pytest.raises(LimitInFlight):
        others.reserve(caller_of(tenant), reservation_request(tokens=450), settled=settle_in_full(first))


def test_attempt_of_yesterday_does_not_count_today(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(tokens=1_000, time_zone="UTC"))
    first = others.reserve(caller_of(tenant), reservation_request(tokens=300))
    clock.ms += DAY_MS
    others.reserve(caller_of(tenant), reservation_request(tokens=500))

    # 750 would fit into today, so only the call in flight prevents the reservation.
    with pytest.raises(LimitInFlight):
        others.reserve(caller_of(tenant), reservation_request(tokens=750), settled=settle_in_full(first))


def test_limit_lowered_during_a_fallback_keeps_the_last_attempt(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(tokens=1_000))
    first = others.reserve(caller_of(tenant), reservation_request(tokens=300))
    lower = partial(set_limits, others, tenant, limits(tokens=500))

    with pytest.raises(LimitExceeded):
        interrupted(clock, lower).reserve(
            caller_of(tenant), reservation_request(tokens=400), settled=settle_in_full(first)
        )

    assert set(others.state(caller_of(tenant)).in_flight) == {first.id}


def test_reservation_with_endless_conflicts_fails_and_holds_nothing(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    changes = [partial(set_limits, others, tenant, limits(requests=most, time_zone="UTC")) for most in range(50, 70)]

    with pytest.raises(StoreUnavailable):
        interrupted(clock, None, *changes).reserve(caller_of(tenant), reservation_request())

    state = others.state(caller_of(tenant))
    assert state.settings.requests_per_hour == 50 + TRIES - 1
    assert not state.in_flight


def test_settlement_with_endless_conflicts_fails_and_can_be_repeated(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(time_zone="UTC"))
    caller = caller_of(tenant)
    first = others.reserve(caller, reservation_request(tokens=30))

    def roll() -> None:
        clock.ms += HOUR_MS
        others.settle(tenant, settle_in_full(others.reserve(caller, reservation_request())))

    with pytest.raises(StoreUnavailable):
        interrupted(clock, *[roll] * TRIES).settle(tenant, settle_in_full(first))

    assert list(others.state(caller).in_flight) == [first.id]
    assert others.settle(tenant, settle_in_full(first)) is not None
    assert others.state(caller).used(Limit.TOKENS_PER_DAY) == 30


def test_change_of_limits_with_endless_conflicts_fails(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=1))
    changes = [partial(set_limits, others, tenant, limits(requests=number)) for number in range(2, 2 + TRIES)]

    with pytest.raises(StoreUnavailable):
        interrupted(clock, *changes).change(caller_of(tenant), lambda _: limits(requests=99))

    assert others.state(caller_of(tenant)).settings == limits(requests=1 + TRIES)


def test_each_step_of_a_reservation_is_one_write(clock: MovedClock, others: LimitService, tenant: str) -> None:
    set_limits(others, tenant, limits(requests=1, tokens=100))
    settings, caller = get_settings(), caller_of(tenant)
    table = CountedTable(settings.rate_limits_table)
    table.calls = []
    counted = LimitService(LimitStore(table, settings.max_calls_in_flight), clock, settings)

    first = counted.reserve(caller, reservation_request(tokens=50))
    assert len(table.calls) <= 1
    second = counted.reserve(caller, reservation_request(requests=0, tokens=40), settled=settle_in_full(first))
    assert len(table.calls) <= 2
    with pytest.raises(LimitExceeded):
        counted.reserve(caller, reservation_request(tokens=1))
    assert len(table.calls) <= 3
    counted.settle(tenant, settle_in_full(second))
    assert len(table.calls) <= 4
