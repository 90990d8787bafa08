"""Test the scheduled function through its handler: it resets ended windows, and a run without time loses no tenant."""

import pytest

from functions.maintain.app import handler
from local.stack import LocalStack
from nexus_ai.alerts.dispatcher import SIDE_BY_SIDE, AlertDispatcher, Outcome
from nexus_ai.alerts.models import ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import AlertStore
from nexus_ai.aws.clients import MAIL_READ_TIMEOUT_S
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.limits.models import Amounts, Limit, LimitState, Settlement
from nexus_ai.limits.store import LimitStore
from nexus_ai.scheduled import SWEEP_LEAVES_MS
from nexus_ai.sweeper import AbandonedRequestSweeper
from tests.integration.support.http_client import ask as request
from tests.integration.support.limit_calls import (
    MovedClock,
    caller_of,
    limits,
    reservation_request,
    service,
    set_limits,
)
from tests.unit.http.http_events import Context, read_event

# 29 March 2026, 00:30 in Lisbon. Clocks go from 01:00 to 02:00 that night, so the day has 23 hours.
LISBON_S = 1_774_744_200


def store() -> LimitStore:
    return LimitStore(tables.rate_limits(), 100)


def state_of(tenant: str) -> LimitState:
    state = store().load(tenant)
    assert state
    return state


def use(tenant: str, now_s: int, *, time_zone: str = "America/Sao_Paulo", tokens: int = 0) -> None:
    subject = service(MovedClock(now_s * 1000))
    set_limits(subject, tenant, limits(requests=10, tokens=1_000, time_zone=time_zone))
    reservation = subject.reserve(caller_of(tenant), reservation_request(tokens=tokens))
    subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, tokens, 0)))


def test_ended_window_is_reset_and_the_others_stay(stack: LocalStack, tenant: str) -> None:
    use(tenant, LISBON_S, time_zone="Europe/Lisbon", tokens=300)
    hour, day, _ = before = state_of(tenant).ends

    assert not store().reset(tenant, state_of(tenant), hour - 1)
    assert store().reset(tenant, state_of(tenant), hour)

    state = state_of(tenant)
    assert [state.used(limit) for limit in Limit] == [0, 300, 0]
    assert state.ends[1:] == before[1:]
    assert hour < state.ends[0] <= hour + 3600
    assert day - LISBON_S == 22 * 3600 + 1800
    assert store().reset(tenant, state, day)
    assert state_of(tenant).used(Limit.TOKENS_PER_DAY) == 0


def test_unused_window_costs_no_write(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tenant, LISBON_S)
    state = state_of(tenant)
    assert store().reset(tenant, state, state.ends[0])
    unused = state_of(tenant)

    monkeypatch.setattr("nexus_ai.aws.dynamodb.table.Table.update", None)

    assert not store().reset(tenant, unused, unused.ends[0] + 3600)


def test_reservation_before_the_reset_is_kept(stack: LocalStack, tenant: str) -> None:
    use(tenant, LISBON_S)
    seen = state_of(tenant)
    later = seen.ends[0] + 5
    subject = service(MovedClock(later * 1000))
    reservation = subject.reserve(caller_of(tenant), reservation_request())

    assert not store().reset(tenant, seen, later)

    subject.settle(tenant, Settlement(reservation=reservation, used=Amounts(1, 0, 0)))
    assert state_of(tenant).used(Limit.REQUESTS_PER_HOUR) == 1


def test_handler_resets_windows_and_may_run_again(stack: LocalStack, tenant: str) -> None:
    use(tenant, LISBON_S)

    handler(read_event("maintain"), Context(290_000))
    once = state_of(tenant)
    assert request(stack.url, "POST", "/local/tick").status == 200

    assert [once.used(limit) for limit in Limit] == [0, 0, 0]
    again = state_of(tenant)
    assert (again.remaining, again.held, again.ends) == (once.remaining, once.held, once.ends)


def test_next_run_continues_after_a_run_without_time(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [f"{tenant}-{number}" for number in range(24)]
    for each in tenants:
        use(each, LISBON_S)
    seen: list[str] = []

    def record_tenant(_: AbandonedRequestSweeper, name: str) -> None:
        seen.append(name)

    monkeypatch.setattr(AbandonedRequestSweeper, "sweep_tenant", record_tenant)

    class Rationed(Context):
        """Context with time for three groups of tenants."""

        reads = 0

        def get_remaining_time_in_millis(self) -> int:
            self.reads += 1
            return SWEEP_LEAVES_MS + 1 if self.reads <= 3 else SWEEP_LEAVES_MS

    handler({}, Rationed())
    missed = set(tenants) - set(seen)
    assert tables.rate_limits().get(keys.unfinished_sweep(), consistent=True)
    for _ in range(16):
        if not set(tenants) <= set(seen):
            handler({}, Rationed())

    assert missed
    assert set(tenants) <= set(seen)


def test_hanging_mails_leave_time_for_sweep_and_reconciliation(
    stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Create more alerts than a run has time for; SES lets each of them wait until its timeout."""
    alerts = AlertStore(tables.rate_limits())
    for number in range(200):
        alert = ProviderAlert(
            tenant_id=f"{tenant}-{number}",
            event=ProviderEvent.CIRCUIT_OPENED,
            provider="openai",
            model="gpt-6-luna",
            key_last_four=None,
            reason="timeout",
            at=LISBON_S,
        )
        assert alerts.note_failure(alert)
    use(tenant, LISBON_S)

    class Waiting(Context):
        """Context of a 290 s run; each alert that it attempts uses up time."""

        tried = 0

        def get_remaining_time_in_millis(self) -> int:
            return 290_000 - self.tried * 1000 * MAIL_READ_TIMEOUT_S // SIDE_BY_SIDE

    run = Waiting()

    def time_out(_: AlertDispatcher, due: tuple[str, str]) -> Outcome:
        run.tried += 1
        return Outcome.FAILED

    monkeypatch.setattr(AlertDispatcher, "_attempt", time_out)
    handler({}, run)

    assert SIDE_BY_SIDE < run.tried < 200
    assert state_of(tenant).used(Limit.REQUESTS_PER_HOUR) == 0
    assert run.get_remaining_time_in_millis() > SWEEP_LEAVES_MS
