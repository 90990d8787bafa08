"""Limits under callers that come at once: exactly as many are granted as fit, on both engines.

`seats`, the calls that may be in flight at once, are more than there are callers wherever a limit is looked at:
otherwise the seats would hold the calls back, and a limit that lets all through would not be seen.
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
from tests.integration.support.limit_calls import MovedClock, ask, caller_of, limits, service, set_limits

SEATS = 300
HOUR_MS = 3_600_000
# The first moment of an hour, a day and a month in UTC: 2026-12-01T00:00:00Z.
EDGE_MS = 1_796_083_200_000
DOLLAR = 1_000_000
# A caller that waits this long waits for ever: nothing here takes seconds.
STUCK_S = 120
# DynamoDB Local looks for expired items every ten seconds.
LONGER_THAN_ITS_ROUNDS_S = 25

SLOW = pytest.mark.slow
BOTH_ENGINES = pytest.mark.parametrize(
    "engine", ["embedded", pytest.param("DynamoDB Local", marks=SLOW)], indirect=True
)
# The embedded engine writes out the whole item at every refusal: few callers are enough where many show no more.
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
    """What the calls return, all of them begun when the last thread is ready."""
    ready = Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        ready.wait(STUCK_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def outcome(subject: LimitService, tenant: str, asked: ReservationRequest) -> Reservation | LimitExceeded:
    """LimitInFlight is a LimitExceeded too: one that does not last."""
    try:
        return subject.reserve(caller_of(tenant), asked)
    except LimitExceeded as refused:
        return refused


def reserved_at_once(subject: LimitService, tenant: str, asked: Sequence[ReservationRequest]) -> list[Reservation]:
    """The reservations that were granted; every refusal is checked to be one that the limit's numbers bear out."""
    granted: list[Reservation] = []
    for answer in at_once([partial(outcome, subject, tenant, one) for one in asked]):
        if isinstance(answer, Reservation):
            granted.append(answer)
        else:
            numbers = answer.extra
            needed = asked[0].amounts[[limit.public_name for limit in Limit].index(numbers["limit"])]
            scale = DOLLAR if numbers["limit"] == "costPerMonthUsd" else 1
            assert (numbers["used"] + numbers["reserved"]) * scale + needed > numbers["max"] * scale
    return granted


@SLOW
def test_the_second_engine_is_another_one(on_dynamodb_local: None, tenant: str) -> None:
    set_limits(service(MovedClock()), tenant, limits(requests=7))
    store = LimitStore(tables.rate_limits(), SEATS)
    assert store.load(tenant)

    with environment({"AWS_ENDPOINT_URL_DYNAMODB": None}):
        clients.dynamodb.cache_clear()
        assert store.load(tenant) is None


@SLOW
def test_the_second_engine_deletes_nothing_by_its_own_clock(on_dynamodb_local: None, tenant: str) -> None:
    # It spares what is not in the table's index.
    expired = {"PK": tenant, "SK": "limits", "expiresAt": int(time()) - 3600, "dueShard": "due#0", "dueAt": 1}
    tables.rate_limits().put(expired)
    sleep(LONGER_THAN_ITS_ROUNDS_S)

    assert tables.rate_limits().get({"PK": tenant, "SK": "limits"}) == expired


@pytest.mark.parametrize(
    ("engine", "runs"),
    [
        pytest.param("embedded", 20, marks=SLOW),
        pytest.param("DynamoDB Local", 20, marks=SLOW),
    ],
    indirect=["engine"],
)
def test_of_300_callers_at_once_a_limit_of_100_requests_grants_100(engine: str, runs: int) -> None:
    subject = service(MovedClock(), SEATS)
    for _ in range(runs):
        tenant = fresh_tenant()
        set_limits(subject, tenant, limits(requests=100))

        granted = reserved_at_once(subject, tenant, [ask() for _ in range(300)])

        state = subject.state(caller_of(tenant))
        assert len(granted) == 100
        assert set(state.in_flight) == {reservation.id for reservation in granted}
        assert (state.remaining[Limit.REQUESTS_PER_HOUR], state.held[Limit.REQUESTS_PER_HOUR]) == (0, 100)


@SOME_RUNS
def test_what_is_settled_meanwhile_stays_used_for_those_that_come_after(engine: str, runs: int, callers: int) -> None:
    """Every call ends at once, so that settlements run between reservations."""
    subject, most = service(MovedClock(), SEATS), callers // 3
    for _ in range(runs):
        tenant = fresh_tenant()
        set_limits(subject, tenant, limits(requests=most))

        def call(tenant: str = tenant) -> bool:
            answer = outcome(subject, tenant, ask())
            if not isinstance(answer, Reservation):
                return False
            return subject.settle(tenant, Settlement(reservation=answer, used=Amounts(1, 20, 30))) is not None

        assert sum(at_once([call] * callers)) == most

        state = subject.state(caller_of(tenant))
        assert [state.used(limit) for limit in Limit] == [most, 20 * most, 30 * most]
        assert not state.in_flight
        with pytest.raises(LimitExceeded) as refused:
            subject.reserve(caller_of(tenant), ask())
        assert refused.value.code == "limit_exceeded"


@BOTH_ENGINES
def test_of_100_callers_at_once_with_1000_tokens_each_50000_tokens_grant_50(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(tokens=50_000))

    granted = reserved_at_once(subject, tenant, [ask(tokens=1_000) for _ in range(100)])

    assert len(granted) == 50
    assert subject.state(caller_of(tenant)).held == (50, 50_000, 0)


@BOTH_ENGINES
def test_of_50_callers_at_once_with_3_dollars_each_100_dollars_grant_33(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(cost_micros=100 * DOLLAR))

    granted = reserved_at_once(subject, tenant, [ask(cost_micros=3 * DOLLAR) for _ in range(50)])

    assert len(granted) == 33
    assert subject.state(caller_of(tenant)).remaining[Limit.COST_PER_MONTH] == DOLLAR


@pytest.mark.parametrize(
    ("engine", "seats", "callers"),
    [
        ("embedded", 15, 45),
        pytest.param("embedded", 100, 300, marks=SLOW),
        pytest.param("DynamoDB Local", 100, 300, marks=SLOW),
    ],
    indirect=["engine"],
)
def test_of_callers_at_once_without_limits_as_many_are_in_flight_as_there_are_seats(
    engine: str, tenant: str, seats: int, callers: int
) -> None:
    subject = service(MovedClock(), seats)
    set_limits(subject, tenant, limits())

    answers = at_once([partial(outcome, subject, tenant, ask()) for _ in range(callers)])

    refused = [answer for answer in answers if isinstance(answer, LimitInFlight)]
    assert len(refused) == callers - seats
    assert {(answer.extra["limit"], answer.extra["max"]) for answer in refused} == {("callsInFlight", seats)}
    assert len(subject.state(caller_of(tenant)).in_flight) == seats


class Office:
    """Callers that come again when they are told that only calls in flight stand in their way.

    Instead of the second that a real caller waits they wait for the next settlement, so that nothing hangs on time: a
    refusal for calls in flight of which none ever ends would leave them waiting.
    """

    def __init__(self, subject: LimitService, tenant: str, asked: Amounts, used: Amounts) -> None:
        self._subject = subject
        self._tenant = tenant
        self._asked = asked
        self._used = used
        self._settled = 0
        self._changed = Condition()

    def call(self, _number: int) -> str:
        while True:
            seen = self._settled
            answer = outcome(self._subject, self._tenant, ask(tokens=self._asked.tokens))
            if isinstance(answer, Reservation):
                self._settle(answer)
                return "answered"
            if not isinstance(answer, LimitInFlight):
                return "refused"
            with self._changed:
                if not self._changed.wait_for(partial(self._moved_on, seen), STUCK_S):
                    return "timed out"

    def _moved_on(self, seen: int) -> bool:
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
def test_callers_that_come_again_use_a_budget_up_to_the_last_answer_that_fits(
    engine: str, tenant: str, budget: int, reserved: int, actual: int
) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(tokens=budget))
    office = Office(subject, tenant, Amounts(1, reserved, 0), Amounts(1, actual, 0))

    with ThreadPoolExecutor(50) as pool:
        outcomes = Counter(pool.map(office.call, range(200)))

    answers = (budget - reserved) // actual + 1
    assert outcomes == {"answered": answers, "refused": 200 - answers}
    assert subject.state(caller_of(tenant)).used(Limit.TOKENS_PER_DAY) == answers * actual


@BOTH_ENGINES
def test_50_settlements_of_one_reservation_at_once_count_once(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    reservation = subject.reserve(caller_of(tenant), ask(tokens=900, cost_micros=70))
    settled = Settlement(reservation=reservation, used=Amounts(1, 120, 9))

    answers = at_once([lambda: subject.settle(tenant, settled)] * 50)
    assert sum(levels is not None for levels in answers) == 1

    state = subject.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [1, 120, 9]
    assert state.held == (0, 0, 0)


@BOTH_ENGINES
def test_50_ways_of_closing_one_reservation_at_once_count_once(engine: str, tenant: str) -> None:
    """A settlement, a release, a sweep and the move to the next attempt may all come for the same reservation."""
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(requests=2, tokens=5_000))
    first = subject.reserve(caller_of(tenant), ask(tokens=900))
    settled = Settlement(reservation=first, used=Amounts(1, 120, 0))

    def move_on() -> bool:
        subject.reserve(caller_of(tenant), ask(requests=0, tokens=10), settled=settled)
        return False

    at_once(
        [lambda: subject.settle(tenant, settled)] * 20
        + [lambda: subject.settle(tenant, Settlement(reservation=first, used=first.amounts))] * 10
        + [move_on] * 20
    )

    state = subject.state(caller_of(tenant))
    assert (state.used(Limit.REQUESTS_PER_HOUR), state.held[Limit.REQUESTS_PER_HOUR]) == (1, 0)
    assert state.used(Limit.TOKENS_PER_DAY) in {120, 900}
    assert (state.held[Limit.TOKENS_PER_DAY], len(state.in_flight)) == (200, 20)


@BOTH_ENGINES
def test_of_20_attempts_that_move_on_at_once_as_many_do_as_still_fit(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(requests=20, tokens=1_700))
    first = [subject.reserve(caller_of(tenant), ask(tokens=50)) for _ in range(20)]

    def move_on(reservation: Reservation) -> bool:
        settled = Settlement(reservation=reservation, used=reservation.amounts)
        try:
            subject.reserve(caller_of(tenant), ask(requests=0, tokens=100), settled=settled)
        except LimitExceeded:
            return False
        return True

    assert sum(at_once([partial(move_on, one) for one in first])) == 7

    state = subject.state(caller_of(tenant))
    assert [state.used(limit) for limit in Limit] == [7, 350, 0]
    assert state.held == (13, 13 * 50 + 7 * 100, 0)


@BOTH_ENGINES
def test_a_limit_raised_step_by_step_under_way_grants_its_last_value(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(requests=5))
    changes = [partial(set_limits, subject, tenant, limits(requests=most)) for most in (10, 15, 20)]
    calls = [partial(outcome, subject, tenant, ask()) for _ in range(36)]

    everyone: list[Callable[[], object]] = [*calls[:12], *changes[:1], *calls[12:24], *changes[1:], *calls[24:]]
    granted = [answer for answer in at_once(everyone) if isinstance(answer, Reservation)]
    set_limits(subject, tenant, limits(requests=20))
    granted += reserved_at_once(subject, tenant, [ask() for _ in range(24)])

    assert len(granted) == 20
    assert subject.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 20


@BOTH_ENGINES
def test_no_change_of_limits_under_way_loses_or_invents_a_request(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(requests=20))
    changes = [
        partial(set_limits, subject, tenant, limits(requests=most, time_zone="UTC")) for most in (10, None, 0, 15, 5)
    ]
    calls = [partial(outcome, subject, tenant, ask()) for _ in range(40)]

    everyone: list[Callable[[], object]] = [*calls[:20], *changes, *calls[20:]]
    granted = sum(isinstance(answer, Reservation) for answer in at_once(everyone))

    set_limits(subject, tenant, limits(requests=20))
    state = subject.state(caller_of(tenant))
    assert state.held[Limit.REQUESTS_PER_HOUR] == granted == len(state.in_flight)
    assert state.remaining[Limit.REQUESTS_PER_HOUR] == 20 - granted


@SOME_RUNS
def test_of_callers_right_after_a_window_ended_exactly_the_limit_is_granted(
    engine: str, runs: int, callers: int
) -> None:
    most = callers // 3
    for _ in range(runs):
        tenant, clock = fresh_tenant(), MovedClock(EDGE_MS - 1)
        subject = service(clock, SEATS)
        set_limits(subject, tenant, limits(requests=most, tokens=90 * most, time_zone="UTC"))
        before = [subject.reserve(caller_of(tenant), ask(tokens=90)) for _ in range(5)]
        clock.ms = EDGE_MS

        granted = reserved_at_once(subject, tenant, [ask(tokens=90) for _ in range(callers)])
        for reservation in before:
            subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 90, 0)))

        state = subject.state(caller_of(tenant))
        assert len(granted) == most
        assert state.held == (most, 90 * most, 0)
        assert [state.used(limit) for limit in Limit] == [0, 0, 0]
        assert state.ends[:2] == (EDGE_MS // 1000 + 3_600, EDGE_MS // 1000 + 24 * 3_600)


@BOTH_ENGINES
def test_callers_whose_clocks_are_behind_take_from_the_window_that_others_have_begun(engine: str, tenant: str) -> None:
    ahead, behind = service(MovedClock(EDGE_MS), SEATS), service(MovedClock(EDGE_MS - 1_000), SEATS)
    set_limits(behind, tenant, limits(requests=15, time_zone="UTC"))
    used_up = [behind.reserve(caller_of(tenant), ask()) for _ in range(15)]

    answers = at_once([partial(outcome, subject, tenant, ask()) for _ in range(20) for subject in (ahead, behind)])

    granted = [answer for answer in answers if isinstance(answer, Reservation)]
    assert len(granted) == 15
    assert {reservation.ends[0] for reservation in granted} == {EDGE_MS // 1000 + HOUR_MS // 1000}
    assert {reservation.ends[0] for reservation in used_up} == {EDGE_MS // 1000}
    assert ahead.state(caller_of(tenant)).held[Limit.REQUESTS_PER_HOUR] == 15


@BOTH_ENGINES
def test_of_callers_at_once_whom_nobody_has_seen_the_deployments_limit_holds(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)

    granted = reserved_at_once(subject, tenant, [ask(tokens=4_000) for _ in range(30)])

    # 50,000 tokens a day.
    assert len(granted) == 12


@BOTH_ENGINES
def test_what_was_released_at_once_is_there_again_to_the_unit(engine: str, tenant: str) -> None:
    subject = service(MovedClock(), SEATS)
    set_limits(subject, tenant, limits(requests=10, tokens=1_000, cost_micros=100))
    granted = reserved_at_once(subject, tenant, [ask(tokens=100, cost_micros=10) for _ in range(20)])

    at_once([partial(subject.settle, tenant, Settlement(reservation=one, used=NOTHING)) for one in granted])

    assert subject.state(caller_of(tenant)).remaining == (10, 1_000, 100)
    assert len(reserved_at_once(subject, tenant, [ask(tokens=100, cost_micros=10) for _ in range(20)])) == 10


def fresh_tenant() -> str:
    return f"tenant-{uuid4().hex[:16]}"
