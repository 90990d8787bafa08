"""Test limits on real tables: reservations, settlements and the contents of rejections."""

import pytest

from local.aws import Aws
from nexus_ai.limits.models import Amounts, Limit, LimitSettings, Settlement
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, PriceUnknown
from tests.integration.support.limit_calls import MovedClock, caller_of, limits, reservation_request, service

HOUR_MS = 3_600_000


@pytest.fixture
def clock(embedded_aws: Aws) -> MovedClock:
    return MovedClock()


def test_settlement_corrects_the_reservation_to_actual_use(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    reservation = subject.reserve(caller, reservation_request(tokens=900, cost_micros=700))

    assert subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 120, 90))) is not None

    state = subject.state(caller)
    assert [state.used(limit) for limit in Limit] == [1, 120, 90]
    assert state.held == (0, 0, 0)
    assert not state.in_flight


def test_settling_twice_counts_once(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    settled = Settlement(reservation=subject.reserve(caller, reservation_request(tokens=900)), used=Amounts(1, 120, 0))

    assert subject.settle(tenant, settled) is not None
    assert subject.settle(tenant, settled) is None

    assert subject.state(caller).used(Limit.TOKENS_PER_DAY) == 120


def test_reserving_twice_under_one_id_reserves_once(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    wanted = reservation_request(tokens=900)

    assert subject.reserve(caller, wanted) == subject.reserve(caller, wanted)

    assert subject.state(caller).held == (1, 900, 0)


def test_rejection_names_the_used_up_limit_and_its_numbers(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1))
    reservation = subject.reserve(caller, reservation_request())
    subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 0, 0)))

    with pytest.raises(LimitExceeded) as rejected:
        subject.reserve(caller, reservation_request())

    assert rejected.value.code == "limit_exceeded"
    assert rejected.value.extra == {
        "limit": "requestsPerHour",
        "max": 1,
        "used": 1,
        "reserved": 0,
        "resetsAt": "2026-11-23T03:00:00.000Z",
    }
    assert rejected.value.retry_after == (1_795_402_800_000 - clock.ms) // 1000


def test_limit_held_by_calls_in_flight_is_retried_in_a_second(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))
    subject.reserve(caller, reservation_request(tokens=800))

    with pytest.raises(LimitInFlight) as rejected:
        subject.reserve(caller, reservation_request(tokens=800))

    assert rejected.value.extra["used"] == 0
    assert rejected.value.extra["reserved"] == 800
    assert rejected.value.retry_after == 1


def test_request_larger_than_the_limit_is_limit_exceeded(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))

    with pytest.raises(LimitExceeded) as rejected:
        subject.reserve(caller, reservation_request(tokens=1001))

    assert rejected.value.code == "limit_exceeded"
    assert "1001" in rejected.value.detail


def test_model_without_a_price_is_rejected_under_a_dollar_limit(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(cost_micros=1_000_000))

    with pytest.raises(PriceUnknown):
        subject.reserve(caller, reservation_request(price_known=False))

    subject.change(caller, lambda _: limits())
    assert subject.reserve(caller, reservation_request(price_known=False)).amounts == Amounts(1, 0, 0)


def test_calls_in_flight_are_bounded(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock, 10), caller_of(tenant)
    subject.change(caller, lambda _: limits())
    for _ in range(10):
        subject.reserve(caller, reservation_request())

    with pytest.raises(LimitInFlight) as rejected:
        subject.reserve(caller, reservation_request())

    assert rejected.value.extra["limit"] == "callsInFlight"


def test_lowered_or_raised_limit_binds_on_the_next_call(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=5))
    for _ in range(3):
        subject.reserve(caller, reservation_request())

    subject.change(caller, lambda _: limits(requests=2))
    with pytest.raises(LimitExceeded):
        subject.reserve(caller, reservation_request())

    subject.change(caller, lambda _: limits(requests=4))
    subject.reserve(caller, reservation_request())
    assert subject.state(caller).remaining[Limit.REQUESTS_PER_HOUR] == 0


@pytest.mark.parametrize("blocked", [limits(requests=0), limits(tokens=0), limits(cost_micros=0)])
def test_limit_of_zero_blocks_every_request(clock: MovedClock, tenant: str, blocked: LimitSettings) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: blocked)

    with pytest.raises(LimitExceeded, match="is 0, which blocks every request"):
        subject.reserve(caller, reservation_request(tokens=10, cost_micros=0))
    assert not subject.state(caller).in_flight


def test_ended_window_is_reset_and_the_others_continue(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1, tokens=1000, time_zone="UTC"))
    subject.reserve(caller, reservation_request(tokens=300))
    clock.ms += HOUR_MS

    subject.reserve(caller, reservation_request(tokens=300))

    state = subject.state(caller)
    assert state.held == (1, 600, 0)


def test_call_of_an_ended_window_uses_nothing_of_the_next(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=2, tokens=1000, time_zone="UTC"))
    before = subject.reserve(caller, reservation_request(tokens=300))
    clock.ms += 24 * HOUR_MS
    subject.reserve(caller, reservation_request(tokens=100))

    assert subject.settle(tenant, Settlement(reservation=before, used=Amounts(1, 250, 5))) is not None

    state = subject.state(caller)
    assert [state.used(limit) for limit in Limit] == [0, 0, 5]
    assert state.held[:2] == (1, 100)
    assert len(state.in_flight) == 1


def test_next_attempt_is_reserved_and_the_last_settled_in_one_write(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1, tokens=1000))
    first = subject.reserve(caller, reservation_request(tokens=800))

    second = subject.reserve(
        caller,
        reservation_request(requests=0, tokens=700),
        settled=Settlement(reservation=first, used=Amounts(1, 300, 0)),
    )

    state = subject.state(caller)
    assert list(state.in_flight) == [second.id]
    assert [state.used(limit) for limit in Limit] == [1, 300, 0]
    assert state.held == (0, 700, 0)


def test_last_attempt_is_still_settled_if_the_next_does_not_fit(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000))
    first = subject.reserve(caller, reservation_request(tokens=800))
    settled = Settlement(reservation=first, used=Amounts(1, 301, 0))

    with pytest.raises(LimitExceeded):
        subject.reserve(caller, reservation_request(requests=0, tokens=700), settled=settled)

    assert list(subject.state(caller).in_flight) == [first.id]
    assert subject.settle(tenant, settled) is not None


def test_request_of_an_unsent_attempt_passes_to_the_next(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(requests=1))
    first = subject.reserve(caller, reservation_request())

    second = subject.reserve(
        caller, reservation_request(), settled=Settlement(reservation=first, used=Amounts(0, 0, 0))
    )

    assert second.amounts.requests == 1
    assert subject.state(caller).held[Limit.REQUESTS_PER_HOUR] == 1


def test_new_time_zone_keeps_the_current_window(clock: MovedClock, tenant: str) -> None:
    subject, caller = service(clock), caller_of(tenant)
    subject.change(caller, lambda _: limits(tokens=1000, time_zone="UTC"))
    subject.reserve(caller, reservation_request(tokens=600))
    before = subject.state(caller).ends

    subject.change(caller, lambda _: limits(tokens=1000, time_zone="Asia/Tokyo"))

    assert subject.state(caller).ends == before
    assert subject.state(caller).held[Limit.TOKENS_PER_DAY] == 600
