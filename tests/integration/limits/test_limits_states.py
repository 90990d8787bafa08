"""Test that the limits in the table always equal those of a very simple model.

Hypothesis generates histories of a tenant: reservations, settlements below, at and above the reserved amounts,
releases, next attempts, sweeps, clocks that pass the ends of windows or run slow, changed limits and time zones. After
each step the item must equal the model exactly.
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

MAX_IN_FLIGHT = 4
DEADLINE_S = 29
PUBLIC_SCALE = (1, 1, 1_000_000)

ZONES = st.sampled_from(
    ["America/Sao_Paulo", "UTC", "Asia/Kathmandu", "America/Havana", "Europe/Lisbon", "Pacific/Apia", "Asia/Tokyo"]
)
# Seconds since 1970, shortly before: the end of a month, the end of a year, 29 February, a skipped midnight and a
# repeated hour (São Paulo, 2018; Havana, 2026), clocks that go forward and back (Lisbon, 2026).
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
# Used amounts in percent of the reserved ones: below, equal and above.
SHARES = st.tuples(*[st.sampled_from([0, 30, 100, 100, 150])] * 3)
ANY = st.integers(0, 1_000)


class LimitMachine(RuleBasedStateMachine):
    @initialize(start=STARTS, new_limits=SETTINGS)
    def begin(self, start: int, new_limits: LimitSettings) -> None:
        self.tenant = f"tenant-{uuid4().hex[:16]}"
        self.clock = MovedClock(start * 1_000)
        self.service = service(self.clock, MAX_IN_FLIGHT)
        self.store = LimitStore(tables.rate_limits(), MAX_IN_FLIGHT)
        self.model = Model(
            new_limits.time_zone, _maxima(new_limits), ends_of(start, new_limits.time_zone), MAX_IN_FLIGHT
        )
        self.reservations: dict[str, Reservation] = {}
        self.last_ends = (0, 0, 0)
        set_limits(self.service, self.tenant, new_limits)

    @property
    def now_s(self) -> int:
        return self.clock.ms // 1_000

    @rule(amounts=AMOUNTS, price_known=st.sampled_from([True, True, True, False]))
    def reserve(self, amounts: Amounts, price_known: bool) -> None:
        wanted = self._request(amounts, price_known=price_known)
        verdict = self.model.reserve(wanted.id, amounts, self.now_s, price_known=price_known)
        self._try(wanted, verdict, None)

    @precondition(lambda self: self.reservations)
    @rule(pick=ANY, shares=SHARES, amounts=AMOUNTS)
    def reserve_next(self, pick: int, shares: tuple[int, int, int], amounts: Amounts) -> None:
        """Reserve the next attempt, and settle the last one, which may have been closed by the sweep."""
        closed = [name for name in self.reservations if name not in self.model.open]
        settled = _settlement(self._pick([*self.model.open, *closed[-1:]], pick), shares)
        wanted = self._request(amounts)
        closes = (settled.reservation.id, settled.used)
        verdict = self.model.reserve(wanted.id, amounts, self.now_s, closes=closes)
        self._try(wanted, verdict, settled)

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY, other=ANY, settles_another=st.booleans())
    def repeat_reservation(self, pick: int, other: int, settles_another: bool) -> None:
        """Repeat a reservation whose response was lost. The second write must not reserve again."""
        first = self._pick(list(self.model.open), pick)
        closed = [name for name in self.reservations if name not in self.model.open]
        settled = (
            Settlement(reservation=self._pick(closed, other), used=NOTHING) if settles_another and closed else None
        )
        wanted = ReservationRequest(**first.model_dump(exclude={"ends", "levels"}))
        again = self.service.reserve(caller_of(self.tenant), wanted, settled=settled)
        assert without_levels(again) == first

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY, shares=SHARES)
    def settle(self, pick: int, shares: tuple[int, int, int]) -> None:
        self._settle(_settlement(self._pick(list(self.model.open), pick), shares))

    @precondition(lambda self: self.model.open)
    @rule(pick=ANY)
    def release(self, pick: int) -> None:
        self._settle(Settlement(reservation=self._pick(list(self.model.open), pick), used=NOTHING))

    @precondition(lambda self: len(self.reservations) > len(self.model.open))
    @rule(pick=ANY, shares=SHARES)
    def settle_again(self, pick: int, shares: tuple[int, int, int]) -> None:
        closed = [name for name in self.reservations if name not in self.model.open]
        assert self.service.settle(self.tenant, _settlement(self._pick(closed, pick), shares)) is None

    @rule()
    def sweep(self) -> None:
        """Charge reservations past their deadline in full, as the sweep does."""
        for name, reservation in self.service.state(caller_of(self.tenant)).in_flight.items():
            assert reservation == self.reservations[name]
            if reservation.deadline_ms < self.clock.ms:
                self._settle(Settlement(reservation=reservation, used=reservation.amounts))

    @rule(seconds=st.integers(1, 90) | st.integers(1, 3_600) | st.integers(1, 40 * 86_400))
    def time_passes(self, seconds: int) -> None:
        self.clock.ms += seconds * 1_000

    @rule(limit=st.sampled_from(Limit), off=st.sampled_from([-1, 0, 1]))
    def time_passes_to_the_end_of_a_window(self, limit: Limit, off: int) -> None:
        self.clock.ms = max(self.clock.ms, (self.model.ends[limit] + off) * 1_000)

    @rule(seconds=st.integers(1, 5))
    def another_function_has_a_slow_clock(self, seconds: int) -> None:
        self.clock.ms -= seconds * 1_000

    @rule(new_limits=SETTINGS)
    def change(self, new_limits: LimitSettings) -> None:
        set_limits(self.service, self.tenant, new_limits)
        self.model.change(_maxima(new_limits), new_limits.time_zone)

    @invariant()
    def item_equals_the_model(self) -> None:
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
    def limits_are_exceeded_only_by_unreserved_use(self) -> None:
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
        return self.reservations[names[pick % len(names)]]

    def _request(self, amounts: Amounts, *, price_known: bool = True) -> ReservationRequest:
        return ReservationRequest(
            id=f"{uuid4()}.1",
            amounts=amounts,
            deadline_ms=self.clock.ms + DEADLINE_S * 1_000,
            provider="openai",
            model="gpt-6-luna",
            price_known=price_known,
            watched=True,
        )

    def _try(self, wanted: ReservationRequest, verdict: Verdict, settled: Settlement | None) -> None:
        caller = caller_of(self.tenant)
        if verdict == "granted":
            granted = self.service.reserve(caller, wanted, settled=settled)
            self._check_levels(granted.levels)
            held = without_levels(granted)
            assert held == Reservation(**wanted.model_dump(exclude={"price_known", "watched"}), ends=self.model.ends)
            self.reservations[held.id] = held
        elif verdict == "price_unknown":
            with pytest.raises(PriceUnknown):
                self.service.reserve(caller, wanted, settled=settled)
        else:
            with pytest.raises(LimitExceeded) as rejected:
                self.service.reserve(caller, wanted, settled=settled)
            self._check(rejected.value, verdict)

    def _check(self, rejected: LimitExceeded, verdict: Verdict) -> None:
        """Assert that a rejection has the numbers of the table, and the time of the next possible change."""
        assert isinstance(rejected, LimitInFlight) == (verdict != "limit_exceeded")
        numbers: dict[str, Any] = rejected.extra
        if verdict == "calls_in_flight":
            assert (numbers["limit"], numbers["reserved"]) == ("callsInFlight", len(self.model.open))
            return
        ends, used = self.model.running(self.now_s)
        limit = next(limit for limit in Limit if limit.public_name == numbers["limit"])
        scale = PUBLIC_SCALE[limit]
        assert numbers["max"] * scale == self.model.maxima[limit]
        assert numbers["used"] * scale == used[limit]
        assert numbers["reserved"] * scale == self.model.held(limit, ends)
        assert rejected.retry_after == (1 if verdict == "limit_in_flight" else max(1, ends[limit] - self.now_s))

    def _settle(self, settled: Settlement) -> None:
        levels = self.service.settle(self.tenant, settled.model_copy(update={"watched": True}))
        assert levels
        assert self.model.settle(settled.reservation.id, settled.used)
        self._check_levels(levels)

    def _check_levels(self, levels: tuple[Level, ...]) -> None:
        """Assert that the levels returned by a write are those of the model."""
        for limit, level in zip(Limit, levels, strict=True):
            assert (level.limit, level.end) == (limit, self.model.ends[limit])
            assert (level.used, level.held) == (self.model.used[limit], self.model.held(limit))
            assert level.maximum == (UNLIMITED if self.model.maxima[limit] is None else self.model.maxima[limit])


def _maxima(new_limits: LimitSettings) -> tuple[int | None, int | None, int | None]:
    return new_limits.requests_per_hour, new_limits.tokens_per_day, new_limits.cost_per_month_micros


def _settlement(reservation: Reservation, shares: tuple[int, int, int]) -> Settlement:
    used = per_window(amount * share // 100 for amount, share in zip(reservation.amounts, shares, strict=True))
    return Settlement(reservation=reservation, used=Amounts(*used))


@pytest.mark.parametrize(
    ("engine", "histories", "steps"),
    [
        ("embedded", 6, 30),
        pytest.param("embedded", 150, 50, marks=pytest.mark.slow),
        pytest.param("DynamoDB Local", 100, 50, marks=pytest.mark.slow),
    ],
    indirect=["engine"],
)
def test_limits_equal_the_model_after_every_step(engine: str, histories: int, steps: int) -> None:
    run_state_machine_as_test(
        LimitMachine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
