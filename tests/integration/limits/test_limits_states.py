"""Whatever happens in whatever order, the limits in the table are those of a model that is too simple to be wrong.

Hypothesis makes up lives of a tenant: reservations, settlements below, at and above what was reserved, releases, moves
to the next attempt, sweeps, clocks that run over the edges of the calendar and back a little, changed limits and time
zones. After each step the item is compared with the model, to the unit.
"""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.models import (
    NOTHING,
    UNLIMITED,
    Amounts,
    Level,
    Limit,
    LimitSettings,
    Reservation,
    ReservationRequest,
    Settlement,
    per_window,
)
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.errors import LimitExceeded, LimitInFlight, PriceUnknown
from tests.integration.support.limit_calls import MovedClock, caller_of, limits, service, set_limits, without_levels
from tests.integration.support.limits_model import Model, Verdict, ends_of

SEATS = 4
DEADLINE_S = 29
PUBLIC_SCALE = (1, 1, 1_000_000)

ZONES = st.sampled_from(
    ["America/Sao_Paulo", "UTC", "Asia/Kathmandu", "America/Havana", "Europe/Lisbon", "Pacific/Apia", "Asia/Tokyo"]
)
# Seconds since 1970 shortly before: a month's end, a year's end, 29 February, clocks that skip midnight and that show
# an hour twice (São Paulo, 2018; Havana, 2026), clocks that go forward and back (Lisbon, 2026).
STARTS = st.sampled_from(
    [
        1_796_083_190,
        1_798_761_590,
        1_835_395_190,
        1_541_300_390,
        1_518_915_590,
        1_793_505_590,
        1_774_745_990,
        1_792_889_990,
    ]
)
SETTINGS = st.builds(
    limits,
    requests=st.none() | st.integers(0, 9),
    tokens=st.integers(0, 3_000) | st.integers(900, 2_500) | st.none(),
    cost_micros=st.none() | st.integers(0, 3_000),
    time_zone=ZONES,
)
AMOUNTS = st.builds(Amounts, st.sampled_from([1, 1, 1, 0]), st.integers(0, 900), st.integers(0, 900))
# Of what was reserved, in percent: below, equal, above.
SHARES = st.tuples(*[st.sampled_from([0, 30, 100, 100, 150])] * 3)
ANY = st.integers(0, 1_000)


class LimitMachine(RuleBasedStateMachine):
    @initialize(start=STARTS, chosen=SETTINGS)
    def begin(self, start: int, chosen: LimitSettings) -> None:
        self.tenant = f"tenant-{uuid4().hex[:16]}"
        self.clock = MovedClock(start * 1_000)
        self.service = service(self.clock, SEATS)
        self.store = LimitStore(tables.rate_limits(), SEATS)
        self.model = Model(chosen.time_zone, _maxima(chosen), ends_of(start, chosen.time_zone), SEATS)
        self.known: dict[str, Reservation] = {}
        self.last_ends = (0, 0, 0)
        set_limits(self.service, self.tenant, chosen)

    @property
    def now_s(self) -> int:
        return self.clock.ms // 1_000

    @rule(amounts=AMOUNTS, price_known=st.sampled_from([True, True, True, False]))
    def reserve(self, amounts: Amounts, price_known: bool) -> None:
        asked = self._ask(amounts, price_known=price_known)
        verdict = self.model.reserve(asked.id, amounts, self.now_s, price_known=price_known)
        self._try(asked, verdict, None)

    @precondition(lambda self: self.known)
    @rule(pick=ANY, shares=SHARES, amounts=AMOUNTS)
    def move_on(self, pick: int, shares: tuple[int, int, int], amounts: Amounts) -> None:
        """To the next attempt, out of one that may have been closed behind the caller's back."""
        closed = [name for name in self.known if name not in self.model.open]
        settled = _settlement(self._pick([*self.model.open, *closed[-1:]], pick), shares)
        asked = self._ask(amounts)
        closes = (settled.reservation.id, settled.used)
        verdict = self.model.reserve(asked.id, amounts, self.now_s, closes=closes)
        self._try(asked, verdict, settled)

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY, other=ANY, moved_on=st.booleans())
    def ask_again(self, pick: int, other: int, moved_on: bool) -> None:
        """The answer to a reservation was lost: the second write must not hold anything more."""
        first = self._pick(list(self.model.open), pick)
        closed = [name for name in self.known if name not in self.model.open]
        settled = Settlement(reservation=self._pick(closed, other), used=NOTHING) if moved_on and closed else None
        asked = ReservationRequest(**first.model_dump(exclude={"ends", "levels"}))
        again = self.service.reserve(caller_of(self.tenant), asked, settled=settled)
        assert without_levels(again) == first

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY, shares=SHARES)
    def settle(self, pick: int, shares: tuple[int, int, int]) -> None:
        self._settle(_settlement(self._pick(list(self.model.open), pick), shares))

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY)
    def release(self, pick: int) -> None:
        self._settle(Settlement(reservation=self._pick(list(self.model.open), pick), used=NOTHING))

    @precondition(lambda self: len(self.known) > len(self.model.open))
    @rule(pick=ANY, shares=SHARES)
    def settle_again(self, pick: int, shares: tuple[int, int, int]) -> None:
        closed = [name for name in self.known if name not in self.model.open]
        assert self.service.settle(self.tenant, _settlement(self._pick(closed, pick), shares)) is None

    @rule()
    def sweep(self) -> None:
        """What is past its deadline is charged as it was reserved, read from the table as the sweep does."""
        for name, reservation in self.service.state(caller_of(self.tenant)).in_flight.items():
            assert reservation == self.known[name]
            if reservation.deadline_ms < self.clock.ms:
                self._settle(Settlement(reservation=reservation, used=reservation.amounts))

    @rule(seconds=st.integers(1, 90) | st.integers(1, 3_600) | st.integers(1, 40 * 86_400))
    def time_goes_on(self, seconds: int) -> None:
        self.clock.ms += seconds * 1_000

    @rule(limit=st.sampled_from(Limit), off=st.sampled_from([-1, 0, 1]))
    def time_comes_to_an_edge(self, limit: Limit, off: int) -> None:
        self.clock.ms = max(self.clock.ms, (self.model.ends[limit] + off) * 1_000)

    @rule(seconds=st.integers(1, 5))
    def another_function_has_a_slower_clock(self, seconds: int) -> None:
        self.clock.ms -= seconds * 1_000

    @rule(chosen=SETTINGS)
    def change(self, chosen: LimitSettings) -> None:
        set_limits(self.service, self.tenant, chosen)
        self.model.change(_maxima(chosen), chosen.time_zone)

    @invariant()
    def the_item_is_the_models(self) -> None:
        stored = self.store.load(self.tenant)
        assert stored is not None
        assert stored.settings == limits(*self.model.maxima, time_zone=self.model.zone)
        assert stored.ends == self.model.ends
        assert [stored.used(limit) for limit in Limit] == self.model.used
        assert list(stored.held) == [self.model.held(limit) for limit in Limit]
        opened = {name: (one.amounts, one.ends) for name, one in self.model.open.items()}
        assert {name: (one.amounts, one.ends) for name, one in stored.in_flight.items()} == opened
        now = stored.at(self.now_s)
        ends, used = self.model.running(self.now_s)
        assert (now.ends, [now.used(limit) for limit in Limit]) == (ends, used)
        assert list(now.held) == [self.model.held(limit, ends) for limit in Limit]

    @invariant()
    def no_limit_is_passed_but_by_what_cost_more_than_reserved(self) -> None:
        for limit in Limit:
            used, held, maximum = self.model.used[limit], self.model.held(limit), self.model.maxima[limit]
            assert used >= 0
            assert held >= 0
            assert maximum is None or used + held <= maximum + self.model.excess[limit]

    @invariant()
    def no_window_ends_earlier_than_before(self) -> None:
        ends = self.model.ends
        assert all(new >= old for new, old in zip(ends, self.last_ends, strict=True))
        self.last_ends = ends

    def _pick(self, names: list[str], pick: int) -> Reservation:
        return self.known[names[pick % len(names)]]

    def _ask(self, amounts: Amounts, *, price_known: bool = True) -> ReservationRequest:
        return ReservationRequest(
            id=f"{uuid4()}.1",
            amounts=amounts,
            deadline_ms=self.clock.ms + DEADLINE_S * 1_000,
            provider="openai",
            model="gpt-6-luna",
            price_known=price_known,
            watched=True,
        )

    def _try(self, asked: ReservationRequest, verdict: Verdict, settled: Settlement | None) -> None:
        caller = caller_of(self.tenant)
        if verdict == "granted":
            granted = self.service.reserve(caller, asked, settled=settled)
            self._check_levels(granted.levels)
            held = without_levels(granted)
            assert held == Reservation(**asked.model_dump(exclude={"price_known", "watched"}), ends=self.model.ends)
            self.known[held.id] = held
        elif verdict == "price_unknown":
            with pytest.raises(PriceUnknown):
                self.service.reserve(caller, asked, settled=settled)
        else:
            with pytest.raises(LimitExceeded) as refused:
                self.service.reserve(caller, asked, settled=settled)
            self._check(refused.value, verdict)

    def _check(self, refused: LimitExceeded, verdict: Verdict) -> None:
        """A refusal says what the table says, and asks to come back when it can be otherwise."""
        assert isinstance(refused, LimitInFlight) == (verdict != "limit_exceeded")
        numbers: dict[str, Any] = refused.extra
        if verdict == "calls_in_flight":
            assert (numbers["limit"], numbers["reserved"]) == ("callsInFlight", len(self.model.open))
            return
        ends, used = self.model.running(self.now_s)
        limit = next(limit for limit in Limit if limit.public_name == numbers["limit"])
        scale = PUBLIC_SCALE[limit]
        assert numbers["max"] * scale == self.model.maxima[limit]
        assert numbers["used"] * scale == used[limit]
        assert numbers["reserved"] * scale == self.model.held(limit, ends)
        assert refused.retry_after == (1 if verdict == "limit_in_flight" else max(1, ends[limit] - self.now_s))

    def _settle(self, settled: Settlement) -> None:
        levels = self.service.settle(self.tenant, settled.model_copy(update={"watched": True}))
        assert levels
        assert self.model.settle(settled.reservation.id, settled.used)
        self._check_levels(levels)

    def _check_levels(self, levels: tuple[Level, ...]) -> None:
        """What a write says of the limits after it is what the table says."""
        for limit, level in zip(Limit, levels, strict=True):
            assert (level.limit, level.end) == (limit, self.model.ends[limit])
            assert (level.used, level.held) == (self.model.used[limit], self.model.held(limit))
            assert level.maximum == (UNLIMITED if self.model.maxima[limit] is None else self.model.maxima[limit])


def _maxima(chosen: LimitSettings) -> tuple[int | None, int | None, int | None]:
    return chosen.requests_per_hour, chosen.tokens_per_day, chosen.cost_per_month_micros


def _settlement(reservation: Reservation, shares: tuple[int, int, int]) -> Settlement:
    used = per_window(amount * share // 100 for amount, share in zip(reservation.amounts, shares, strict=True))
    return Settlement(reservation=reservation, used=Amounts(*used))


@pytest.mark.parametrize(
    ("engine", "lives", "steps"),
    [
        ("embedded", 6, 30),
        pytest.param("embedded", 150, 50, marks=pytest.mark.slow),
        pytest.param("DynamoDB Local", 100, 50, marks=pytest.mark.slow),
    ],
    indirect=["engine"],
)
def test_after_every_step_the_limits_are_those_of_the_model(engine: str, lives: int, steps: int) -> None:
    run_state_machine_as_test(
        LimitMachine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
