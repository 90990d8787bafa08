"""Test rejections: they name the limit with its numbers, and say when to retry.

The clock is stopped at 2026-11-23 02:13:20 UTC.
"""

from decimal import Decimal

import pytest

from local.aws import Aws
from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.models import Amounts, Limit, LimitSettings, Reservation, ReservationRequest, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, NexusError, PriceUnknown
from nexus_ai.platform.settings import get_settings
from tests.integration.support.limit_calls import (
    MovedClock,
    caller_of,
    limits,
    reservation_request,
    service,
    set_limits,
    without_levels,
)

HOUR_END, DAY_END, MONTH_END = "2026-11-23T03:00:00.000Z", "2026-11-24T00:00:00.000Z", "2026-12-01T00:00:00.000Z"
TO_HOUR_END_S, TO_DAY_END_S, TO_MONTH_END_S = 2_800, 78_400, 683_200


class Tenant:
    """Calls of one tenant."""

    def __init__(self, tenant_id: str, subject: LimitService) -> None:
        self.caller: Caller = caller_of(tenant_id)
        self.subject = subject

    def set_limits(self, settings: LimitSettings) -> None:
        set_limits(self.subject, self.caller.tenant_id, settings.model_copy(update={"time_zone": "UTC"}))

    def hold(self, *, tokens: int = 0, cost_micros: int = 0) -> Reservation:
        return self.subject.reserve(self.caller, reservation_request(tokens=tokens, cost_micros=cost_micros))

    def use(self, *, tokens: int = 0, cost_micros: int = 0) -> None:
        """Make a call that uses all of its reservation."""
        held = self.hold(tokens=tokens, cost_micros=cost_micros)
        self.subject.settle(self.caller.tenant_id, Settlement(reservation=held, used=held.amounts))

    def rejection(self, wanted: ReservationRequest, settled: Settlement | None = None) -> NexusError:
        """Return the error of a reservation, which must equal that of a check without a reservation."""
        with pytest.raises(NexusError) as required:
            self.subject.require(self.caller, wanted, settled=settled)
        with pytest.raises(NexusError) as reserved:
            self.subject.reserve(self.caller, wanted, settled=settled)
        assert vars(required.value) == vars(reserved.value)
        assert type(required.value) is type(reserved.value)
        return reserved.value


@pytest.fixture
def client(embedded_aws: Aws, tenant: str) -> Tenant:
    return Tenant(tenant, service(MovedClock(), 3))


def test_used_up_tokens_are_named_with_the_end_of_the_day(client: Tenant) -> None:
    client.set_limits(limits(requests=100, tokens=1_000))
    client.use(tokens=700)
    client.hold(tokens=200)

    rejected = client.rejection(reservation_request(tokens=301))

    assert rejected.code == "limit_exceeded"
    assert rejected.extra == {
        "limit": "tokensPerDay",
        "max": 1_000,
        "used": 700,
        "reserved": 200,
        "resetsAt": DAY_END,
    }
    assert rejected.retry_after == TO_DAY_END_S
    assert rejected.detail == f"tokensPerDay is used up until {DAY_END}."


def test_used_up_money_is_named_with_the_end_of_the_month(client: Tenant) -> None:
    client.set_limits(limits(cost_micros=2_500_000))
    client.use(cost_micros=2_000_000)
    client.hold(cost_micros=250_000)

    rejected = client.rejection(reservation_request(cost_micros=500_001))

    assert rejected.extra == {
        "limit": "costPerMonthUsd",
        "max": Decimal("2.5"),
        "used": Decimal(2),
        "reserved": Decimal("0.25"),
        "resetsAt": MONTH_END,
    }
    assert rejected.code == "limit_exceeded"
    assert rejected.retry_after == TO_MONTH_END_S
    assert rejected.detail == f"costPerMonthUsd is used up until {MONTH_END}."


def test_request_that_fits_exactly_is_granted(client: Tenant) -> None:
    client.set_limits(limits(requests=2, tokens=1_000, cost_micros=500))
    client.use(tokens=600, cost_micros=100)
    exact = reservation_request(tokens=400, cost_micros=400)

    client.subject.require(client.caller, exact)
    assert client.subject.reserve(client.caller, exact).amounts == Amounts(1, 400, 400)


def test_request_that_fits_after_calls_in_flight_is_retried(client: Tenant) -> None:
    client.set_limits(limits(tokens=1_000))
    client.use(tokens=400)
    client.hold(tokens=300)

    rejected = client.rejection(reservation_request(tokens=600))

    assert rejected.code == "limit_in_flight"
    assert rejected.retry_after == 1
    assert rejected.extra == {"limit": "tokensPerDay", "max": 1_000, "used": 400, "reserved": 300, "resetsAt": DAY_END}
    assert client.rejection(reservation_request(tokens=601)).code == "limit_exceeded"


def test_request_larger_than_any_window_is_rejected_with_its_size(client: Tenant) -> None:
    client.set_limits(limits(tokens=1_000, cost_micros=1_500_000))

    assert client.rejection(reservation_request(tokens=1_001)).detail == (
        "This request needs up to 1001, and tokensPerDay allows 1000 in all: "
        "a shorter text or a lower maxTokens needs less."
    )
    assert (
        "needs up to 1.75, and costPerMonthUsd allows 1.5 in all"
        in client.rejection(reservation_request(cost_micros=1_750_000)).detail
    )


def test_request_as_large_as_the_limit_waits_for_the_next_window(client: Tenant) -> None:
    client.set_limits(limits(tokens=1_000))
    client.use(tokens=1)

    assert client.rejection(reservation_request(tokens=1_000)).detail == f"tokensPerDay is used up until {DAY_END}."


def test_zero_calls_in_flight_reject_every_call(embedded_aws: Aws, tenant: str) -> None:
    rejected = Tenant(tenant, service(MovedClock(), 0)).rejection(reservation_request())

    assert (rejected.code, rejected.extra["reserved"]) == ("limit_in_flight", 0)
    assert rejected.extra["resetsAt"] == "2026-11-23T02:13:20.000Z"


def test_rejection_says_that_zero_blocks(client: Tenant) -> None:
    client.set_limits(limits(tokens=0))

    assert client.rejection(reservation_request(requests=0, tokens=0)).detail == (
        "tokensPerDay is 0, which blocks every call until an administrator raises it."
    )


def test_rejection_names_the_limit_with_the_longest_wait(client: Tenant) -> None:
    client.set_limits(limits(requests=1, tokens=100, cost_micros=100))
    client.use(tokens=100)
    assert client.rejection(reservation_request(tokens=1)).extra["limit"] == "tokensPerDay"
    client.set_limits(limits(requests=1, tokens=100, cost_micros=1))
    assert client.rejection(reservation_request(tokens=1, cost_micros=2)).extra["limit"] == "costPerMonthUsd"
    client.set_limits(limits(requests=1))
    rejected = client.rejection(reservation_request())
    assert rejected.extra["limit"] == "requestsPerHour"
    assert rejected.extra["resetsAt"] == HOUR_END
    assert rejected.code == "limit_exceeded"
    assert rejected.retry_after == TO_HOUR_END_S


def test_rejection_names_the_longest_window_held_in_flight(client: Tenant) -> None:
    client.set_limits(limits(requests=1, tokens=100))
    client.hold(tokens=100)

    rejected = client.rejection(reservation_request(tokens=100))

    assert rejected.code == "limit_in_flight"
    assert rejected.extra["limit"] == "tokensPerDay"


def test_used_up_limit_is_named_before_a_held_one(client: Tenant) -> None:
    client.set_limits(limits(requests=2, tokens=1_000))
    client.use(tokens=1)
    client.use(tokens=1)
    client.set_limits(limits(requests=3, tokens=1_000))
    client.hold(tokens=900)

    rejected = client.rejection(reservation_request(tokens=500))

    assert rejected.code == "limit_in_flight", "the request still fits once the call in flight has ended"
    client.set_limits(limits(requests=2, tokens=1_000))
    assert client.rejection(reservation_request(tokens=500)).extra["limit"] == "requestsPerHour"


def test_too_many_calls_in_flight_name_the_first_deadline(client: Tenant) -> None:
    client.set_limits(limits())
    for seconds in (40, 30, 50):
        deadline_ms = 1_795_400_000_000 + seconds * 1_000
        client.subject.reserve(client.caller, reservation_request().model_copy(update={"deadline_ms": deadline_ms}))

    rejected = client.rejection(reservation_request())

    assert rejected.code == "limit_in_flight"
    assert rejected.retry_after == 1
    assert rejected.detail == "As many calls of your company as are allowed at once are in flight."
    assert rejected.extra == {
        "limit": "callsInFlight",
        "max": 3,
        "used": 0,
        "reserved": 3,
        "resetsAt": "2026-11-23T02:13:50.000Z",
    }


def test_next_attempt_of_a_call_is_not_counted_in_flight_twice(client: Tenant) -> None:
    client.set_limits(limits())
    first, *_ = [client.hold() for _ in range(3)]
    moves_on = Settlement(reservation=first, used=Amounts(0, 0, 0))

    client.subject.require(client.caller, reservation_request(), settled=moves_on)
    client.subject.reserve(client.caller, reservation_request(), settled=moves_on)

    assert isinstance(client.rejection(reservation_request(), moves_on), LimitInFlight), (
        "the last attempt has ended, so it is no longer in flight"
    )


def test_next_attempt_settles_the_last_one_of_an_ended_hour(embedded_aws: Aws, tenant: str) -> None:
    clock = MovedClock()
    client = Tenant(tenant, service(clock, 1))
    client.set_limits(limits(requests=1, tokens=1_000))
    first = client.hold(tokens=800)
    clock.ms += 3_600_000
    wanted = reservation_request(tokens=700)

    second = client.subject.reserve(
        client.caller, wanted, settled=Settlement(reservation=first, used=Amounts(1, 300, 0))
    )

    state = client.subject.state(client.caller)
    assert second.id == wanted.id
    assert dict(state.in_flight) == {second.id: without_levels(second)}
    assert [state.used(limit) for limit in Limit] == [0, 300, 0]
    assert state.held == (1, 700, 0)
    assert client.subject.settle(tenant, Settlement(reservation=first, used=Amounts(1, 300, 0))) is None


def test_use_of_the_last_attempt_counts_once(client: Tenant) -> None:
    client.set_limits(limits(tokens=1_000))
    first = client.hold(tokens=800)
    used = Settlement(reservation=first, used=Amounts(1, 500, 0))

    rejected = client.rejection(reservation_request(requests=0, tokens=501), used)
    assert rejected.code == "limit_exceeded"
    client.subject.require(client.caller, reservation_request(requests=0, tokens=500), settled=used)
    client.subject.settle(client.caller.tenant_id, used)
    # If the sweep has settled it, it is still counted once.
    client.subject.require(client.caller, reservation_request(requests=0, tokens=500), settled=used)
    assert client.rejection(reservation_request(requests=0, tokens=501), used).code == "limit_exceeded"


def test_rejection_names_the_model_without_a_price(client: Tenant) -> None:
    client.set_limits(limits(cost_micros=1_000_000))

    rejected = client.rejection(reservation_request(price_known=False))

    assert isinstance(rejected, PriceUnknown)
    assert rejected.detail == (
        "No price is known for the model 'gpt-6-luna' of openai. While a dollar limit is set, "
        "use a model with a price or enter its price in the preferences."
    )


def test_new_tenant_has_default_limits(embedded_aws: Aws, tenant: str) -> None:
    settings = get_settings().model_copy(
        update={
            "default_requests_per_hour": 7,
            "default_tokens_per_day": 70,
            "default_cost_per_month_usd": Decimal("0.7"),
            "default_time_zone": "Asia/Tokyo",
        }
    )
    store = LimitStore(tables.rate_limits(), 3)
    clock = MovedClock()
    limited, unlimited = (
        LimitService(store, clock, each)
        for each in (settings, settings.model_copy(update={"default_cost_per_month_usd": None}))
    )

    state = limited.state(caller_of(tenant))
    assert state.settings == limits(7, 70, 700_000, "Asia/Tokyo")
    assert (state.remaining, state.held, dict(state.in_flight)) == ((7, 70, 700_000), (0, 0, 0), {})
    assert unlimited.state(caller_of(tenant)).settings == limits(7, 70, None, "Asia/Tokyo")

    limited.reserve(caller_of(tenant), reservation_request(tokens=10, cost_micros=5))
    state = unlimited.state(caller_of(tenant))
    assert state.settings == limits(7, 70, 700_000, "Asia/Tokyo"), "the first call stored them"
    assert (state.remaining, state.held) == ((6, 60, 699_995), (1, 10, 5))


def test_first_change_of_limits_begins_with_the_defaults(embedded_aws: Aws, tenant: str) -> None:
    subject = service(MovedClock())

    subject.change(caller_of(tenant), lambda current: current.model_copy(update={"requests_per_hour": 7}))

    state = subject.state(caller_of(tenant))
    assert state.settings == limits(7, 50_000, 100_000_000)
    # The current hour, day and month in São Paulo, whose local time is 23:13 of the day before.
    assert state.ends == (1_795_402_800, 1_795_402_800, 1_796_094_000)


def test_retry_after_is_at_least_a_second(embedded_aws: Aws, tenant: str) -> None:
    subject = service(MovedClock(1_795_402_799_999))
    set_limits(subject, tenant, limits(requests=0, time_zone="UTC"))

    with pytest.raises(LimitExceeded) as rejected:
        subject.reserve(caller_of(tenant), reservation_request())

    assert rejected.value.retry_after == 1


def test_last_attempt_of_an_ended_window_uses_nothing_of_the_new(embedded_aws: Aws, tenant: str) -> None:
    clock = MovedClock()
    client = Tenant(tenant, service(clock, 3))
    client.set_limits(limits(tokens=1_000))
    first = client.hold(tokens=800)
    clock.ms += 24 * 3_600_000
    client.hold(tokens=300)
    used = Settlement(reservation=first, used=Amounts(1, 800, 0))

    # 700 remain of the new day, and 1,000 once the call in flight has ended.
    assert client.rejection(reservation_request(requests=0, tokens=701), used).code == "limit_in_flight"
    client.subject.require(client.caller, reservation_request(requests=0, tokens=700), settled=used)


def test_window_ends_at_its_exact_millisecond(embedded_aws: Aws, tenant: str) -> None:
    # The hour ends at 03:00:00; a millisecond before, the window still runs.
    clock = MovedClock(1_795_402_799_999)
    subject = service(clock)
    set_limits(subject, tenant, limits(requests=1, time_zone="UTC"))
    subject.reserve(caller_of(tenant), reservation_request())
    with pytest.raises(LimitInFlight):
        subject.reserve(caller_of(tenant), reservation_request())
    assert subject.state(caller_of(tenant)).held[0] == 1

    clock.ms += 1

    assert subject.state(caller_of(tenant)).held[0] == 0
    subject.require(caller_of(tenant), reservation_request())
    subject.reserve(caller_of(tenant), reservation_request())
