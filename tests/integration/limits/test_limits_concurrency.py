"""Test limits under concurrent callers on both engines: exactly the calls that fit are granted.

Tests of a limit allow more calls in flight than there are callers. Otherwise the bound of calls in flight would reject
calls, and hide a limit that grants too many.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Condition
from time import sleep, time
from uuid import uuid4

import pytest

from local.environment import environment
from nexus_ai.aws import clients
from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.models import NOTHING, Amounts, Limit, Reservation, ReservationRequest, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight
from tests.integration.support.limit_calls import (
    MovedClock,
    caller_of,
    limits,
    reservation_request,
    service,
    set_limits,
)

MAX_IN_FLIGHT = 300
HOUR_MS = 3_600_000
# The first moment of an hour, a day and a month in UTC: 2026-12-01T00:00:00Z.
EDGE_MS = 1_796_083_200_000
DOLLAR = 1_000_000
# Nothing here takes seconds, so a caller that waits this long would never end.
STUCK_S = 120
# DynamoDB Local deletes expired items every ten seconds.
TWO_DELETION_ROUNDS_S = 25

SLOW = pytest.mark.slow
BOTH_ENGINES = pytest.mark.parametrize(
    "engine", ["embedded", pytest.param("DynamoDB Local", marks=SLOW)], indirect=True
)
# The embedded engine serializes the complete item at every rejection, which is slow with many callers.
SOME_RUNS = pytest.mark.parametrize(
    ("engine", "runs", "callers"),
    [
        ("embedded", 1, 45),
        pytest.param("embedded", 5, 300, marks=SLOW),
        pytest.param("DynamoDB Local", 5, 300, marks=SLOW),
    ],
    indirect=["engine"],
)


def at_once[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make the calls when all threads are ready, and return their results."""
    ready = Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        ready.wait(STUCK_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def outcome(subject: LimitService, tenant: str, wanted: ReservationRequest) -> Reservation | LimitExceeded:
    """Return the reservation or the rejection. LimitInFlight is a temporary LimitExceeded."""
    try:
        return subject.reserve(caller_of(tenant), wanted)
    except LimitExceeded as rejected:
        return rejected


def reserved_at_once(subject: LimitService, tenant: str, wanted: Sequence[ReservationRequest]) -> list[Reservation]:
    """Return the granted reservations. Assert that the numbers of each rejection justify it."""
    granted: list[Reservation] = []
    for result in at_once([partial(outcome, subject, tenant, one) for one in wanted]):
        if isinstance(result, Reservation):
            granted.append(result)
        else:
            numbers = result.extra
            needed = wanted[0].amounts[[limit.public_name for limit in Limit].index(numbers["limit"])]
            scale = DOLLAR if numbers["limit"] == "costPerMonthUsd" else 1
            assert (numbers["used"] + numbers["reserved"]) * scale + needed > numbers["max"] * scale
    return granted


@SLOW
def test_second_engine_has_its_own_data(on_dynamodb_local: None, tenant: str) -> None:
    set_limits(service(MovedClock()), tenant, limits(requests=7))
    store = LimitStore(tables.rate_limits(), MAX_IN_FLIGHT)
    assert store.load(tenant)

    with environment({"AWS_ENDPOINT_URL_DYNAMODB": None}):
        clients.dynamodb.cache_clear()
        assert store.load(tenant) is None


@SLOW
def test_second_engine_keeps_expired_items(on_dynamodb_local: None, tenant: str) -> None:
    # The engine only deletes items of the index, so this item is in it.
    expired = {"PK": tenant, "SK": "limits", "expiresAt": int(time()) - 3600, "dueShard": "due#0", "dueAt": 1}
    tables.rate_limits().put(expired)
    sleep(TWO_DELETION_ROUNDS_S)

    assert tables.rate_limits().get({"PK": tenant, "SK": "limits"}) == expired


@pytest.mark.parametrize(
    ("engine", "runs"),
    [
        pytest.param("embedded", 20, marks=SLOW),
        pytest.param("DynamoDB Local", 20, marks=SLOW),
    ],
    indirect=["engine"],
)
def test_limit_of_100_requests_grants_100_of_300_concurrent_calls(engine: str, runs: int) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    for _ in range(runs):
        tenant = fresh_tenant()
        set_limits(subject, tenant, limits(requests=100))

        granted = reserved_at_once(subject, tenant, [reservation_request() for _ in range(300)])

        state = subject.state(caller_of(tenant))
        assert len(granted) == 100
        assert set(state.in_flight) == {reservation.id for reservation in granted}
        assert (state.remaining[Limit.REQUESTS_PER_HOUR], state.held[Limit.REQUESTS_PER_HOUR]) == (0, 100)


@SOME_RUNS
def test_concurrent_settlements_stay_counted(engine: str, runs: int, callers: int) -> None:
    """Each call settles immediately, so that settlements run between reservations."""
    subject, most = service(MovedClock(), MAX_IN_FLIGHT), callers // 3
    for _ in range(runs):
        tenant = fresh_tenant()
        set_limits(subject, tenant, limits(requests=most))

        def call(tenant: str = tenant) -> bool:
            result = outcome(subject, tenant, reservation_request())
            if not isinstance(result, Reservation):
                return False
            return subject.settle(tenant, Settlement(reservation=result, used=Amounts(1, 20, 30))) is not None

        assert sum(at_once([call] * callers)) == most

        state = subject.state(caller_of(tenant))
        assert [state.used(limit) for limit in Limit] == [most, 20 * most, 30 * most]
        assert not state.in_flight
        with pytest.raises(LimitExceeded) as rejected:
            subject.reserve(caller_of(tenant), reservation_request())
        assert rejected.value.code == "limit_exceeded"


@BOTH_ENGINES
def test_limit_of_50000_tokens_grants_50_of_100_concurrent_calls(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(tokens=50_000))

    granted = reserved_at_once(subject, tenant, [reservation_request(tokens=1_000) for _ in range(100)])

    assert len(granted) == 50
    assert subject.state(caller_of(tenant)).held == (50, 50_000, 0)


@BOTH_ENGINES
def test_limit_of_100_dollars_grants_33_of_50_concurrent_calls(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(cost_micros=100 * DOLLAR))

    granted = reserved_at_once(subject, tenant, [reservation_request(cost_micros=3 * DOLLAR) for _ in range(50)])

    assert len(granted) == 33
    assert subject.state(caller_of(tenant)).remaining[Limit.COST_PER_MONTH] == DOLLAR


@pytest.mark.parametrize(
    ("engine", "max_in_flight", "callers"),
    [
        ("embedded", 15, 45),
        pytest.param("embedded", 100, 300, marks=SLOW),
        pytest.param("DynamoDB Local", 100, 300, marks=SLOW),
    ],
    indirect=["engine"],
)
def test_concurrent_calls_without_limits_are_bounded_in_flight(
    engine: str, tenant: str, max_in_flight: int, callers: int
) -> None:
    subject = service(MovedClock(), max_in_flight)
    set_limits(subject, tenant, limits())

    results = at_once([partial(outcome, subject, tenant, reservation_request()) for _ in range(callers)])

    rejected = [result for result in results if isinstance(result, LimitInFlight)]
    assert len(rejected) == callers - max_in_flight
    assert {(result.extra["limit"], result.extra["max"]) for result in rejected} == {("callsInFlight", max_in_flight)}
    assert len(subject.state(caller_of(tenant)).in_flight) == max_in_flight


class RetryingCallers:
    """Callers that retry if only calls in flight prevent their reservation.

    A real caller waits a second. These wait for the next settlement, so that the test does not depend on time. If a
    rejection named calls in flight that never end, they would wait until `STUCK_S`.
    """

    def __init__(self, subject: LimitService, tenant: str, wanted: Amounts, used: Amounts) -> None:
        self._subject = subject
        self._tenant = tenant
        self._amounts = wanted
        self._used = used
        self._settled = 0
        self._changed = Condition()

    def call(self, _number: int) -> str:
        while True:
            seen = self._settled
            result = outcome(self._subject, self._tenant, reservation_request(tokens=self._amounts.tokens))
            if isinstance(result, Reservation):
                self._settle(result)
                return "granted"
            if not isinstance(result, LimitInFlight):
                return "rejected"
            with self._changed:
                if not self._changed.wait_for(partial(self._has_settled_since, seen), STUCK_S):
                    return "timed out"

    def _has_settled_since(self, seen: int) -> bool:
        return self._settled > seen

    def _settle(self, reservation: Reservation) -> None:
        settled = Settlement(reservation=reservation, used=self._used)
        assert self._subject.settle(self._tenant, settled) is not None
        with self._changed:
            self._settled += 1
            self._changed.notify_all()


@pytest.mark.parametrize(
    ("engine", "budget", "reserved", "actual"),
    [
        pytest.param("embedded", 2_000, 1_000, 170, marks=SLOW),
        pytest.param("embedded", 20_000, 900, 130, marks=SLOW),
        pytest.param("embedded", 10_000, 1_000, 1_000, marks=SLOW),
        pytest.param("DynamoDB Local", 5_000, 1_000, 170, marks=SLOW),
        pytest.param("DynamoDB Local", 20_000, 900, 130, marks=SLOW),
    ],
    indirect=["engine"],
)
def test_retrying_callers_use_all_that_fits_a_limit(
    engine: str, tenant: str, budget: int, reserved: int, actual: int
) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(tokens=budget))
    callers = RetryingCallers(subject, tenant, Amounts(1, reserved, 0), Amounts(1, actual, 0))

    with ThreadPoolExecutor(50) as pool:
        outcomes = Counter(pool.map(callers.call, range(200)))

    granted = (budget - reserved) // actual + 1
    assert outcomes == {"granted": granted, "rejected": 200 - granted}
    assert subject.state(caller_of(tenant)).used(Limit.TOKENS_PER_DAY) == granted * actual


@BOTH_ENGINES
def test_50_concurrent_settlements_of_one_reservation_count_once(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    reservation = subject.reserve(caller_of(tenant), reservation_request(tokens=900, cost_micros=70))
    settled = Settlement(reservation=reservation, used=Amounts(1, 120, 9))

    results = at_once([lambda: subject.settle(tenant, settled)] * 50)
    assert sum(levels is not None for levels in results) == 1

    state = subject.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [1, 120, 9]
    assert state.held == (0, 0, 0)


@BOTH_ENGINES
def test_50_concurrent_closings_of_one_reservation_count_once(engine: str, tenant: str) -> None:
    """A settlement, a release, a sweep and the next attempt may all close the same reservation."""
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(requests=2, tokens=5_000))
    first = subject.reserve(caller_of(tenant), reservation_request(tokens=900))
    settled = Settlement(reservation=first, used=Amounts(1, 120, 0))

    def reserve_next() -> bool:
        subject.reserve(caller_of(tenant), reservation_request(requests=0, tokens=10), settled=settled)
        return False

    at_once(
        [lambda: subject.settle(tenant, settled)] * 20
        + [lambda: subject.settle(tenant, Settlement(reservation=first, used=first.amounts))] * 10
        + [reserve_next] * 20
    )

    state = subject.state(caller_of(tenant))
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held[Limit.REQUESTS_PER_HOUR]) == (1, 0)
    assert state.used(Limit.TOKENS_PER_DAY) in {120, 900}
    assert (state.held[Limit.TOKENS_PER_DAY], len(state.in_flight)) == (200, 20)


@BOTH_ENGINES
def test_concurrent_fallbacks_are_granted_while_they_fit(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(requests=20, tokens=1_700))
    first = [subject.reserve(caller_of(tenant), reservation_request(tokens=50)) for _ in range(20)]

    def reserve_next(reservation: Reservation) -> bool:
        settled = Settlement(reservation=reservation, used=reservation.amounts)
        try:
            subject.reserve(caller_of(tenant), reservation_request(requests=0, tokens=100), settled=settled)
        except LimitExceeded:
            return False
        return True

    assert sum(at_once([partial(reserve_next, one) for one in first])) == 7

    state = subject.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [7, 350, 0]
    assert state.held == (13, 13 * 50 + 7 * 100, 0)


@BOTH_ENGINES
def test_limit_raised_during_calls_grants_its_last_value(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(requests=5))
    changes = [partial(set_limits, subject, tenant, limits(requests=most)) for most in (10, 15, 20)]
    calls = [partial(outcome, subject, tenant, reservation_request()) for _ in range(36)]

    work: list[Callable[[], object]] = [*calls[:12], *changes[:1], *calls[12:24], *changes[1:], *calls[24:]]
    granted = [result for result in at_once(work) if isinstance(result, Reservation)]
    set_limits(subject, tenant, limits(requests=20))
    granted += reserved_at_once(subject, tenant, [reservation_request() for _ in range(24)])

    assert len(granted) == 20
    assert subject.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 20


@BOTH_ENGINES
def test_limit_changed_during_calls_loses_no_request(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(requests=20))
    changes = [
        partial(set_limits, subject, tenant, limits(requests=most, time_zone="UTC")) for most in (10, None, 0, 15, 5)
    ]
    calls = [partial(outcome, subject, tenant, reservation_request()) for _ in range(40)]

    work: list[Callable[[], object]] = [*calls[:20], *changes, *calls[20:]]
    granted = sum(isinstance(result, Reservation) for result in at_once(work))

    set_limits(subject, tenant, limits(requests=20))
    state = subject.state(caller_of(tenant))
    assert state.held[Limit.REQUESTS_PER_HOUR] == granted == len(state.in_flight)
    assert state.remaining[Limit.REQUESTS_PER_HOUR] == 20 - granted


@SOME_RUNS
def test_concurrent_calls_after_a_window_ended_get_exactly_the_limit(engine: str, runs: int, callers: int) -> None:
    most = callers // 3
    for _ in range(runs):
        tenant, clock = fresh_tenant(), MovedClock(EDGE_MS - 1)
        subject = service(clock, MAX_IN_FLIGHT)
        set_limits(subject, tenant, limits(requests=most, tokens=90 * most, time_zone="UTC"))
        before = [subject.reserve(caller_of(tenant), reservation_request(tokens=90)) for _ in range(5)]
        clock.ms = EDGE_MS

        granted = reserved_at_once(subject, tenant, [reservation_request(tokens=90) for _ in range(callers)])
        for reservation in before:
            subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 90, 0)))

        state = subject.state(caller_of(tenant))
        assert len(granted) == most
        assert state.held == (most, 90 * most, 0)
        assert [state.used(limit) for limit in Limit] == [0, 0, 0]
        assert state.ends[:2] == (EDGE_MS // 1000 + 3_600, EDGE_MS // 1000 + 24 * 3_600)


@BOTH_ENGINES
def test_callers_with_slow_clocks_use_the_new_window(engine: str, tenant: str) -> None:
    ahead, behind = service(MovedClock(EDGE_MS), MAX_IN_FLIGHT), service(MovedClock(EDGE_MS - 1_000), MAX_IN_FLIGHT)
    set_limits(behind, tenant, limits(requests=15, time_zone="UTC"))
    used_up = [behind.reserve(caller_of(tenant), reservation_request()) for _ in range(15)]

    results = at_once(
        [partial(outcome, subject, tenant, reservation_request()) for _ in range(20) for subject in (ahead, behind)]
    )

    granted = [result for result in results if isinstance(result, Reservation)]
    assert len(granted) == 15
    assert {reservation.ends[0] for reservation in granted} == {EDGE_MS // 1000 + HOUR_MS // 1000}
    assert {reservation.ends[0] for reservation in used_up} == {EDGE_MS // 1000}
    assert ahead.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 15


@BOTH_ENGINES
def test_default_limit_holds_for_concurrent_calls_of_a_new_tenant(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)

    granted = reserved_at_once(subject, tenant, [reservation_request(tokens=4_000) for _ in range(30)])

    # The default is 50,000 tokens a day.
    assert len(granted) == 12


@BOTH_ENGINES
def test_concurrent_releases_restore_the_limit(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), MAX_IN_FLIGHT)
    set_limits(subject, tenant, limits(requests=10, tokens=1_000, cost_micros=100))
    granted = reserved_at_once(subject, tenant, [reservation_request(tokens=100, cost_micros=10) for _ in range(20)])

    at_once([partial(subject.settle, tenant, Settlement(reservation=one, used=NOTHING)) for one in granted])

    assert subject.state(caller_of(tenant)).remaining == (10, 1_000, 100)
    assert (
        len(reserved_at_once(subject, tenant, [reservation_request(tokens=100, cost_micros=10) for _ in range(20)]))
        == 10
    )


def fresh_tenant() -> str:
    return f"tenant-{uuid4().hex[:16]}"
