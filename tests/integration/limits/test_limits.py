"""Limits on real tables: what is left, what is refused and in which words."""

import pytest

from local.aws import Aws
from nexus_ai.limits.models import Amounts, Limit, LimitSettings, Settlement
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, PriceUnknown
from tests.integration.support.limit_calls import MovedClock, ask, caller_of, limits, service

HOUR_MS = 3_600_000


@pytest.fixture
def clock(embedded_aws: Aws) -> MovedClock:
    return MovedClock()


def test_a_settlement_gives_back_what_was_reserved_and_takes_what_was_used(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    reservation = subject.reserve(caller, ask(tokens=900, cost_micros=700))

    assert subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 120, 90))) is not None

    state = subject.state(caller)
    assert [state.used(limit) for limit in Limit] == [1, 120, 90]
    assert state.held == (0, 0, 0)
    assert not state.in_flight


def test_settling_twice_counts_once(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    settled = Settlement(reservation=subject.reserve(caller, ask(tokens=900)), used=Amounts(1, 120, 0))

    assert subject.settle(tenant, settled) is not None
    assert subject.settle(tenant, settled) is None

    assert subject.state(caller).used(Limit.TOKENS_PER_DAY) == 120


def test_reserving_twice_under_one_id_holds_once(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    asked = ask(tokens=900)

    assert subject.reserve(caller, asked) == subject.reserve(caller, asked)

    assert subject.state(caller).held == (1, 900, 0)


def test_a_used_up_limit_is_named_with_its_numbers(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1))
    reservation = subject.reserve(caller, ask())
    subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 0, 0)))

    with pytest.raises(LimitExceeded) as refused:
        subject.reserve(caller, ask())

    assert refused.value.code == "limit_exceeded"
    assert refused.value.extra == {
        "limit": "requestsPerHour",
        "max": 1,
        "used": 1,
        "reserved": 0,
        "resetsAt": "2026-11-23T03:00:00.000Z",
    }
    assert refused.value.retry_after == (1_795_402_800_000 - clock.ms) // 1000


def test_where_only_calls_in_flight_stand_in_the_way_the_caller_is_asked_back_in_seconds(
    clock: MovedClock, tenant: str
) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))
    subject.reserve(caller, ask(tokens=800))

    with pytest.raises(LimitInFlight) as refused:
        subject.reserve(caller, ask(tokens=800))

    assert refused.value.extra["used"] == 0
    assert refused.value.extra["reserved"] == 800
    assert refused.value.retry_after == 1


def test_a_request_larger_than_the_whole_limit_is_not_told_to_wait_for_calls_in_flight(
    clock: MovedClock, tenant: str
) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))

    with pytest.raises(LimitExceeded) as refused:
        subject.reserve(caller, ask(tokens=1001))

    assert refused.value.code == "limit_exceeded"
    assert "1001" in refused.value.detail


def test_a_model_without_a_price_is_refused_while_a_dollar_limit_is_set(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(cost_micros=1_000_000))

    with pytest.raises(PriceUnknown):
        subject.reserve(caller, ask(price_known=False))

    subject.change(caller, lambda _: limits())
    assert subject.reserve(caller, ask(price_known=False)).amounts == Amounts(1, 0, 0)


def test_no_more_calls_are_in_flight_than_there_are_seats(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock, 10), caller_of(tenant)
    subject.change(caller, lambda _: limits())
    for _ in range(10):
        subject.reserve(caller, ask())

    with pytest.raises(LimitInFlight) as refused:
        subject.reserve(caller, ask())

    assert refused.value.extra["limit"] == "callsInFlight"


def test_a_lowered_limit_binds_on_the_very_next_call_and_a_raised_one_too(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=5))
    for _ in range(3):
        subject.reserve(caller, ask())

    subject.change(caller, lambda _: limits(requests=2))
    with pytest.raises(LimitExceeded):
        subject.reserve(caller, ask())

    subject.change(caller, lambda _: limits(requests=4))
    subject.reserve(caller, ask())
    assert subject.state(caller).remaining[Limit.REQUESTS_PER_HOUR] == 0


@pytest.mark.parametrize("blocked", [limits(requests=0), limits(tokens=0), limits(cost_micros=0)])
def test_zero_blocks_even_what_takes_nothing_of_the_limit(
    clock: MovedClock, tenant: str, blocked: LimitSettings
) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: blocked)

    with pytest.raises(LimitExceeded, match="is 0, which blocks every request"):
        subject.reserve(caller, ask(tokens=10, cost_micros=0))
    assert not subject.state(caller).in_flight


def test_a_window_that_ended_is_new_and_the_others_go_on(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1, tokens=1000, time_zone="UTC"))
    subject.reserve(caller, ask(tokens=300))
    clock.ms += HOUR_MS

    subject.reserve(caller, ask(tokens=300))

    state = subject.state(caller)
    assert state.held == (1, 600, 0)


def test_a_call_that_ends_in_the_next_window_takes_nothing_of_it(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=2, tokens=1000, time_zone="UTC"))
    begun_before = subject.reserve(caller, ask(tokens=300))
    clock.ms += 24 * HOUR_MS
    subject.reserve(caller, ask(tokens=100))

    assert subject.settle(tenant, Settlement(reservation=begun_before, used=Amounts(1, 250, 5))) is not None

    state = subject.state(caller)
    assert [state.used(limit) for limit in Limit] == [0, 0, 5]
    assert state.held[:2] == (1, 100)
    assert len(state.in_flight) == 1


def test_the_next_attempt_is_reserved_and_the_last_one_settled_in_one_write(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1, tokens=1000))
    first = subject.reserve(caller, ask(tokens=800))

    second = subject.reserve(
        caller, ask(requests=0, tokens=700), settled=Settlement(reservation=first, used=Amounts(1, 300, 0))
    )

    state = subject.state(caller)
    assert list(state.in_flight) == [second.id]
    assert [state.used(limit) for limit in Limit] == [1, 300, 0]
    assert state.held == (0, 700, 0)


def test_where_the_next_attempt_does_not_fit_the_last_one_stays_to_be_settled(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))
    first = subject.reserve(caller, ask(tokens=800))
    settled = Settlement(reservation=first, used=Amounts(1, 301, 0))

    with pytest.raises(LimitExceeded):
        subject.reserve(caller, ask(requests=0, tokens=700), settled=settled)

    assert list(subject.state(caller).in_flight) == [first.id]
    assert subject.settle(tenant, settled) is not None


def test_an_attempt_that_sent_nothing_hands_its_request_to_the_next(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1))
    first = subject.reserve(caller, ask())

    second = subject.reserve(caller, ask(), settled=Settlement(reservation=first, used=Amounts(0, 0, 0)))

    assert second.amounts.requests == 1
    assert subject.state(caller).held[Limit.REQUESTS_PER_HOUR] == 1


def test_another_time_zone_neither_ends_nor_lengthens_the_window_that_runs(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000, time_zone="UTC"))
    subject.reserve(caller, ask(tokens=600))
    before = subject.state(caller).ends

    subject.change(caller, lambda _: limits(tokens=1000, time_zone="Asia/Tokyo"))

    assert subject.state(caller).ends == before
    assert subject.state(caller).held[Limit.TOKENS_PER_DAY] == 600
