"""Limits where another writer comes between a look at the item and the write that follows it.

Callers at once meet these moments by chance only, so each is made here: what comes between runs right before a write.
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
from tests.integration.support.limit_calls import MovedClock, ask, caller_of, limits, service, set_limits

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

type Interruption = Callable[[], object]


class InterruptedTable(Table):
    """Runs what comes between before each update: one thing for each, in order, None for nothing."""

    between: list[Interruption | None]

    def update(self, *args: Any, **kwargs: Any) -> Item:
        comes = self.between.pop(0) if self.between else None
        if comes:
            comes()
        return super().update(*args, **kwargs)


class CountedTable(Table):
    """Notes every call of the store."""

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
    """The service as the other writers use it."""
    return service(clock)


def interrupted(clock: MovedClock, *between: Interruption | None) -> LimitService:
    settings = get_settings()
    table = InterruptedTable(settings.rate_limits_table)
    table.between = list(between)
    return LimitService(LimitStore(table, settings.max_calls_in_flight), clock, settings)


def closing(reservation: Reservation) -> Settlement:
    return Settlement(reservation=reservation, used=reservation.amounts)


def test_a_limit_that_is_lowered_while_a_window_rolls_binds_in_the_new_window(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    lower = partial(set_limits, others, tenant, limits(requests=2, time_zone="UTC"))

    interrupted(clock, None, lower).reserve(caller_of(tenant), ask())

    state = others.state(caller_of(tenant))
    assert (state.remaining[Limit.REQUESTS_PER_HOUR], state.held[Limit.REQUESTS_PER_HOUR]) == (1, 1)


def test_a_limit_that_is_set_to_zero_while_a_window_rolls_refuses(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    block = partial(set_limits, others, tenant, limits(requests=0, time_zone="UTC"))

    with pytest.raises(LimitExceeded):
        interrupted(clock, None, block).reserve(caller_of(tenant), ask())


def test_a_window_that_another_call_rolled_and_used_up_meanwhile_is_not_rolled_again(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=1, time_zone="UTC"))
    clock.ms += HOUR_MS
    first = partial(others.reserve, caller_of(tenant), ask())

    with pytest.raises(LimitExceeded):
        interrupted(clock, None, first).reserve(caller_of(tenant), ask())

    assert others.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 1


def test_two_changes_of_limits_at_once_give_one_after_the_other(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000))
    others.reserve(caller_of(tenant), ask(tokens=300))
    raise_tokens = partial(set_limits, others, tenant, limits(requests=20, tokens=5_000))

    interrupted(clock, raise_tokens).change(
        caller_of(tenant), lambda stands: stands.model_copy(update={"requests_per_hour": 7})
    )

    state = others.state(caller_of(tenant))
    assert state.settings == limits(requests=7, tokens=5_000)
    assert state.remaining[:2] == (6, 4_700)


def test_a_zone_that_changes_while_a_limit_does_is_not_changed_back(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=10, time_zone="UTC"))
    move = partial(set_limits, others, tenant, limits(requests=10, time_zone="Asia/Tokyo"))

    interrupted(clock, move).change(
        caller_of(tenant), lambda stands: stands.model_copy(update={"requests_per_hour": 7})
    )

    assert others.state(caller_of(tenant)).settings == limits(requests=7, time_zone="Asia/Tokyo")


def test_a_call_that_ends_while_the_windows_roll_is_charged_to_those_that_still_run(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000, time_zone="UTC"))
    reservation = others.reserve(caller_of(tenant), ask(tokens=300, cost_micros=50))

    def roll(ms: int) -> None:
        clock.ms += ms
        others.reserve(caller_of(tenant), ask(tokens=10))

    settled = Settlement(reservation=reservation, used=Amounts(1, 200, 40))
    assert interrupted(clock, partial(roll, HOUR_MS), partial(roll, DAY_MS)).settle(tenant, settled) is not None

    state = others.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [0, 0, 40]
    assert state.held == (1, 10, 0)


def test_a_call_that_the_sweep_settles_first_is_not_settled_again(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000))
    reservation = others.reserve(caller_of(tenant), ask(tokens=300))
    sweep = partial(others.settle, tenant, closing(reservation))

    settled = Settlement(reservation=reservation, used=Amounts(1, 20, 0))
    assert interrupted(clock, sweep).settle(tenant, settled) is None

    assert others.state(caller_of(tenant)).used(Limit.TOKENS_PER_DAY) == 300


@pytest.mark.parametrize("writes_before", [0, 1])
def test_an_attempt_whose_predecessor_the_sweep_settles_meanwhile_stands_for_itself(
    clock: MovedClock, others: LimitService, tenant: str, writes_before: int
) -> None:
    set_limits(others, tenant, limits(requests=10, tokens=1_000, time_zone="UTC"))
    first = others.reserve(caller_of(tenant), ask(tokens=300))
    if writes_before:
        # The window ends, so that the first write is refused and the second one is made for the item as it is.
        clock.ms += HOUR_MS
    sweep = partial(others.settle, tenant, closing(first))

    subject = interrupted(clock, *[None] * writes_before, sweep)
    second = subject.reserve(caller_of(tenant), ask(tokens=400), settled=closing(first))

    state = others.state(caller_of(tenant))
    assert set(state.in_flight) == {second.id}
    assert (state.used(Limit.TOKENS_PER_DAY), state.held[Limit.TOKENS_PER_DAY]) == (300, 400)


def test_an_attempt_whose_predecessor_the_sweep_settled_is_refused_for_what_is_used_once(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(tokens=1_000))
    first = others.reserve(caller_of(tenant), ask(tokens=300))
    others.settle(tenant, closing(first))
    others.reserve(caller_of(tenant), ask(tokens=500))

    # 300 and 450 would fit: only the call in flight stands in the way.
    with pytest.raises(LimitInFlight):
        others.reserve(caller_of(tenant), ask(tokens=450), settled=closing(first))


def test_an_attempt_whose_predecessor_is_of_yesterday_is_not_refused_for_what_that_one_used(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(tokens=1_000, time_zone="UTC"))
    first = others.reserve(caller_of(tenant), ask(tokens=300))
    clock.ms += DAY_MS
    others.reserve(caller_of(tenant), ask(tokens=500))

    # 750 would fit into today: only the call in flight stands in the way.
    with pytest.raises(LimitInFlight):
        others.reserve(caller_of(tenant), ask(tokens=750), settled=closing(first))


def test_a_limit_that_is_lowered_while_an_attempt_moves_on_keeps_it_where_it_is(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(tokens=1_000))
    first = others.reserve(caller_of(tenant), ask(tokens=300))
    lower = partial(set_limits, others, tenant, limits(tokens=500))

    with pytest.raises(LimitExceeded):
        interrupted(clock, lower).reserve(caller_of(tenant), ask(tokens=400), settled=closing(first))

    assert set(others.state(caller_of(tenant)).in_flight) == {first.id}


def test_where_others_are_always_faster_the_store_gives_up_and_holds_nothing(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=100, time_zone="UTC"))
    clock.ms += HOUR_MS
    changes = [partial(set_limits, others, tenant, limits(requests=most, time_zone="UTC")) for most in range(50, 70)]

    with pytest.raises(StoreUnavailable):
        interrupted(clock, None, *changes).reserve(caller_of(tenant), ask())

    state = others.state(caller_of(tenant))
    assert state.settings.requests_per_hour == 50 + TRIES - 1
    assert not state.in_flight


def test_a_settlement_between_whose_tries_a_window_always_rolls_gives_up_and_can_be_told_again(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(time_zone="UTC"))
    caller = caller_of(tenant)
    first = others.reserve(caller, ask(tokens=30))

    def roll() -> None:
        clock.ms += HOUR_MS
        others.settle(tenant, closing(others.reserve(caller, ask())))

    with pytest.raises(StoreUnavailable):
        interrupted(clock, *[roll] * TRIES).settle(tenant, closing(first))

    assert list(others.state(caller).in_flight) == [first.id]
    assert others.settle(tenant, closing(first)) is not None
    assert others.state(caller).used(Limit.TOKENS_PER_DAY) == 30


def test_changes_of_limits_between_whose_tries_another_always_comes_give_up(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=1))
    changes = [partial(set_limits, others, tenant, limits(requests=number)) for number in range(2, 2 + TRIES)]

    with pytest.raises(StoreUnavailable):
        interrupted(clock, *changes).change(caller_of(tenant), lambda _: limits(requests=99))

    assert others.state(caller_of(tenant)).settings == limits(requests=1 + TRIES)


def test_while_windows_run_to_reserve_to_move_on_and_to_settle_are_one_write_each_and_so_is_a_refusal(
    clock: MovedClock, others: LimitService, tenant: str
) -> None:
    set_limits(others, tenant, limits(requests=1, tokens=100))
    settings, caller = get_settings(), caller_of(tenant)
    table = CountedTable(settings.rate_limits_table)
    table.calls = []
    counted = LimitService(LimitStore(table, settings.max_calls_in_flight), clock, settings)

    first = counted.reserve(caller, ask(tokens=50))
    assert table.calls == ["update"]
    second = counted.reserve(caller, ask(requests=0, tokens=40), settled=closing(first))
    assert table.calls == ["update"] * 2
    with pytest.raises(LimitExceeded):
        counted.reserve(caller, ask(tokens=1))
    assert table.calls == ["update"] * 3
    counted.settle(tenant, closing(second))
    assert table.calls == ["update"] * 4
