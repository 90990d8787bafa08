"""A refusal names what stands in the way, in numbers and in words, and says when to come back.

The clock stands at 2026-11-23 02:13:20 UTC.
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
    ask,
    caller_of,
    limits,
    service,
    set_limits,
    without_levels,
)

HOUR_END, DAY_END, MONTH_END = "2026-11-23T03:00:00.000Z", "2026-11-24T00:00:00.000Z", "2026-12-01T00:00:00.000Z"
TO_HOUR_END_S, TO_DAY_END_S, TO_MONTH_END_S = 2_800, 78_400, 683_200


class Tenant:
    """One tenant's calls."""

    def __init__(self, tenant_id: str, subject: LimitService) -> None:
        self.caller: Caller = caller_of(tenant_id)
        self.subject = subject

    def limit(self, settings: LimitSettings) -> None:
        set_limits(self.subject, self.caller.tenant_id, settings.model_copy(update={"time_zone": "UTC"}))

    def hold(self, *, tokens: int = 0, cost_micros: int = 0) -> Reservation:
        return self.subject.reserve(self.caller, ask(tokens=tokens, cost_micros=cost_micros))

    def use(self, *, tokens: int = 0, cost_micros: int = 0) -> None:
        """A call that used all that it reserved."""
        held = self.hold(tokens=tokens, cost_micros=cost_micros)
        self.subject.settle(self.caller.tenant_id, Settlement(reservation=held, used=held.amounts))

    def refusal(self, asked: ReservationRequest, settled: Settlement | None = None) -> NexusError:
        """What both ways of asking say: for a reservation, and whether one would be given."""
        with pytest.raises(NexusError) as required:
            self.subject.require(self.caller, asked, settled=settled)
        with pytest.raises(NexusError) as reserved:
            self.subject.reserve(self.caller, asked, settled=settled)
        assert vars(required.value) == vars(reserved.value)
        assert type(required.value) is type(reserved.value)
        return reserved.value


@pytest.fixture
def company(embedded_aws: Aws, tenant: str) -> Tenant:
    return Tenant(tenant, service(MovedClock(), seats=3))


def test_used_up_tokens_are_told_with_the_end_of_the_day(company: Tenant) -> None:
    company.limit(limits(requests=100, tokens=1_000))
    company.use(tokens=700)
    company.hold(tokens=200)

    refused = company.refusal(ask(tokens=301))

    assert refused.code == "limit_exceeded"
    assert refused.extra == {
        "limit": "tokensPerDay",
        "max": 1_000,
        "used": 700,
        "reserved": 200,
        "resetsAt": DAY_END,
    }
    assert refused.retry_after == TO_DAY_END_S
    assert refused.detail == f"The limit tokensPerDay is used up. Try again after {DAY_END}."


def test_used_up_money_is_told_in_dollars_with_the_end_of_the_month(company: Tenant) -> None:
    company.limit(limits(cost_micros=2_500_000))
    company.use(cost_micros=2_000_000)
    company.hold(cost_micros=250_000)

    refused = company.refusal(ask(cost_micros=500_001))

    assert refused.extra == {
        "limit": "costPerMonthUsd",
        "max": Decimal("2.5"),
        "used": Decimal(2),
        "reserved": Decimal("0.25"),
        "resetsAt": MONTH_END,
    }
    assert refused.code == "limit_exceeded"
    assert refused.retry_after == TO_MONTH_END_S
    assert refused.detail == f"The limit costPerMonthUsd is used up. Try again after {MONTH_END}."


def test_what_fits_to_the_last_unit_is_not_refused(company: Tenant) -> None:
    company.limit(limits(requests=2, tokens=1_000, cost_micros=500))
    company.use(tokens=600, cost_micros=100)
    exact = ask(tokens=400, cost_micros=400)

    company.subject.require(company.caller, exact)
    assert company.subject.reserve(company.caller, exact).amounts == Amounts(1, 400, 400)


def test_what_the_limit_would_hold_after_the_calls_in_flight_is_worth_a_second(company: Tenant) -> None:
    company.limit(limits(tokens=1_000))
    company.use(tokens=400)
    company.hold(tokens=300)

    refused = company.refusal(ask(tokens=600))

    assert refused.code == "limit_in_flight"
    assert refused.retry_after == 1
    assert refused.extra == {"limit": "tokensPerDay", "max": 1_000, "used": 400, "reserved": 300, "resetsAt": DAY_END}
    assert company.refusal(ask(tokens=601)).code == "limit_exceeded"


def test_a_request_that_no_window_could_hold_is_told_its_size(company: Tenant) -> None:
    company.limit(limits(tokens=1_000, cost_micros=1_500_000))

    assert company.refusal(ask(tokens=1_001)).detail == (
        "This request may use up to 1001, but the limit tokensPerDay is 1000. Shorten the text or lower maxTokens."
    )
    assert (
        "may use up to 1.75, but the limit costPerMonthUsd is 1.5."
        in company.refusal(ask(cost_micros=1_750_000)).detail
    )


def test_a_request_as_large_as_the_limit_is_not_too_large_but_late(company: Tenant) -> None:
    company.limit(limits(tokens=1_000))
    company.use(tokens=1)

    assert company.refusal(ask(tokens=1_000)).detail == f"The limit tokensPerDay is used up. Try again after {DAY_END}."


def test_where_there_are_no_seats_at_all_every_call_is_refused_for_now(embedded_aws: Aws, tenant: str) -> None:
    refused = Tenant(tenant, service(MovedClock(), seats=0)).refusal(ask())

    assert (refused.code, refused.extra["reserved"]) == ("limit_in_flight", 0)
    assert refused.extra["resetsAt"] == "2026-11-23T02:13:20.000Z"


def test_zero_blocks_and_says_so(company: Tenant) -> None:
    company.limit(limits(tokens=0))

    assert company.refusal(ask(requests=0, tokens=0)).detail == (
        "The limit tokensPerDay is 0, which blocks every request. Ask an administrator to raise it."
    )


def test_of_several_limits_the_one_that_keeps_the_caller_waiting_longest_is_named(company: Tenant) -> None:
    company.limit(limits(requests=1, tokens=100, cost_micros=100))
    company.use(tokens=100)
    assert company.refusal(ask(tokens=1)).extra["limit"] == "tokensPerDay"
    company.limit(limits(requests=1, tokens=100, cost_micros=1))
    assert company.refusal(ask(tokens=1, cost_micros=2)).extra["limit"] == "costPerMonthUsd"
    company.limit(limits(requests=1))
    refused = company.refusal(ask())
    assert refused.extra["limit"] == "requestsPerHour"
    assert refused.extra["resetsAt"] == HOUR_END
    assert refused.code == "limit_exceeded"
    assert refused.retry_after == TO_HOUR_END_S


def test_of_several_limits_that_calls_in_flight_hold_the_longest_is_named(company: Tenant) -> None:
    company.limit(limits(requests=1, tokens=100))
    company.hold(tokens=100)

    refused = company.refusal(ask(tokens=100))

    assert refused.code == "limit_in_flight"
    assert refused.extra["limit"] == "tokensPerDay"


def test_a_limit_that_is_used_up_is_named_before_one_that_is_held(company: Tenant) -> None:
    company.limit(limits(requests=2, tokens=1_000))
    company.use(tokens=1)
    company.use(tokens=1)
    company.limit(limits(requests=3, tokens=1_000))
    company.hold(tokens=900)

    refused = company.refusal(ask(tokens=500))

    assert refused.code == "limit_in_flight", "the request still fits once the call in flight has ended"
    company.limit(limits(requests=2, tokens=1_000))
    assert company.refusal(ask(tokens=500)).extra["limit"] == "requestsPerHour"


def test_where_all_seats_are_taken_the_first_deadline_is_told(company: Tenant) -> None:
    company.limit(limits())
    for seconds in (40, 30, 50):
        deadline_ms = 1_795_400_000_000 + seconds * 1_000
        company.subject.reserve(company.caller, ask().model_copy(update={"deadline_ms": deadline_ms}))

    refused = company.refusal(ask())

    assert refused.code == "limit_in_flight"
    assert refused.retry_after == 1
    assert refused.detail == "Too many concurrent requests. Try again in a few seconds."
    assert refused.extra == {
        "limit": "callsInFlight",
        "max": 3,
        "used": 0,
        "reserved": 3,
        "resetsAt": "2026-11-23T02:13:50.000Z",
    }


def test_an_attempt_that_moves_on_needs_no_seat_of_its_own(company: Tenant) -> None:
    company.limit(limits())
    first, *_ = [company.hold() for _ in range(3)]
    moves_on = Settlement(reservation=first, used=Amounts(0, 0, 0))

    company.subject.require(company.caller, ask(), settled=moves_on)
    company.subject.reserve(company.caller, ask(), settled=moves_on)

    assert isinstance(company.refusal(ask(), moves_on), LimitInFlight), (
        "the one before has ended: it has no seat to give"
    )


def test_an_attempt_that_moves_on_after_its_hour_has_ended_settles_the_one_before_it(
    embedded_aws: Aws, tenant: str
) -> None:
    clock = MovedClock()
    company = Tenant(tenant, service(clock, seats=1))
    company.limit(limits(requests=1, tokens=1_000))
    first = company.hold(tokens=800)
    clock.ms += 3_600_000
    asked = ask(tokens=700)

    second = company.subject.reserve(
        company.caller, asked, settled=Settlement(reservation=first, used=Amounts(1, 300, 0))
    )

    state = company.subject.state(company.caller)
    assert second.id == asked.id
    assert dict(state.in_flight) == {second.id: without_levels(second)}
    assert [state.used(limit) for limit in Limit] == [0, 300, 0]
    assert state.held == (1, 700, 0)
    assert company.subject.settle(tenant, Settlement(reservation=first, used=Amounts(1, 300, 0))) is None


def test_what_the_attempt_before_used_counts_where_it_is_still_open(company: Tenant) -> None:
    company.limit(limits(tokens=1_000))
    first = company.hold(tokens=800)
    used = Settlement(reservation=first, used=Amounts(1, 500, 0))

    refused = company.refusal(ask(requests=0, tokens=501), used)
    assert refused.code == "limit_exceeded"
    company.subject.require(company.caller, ask(requests=0, tokens=500), settled=used)
    company.subject.settle(company.caller.tenant_id, used)
    # Settled by another (the sweep), it is counted once and not twice.
    company.subject.require(company.caller, ask(requests=0, tokens=500), settled=used)
    assert company.refusal(ask(requests=0, tokens=501), used).code == "limit_exceeded"


def test_a_model_without_a_price_is_named_while_a_dollar_limit_is_set(company: Tenant) -> None:
    company.limit(limits(cost_micros=1_000_000))

    refused = company.refusal(ask(price_known=False))

    assert isinstance(refused, PriceUnknown)
    assert refused.detail == (
        "The price of the model 'gpt-6-luna' of openai is unknown, so the dollar limit cannot be enforced. "
        "Use a model with a known price, or enter its price in the preferences."
    )


def test_a_tenant_that_never_called_has_the_deployments_limits(embedded_aws: Aws, tenant: str) -> None:
    settings = get_settings().model_copy(
        update={
            "default_requests_per_hour": 7,
            "default_tokens_per_day": 70,
            "default_cost_per_month_usd": Decimal("0.7"),
            "default_time_zone": "Asia/Tokyo",
        }
    )
    store = LimitStore(tables.rate_limits(), max_in_flight=3)
    clock = MovedClock()
    of_seven, unlimited = (
        LimitService(store, clock, each)
        for each in (settings, settings.model_copy(update={"default_cost_per_month_usd": None}))
    )

    state = of_seven.state(caller_of(tenant))
    assert state.settings == limits(7, 70, 700_000, "Asia/Tokyo")
    assert (state.remaining, state.held, dict(state.in_flight)) == ((7, 70, 700_000), (0, 0, 0), {})
    assert unlimited.state(caller_of(tenant)).settings == limits(7, 70, None, "Asia/Tokyo")

    of_seven.reserve(caller_of(tenant), ask(tokens=10, cost_micros=5))
    state = unlimited.state(caller_of(tenant))
    assert state.settings == limits(7, 70, 700_000, "Asia/Tokyo"), "the first call wrote them down"
    assert (state.remaining, state.held) == ((6, 60, 699_995), (1, 10, 5))


def test_the_first_change_of_a_tenant_begins_with_the_deployments_limits(embedded_aws: Aws, tenant: str) -> None:
    subject = service(MovedClock())

    subject.change(caller_of(tenant), lambda stands: stands.model_copy(update={"requests_per_hour": 7}))

    state = subject.state(caller_of(tenant))
    assert state.settings == limits(7, 50_000, 100_000_000)
    # The hour, the day and the month that run in São Paulo, where it is 23:13 of the day before.
    assert state.ends == (1_795_402_800, 1_795_402_800, 1_796_094_000)


def test_a_limit_that_is_over_in_a_moment_asks_back_in_a_second(embedded_aws: Aws, tenant: str) -> None:
    subject = service(MovedClock(1_795_402_799_999))
    set_limits(subject, tenant, limits(requests=0, time_zone="UTC"))

    with pytest.raises(LimitExceeded) as refused:
        subject.reserve(caller_of(tenant), ask())

    assert refused.value.retry_after == 1


def test_an_attempt_before_of_a_window_that_has_rolled_uses_nothing_of_the_new_one(
    embedded_aws: Aws, tenant: str
) -> None:
    clock = MovedClock()
    company = Tenant(tenant, service(clock, seats=3))
    company.limit(limits(tokens=1_000))
    first = company.hold(tokens=800)
    clock.ms += 24 * 3_600_000
    company.hold(tokens=300)
    used = Settlement(reservation=first, used=Amounts(1, 800, 0))

    # 700 remain of the new day, and 1,000 once the call in flight has ended.
    assert company.refusal(ask(requests=0, tokens=701), used).code == "limit_in_flight"
    company.subject.require(company.caller, ask(requests=0, tokens=700), settled=used)


def test_a_clock_within_a_second_counts_it_as_begun(embedded_aws: Aws, tenant: str) -> None:
    # The hour ends at 03:00:00; a millisecond before, the window still runs.
    clock = MovedClock(1_795_402_799_999)
    subject = service(clock)
    set_limits(subject, tenant, limits(requests=1, time_zone="UTC"))
    subject.reserve(caller_of(tenant), ask())
    with pytest.raises(LimitInFlight):
        subject.reserve(caller_of(tenant), ask())
    assert subject.state(caller_of(tenant)).held[0] == 1

    clock.ms += 1

    assert subject.state(caller_of(tenant)).held[0] == 0
    subject.require(caller_of(tenant), ask())
    subject.reserve(caller_of(tenant), ask())
