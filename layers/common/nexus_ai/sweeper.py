"""Settle and close abandoned requests, and reset limit windows that have ended.

A sweep may run twice, concurrently or late, and may stop halfway. It closes the record first, with a conditional write,
and the closed record holds what the settlement charges.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched

from nexus_ai.audit.models import Attempt, AuditRecord, AuditStatus, Outcome
from nexus_ai.audit.store import AuditStore
from nexus_ai.gateway import telemetry
from nexus_ai.limits.models import NOTHING, Amounts, Reservation, Settlement
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.observability import logger
from nexus_ai.platform.units import DAY_S
from nexus_ai.usage.entries import usage_entries
from nexus_ai.usage.store import UsageStore

# The first sweep of a tenant looks for open records this far back. Later sweeps overlap with the one before.
FIRST_LOOK_BACK_S = DAY_S
OVERLAP_S = 120
# Tenants that are swept concurrently. A sweep waits for the store most of its time.
CONCURRENT_SWEEPS = 8


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Result of a sweep: the number of tenants swept, and `finished` if no marked tenant is left."""

    tenants: int
    finished: bool


@dataclass(frozen=True, slots=True)
class AbandonedRequestSweeper:
    """Scheduled job that closes the abandoned requests of all tenants that are marked as active."""

    clock: Clock
    limits: LimitStore
    due: SweepQueue
    audit: AuditStore
    usage: UsageStore

    def sweep_due(self, has_time: Callable[[], bool]) -> SweepResult:
        """Sweep every marked tenant while there is time. The next sweep starts with those that are left.

        Raises:
            ExceptionGroup: Some tenants could not be swept. It is raised after all others were swept.
        """
        tenants, errors = 0, list[Exception]()
        now_s = self.clock.now_ms() // 1000
        with ThreadPoolExecutor(CONCURRENT_SWEEPS) as pool:
            for shard in self.due.shards():
                for batch in batched(self.due.active(shard, now_s), 2 * CONCURRENT_SWEEPS, strict=False):
                    if not has_time():
                        self.due.unfinished(shard)
                        return _result(tenants, errors, finished=False)
                    errors += [error for error in pool.map(self._try_sweep, batch) if error]
                    tenants += len(batch)
        return _result(tenants, errors, finished=True)

    def _try_sweep(self, tenant_id: str) -> Exception | None:
        try:
            self.sweep_tenant(tenant_id)
        except Exception as error:  # noqa: BLE001 (raised when the other tenants are swept)
            logger().exception("a tenant could not be swept", tenant_id=tenant_id)
            return error
        return None

    def sweep_tenant(self, tenant_id: str) -> None:
        """Settle reservations past their deadline, close open records past theirs, and reset windows that have ended.

        Reservations and records of a newer version, in a form or status that this one does not know, are left to it.
        """
        now_ms = self.clock.now_ms()
        started_s = now_ms // 1000
        state = self.limits.load(tenant_id)
        since_s = ((state and state.swept_at) or started_s - FIRST_LOOK_BACK_S) - OVERLAP_S
        overdue = [each for each in state.in_flight.values() if each.deadline_ms < now_ms] if state else []
        for reservation in overdue:
            self._settle(tenant_id, reservation)
        for record in self.audit.between(tenant_id, since_s * 1000, now_ms):
            if record.status is AuditStatus.OPEN and record.deadline_ms < now_ms:
                self._abandon(record, None)
        if overdue:
            state = self.limits.load(tenant_id)
        state = (state and self.limits.reset(tenant_id, state, started_s)) or state
        self.due.done(tenant_id, state, started_s)

    def _settle(self, tenant_id: str, reservation: Reservation) -> None:
        """Settle an overdue reservation by its audit record.

        Without a record nothing was sent, because a provider is called only after the record is open. Then nothing is
        charged.
        """
        record = self.audit.load(tenant_id, reservation.request_id)
        if record and record.status is AuditStatus.OPEN:
            record = self._abandon(record, reservation)
        used = _used_amounts(record, reservation) if record else NOTHING
        self.limits.settle(tenant_id, Settlement(reservation=reservation, used=used))

    def _abandon(self, record: AuditRecord, reservation: Reservation | None) -> AuditRecord:
        """Close a record as abandoned, and add the reservation's attempt if the record does not have it."""
        missing = _abandoned_attempt(reservation) if reservation and not _attempt_of(record, reservation) else None
        closed = record.model_copy(
            update={
                "status": AuditStatus.ABANDONED,
                "attempts": (*record.attempts, missing) if missing else record.attempts,
                "provider": missing.provider if missing else record.provider,
                "model": missing.model if missing else record.model,
                "error_code": "abandoned",
                "latency_ms": None,
            }
        )
        if not self.audit.abandon(closed, missing):
            # Another sweep or the request itself has closed the record first. That record says what is charged.
            return self.audit.load(record.tenant_id, record.id) or closed
        for entry in usage_entries(closed):
            self.usage.add(record.tenant_id, entry)
        telemetry.emit(closed)
        return closed


def _result(tenants: int, errors: list[Exception], *, finished: bool) -> SweepResult:
    if errors:
        raise ExceptionGroup("tenants could not be swept", errors)
    return SweepResult(tenants, finished)


def _abandoned_attempt(reservation: Reservation) -> Attempt:
    """Return the attempt of a killed function, charged its whole reservation because it may have been sent."""
    return Attempt(
        provider=reservation.provider,
        model=reservation.model,
        outcome=Outcome.ABANDONED,
        error_code="abandoned",
        sent=True,
        charged_tokens=reservation.amounts.tokens,
        cost_micros=reservation.amounts.cost_micros,
        estimated=True,
        reservation=reservation.number,
    )


def _attempt_of(record: AuditRecord, reservation: Reservation) -> Attempt | None:
    """Return the attempt that the reservation was taken for, or None if the record does not have it."""
    return next((attempt for attempt in record.attempts if attempt.reservation == reservation.number), None)


def _used_amounts(record: AuditRecord, reservation: Reservation) -> Amounts:
    """Return the amounts that the closed record charges for the reservation's attempt; none if it never started.

    A record with a status of a newer version may not have the attempt yet. Then the whole reservation is charged.
    """
    attempt = _attempt_of(record, reservation)
    if attempt is None and record.status not in AuditStatus:
        return reservation.amounts
    if attempt is None or not attempt.sent:
        return NOTHING
    return Amounts(reservation.amounts.requests, attempt.charged_tokens, attempt.cost_micros or 0)
