"""What has ended, put in order: windows are reset, and what a killed function left is settled and closed as abandoned.

Safe to run twice, at once, late or half: the record is closed first, under a condition, and holds what the settlement
then charges.
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

# How far back the first sweep of a tenant looks for open records, and how much sweeps overlap.
FIRST_LOOK_BACK_S = DAY_S
OVERLAP_S = 120
# How many tenants are swept at once: a sweep waits for the store most of its time.
SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How many tenants a sweep looked at, and whether those were all."""

    tenants: int
    finished: bool


@dataclass(frozen=True, slots=True)
class AbandonedRequestSweeper:
    clock: Clock
    limits: LimitStore
    due: SweepQueue
    audit: AuditStore
    usage: UsageStore

    def sweep_due(self, may_go_on: Callable[[], bool]) -> SweepResult:
        """Sweeps every tenant that is marked, as long as it may go on; what is left then comes first the next time.

        One that cannot be swept stands in nobody's way: its fault is raised, with those of others, at the end.
        """
        tenants, faults = 0, list[Exception]()
        now_s = self.clock.now_ms() // 1000
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for shard in self.due.shards():
                for some in batched(self.due.active(shard, now_s), 2 * SIDE_BY_SIDE, strict=False):
                    if not may_go_on():
                        self.due.unfinished(shard)
                        return _ended(tenants, faults, finished=False)
                    faults += [fault for fault in pool.map(self._attempt, some) if fault]
                    tenants += len(some)
        return _ended(tenants, faults, finished=True)

    def _attempt(self, tenant_id: str) -> Exception | None:
        try:
            self.sweep_tenant(tenant_id)
        except Exception as fault:  # noqa: BLE001 (raised when the others are done)
            logger().exception("a tenant was not swept", tenant_id=tenant_id)
            return fault
        return None

    def sweep_tenant(self, tenant_id: str) -> None:
        """Settle reservations past their deadline, close open records past theirs, and reset windows that have ended.

        Reservations and records in a form or status that this version does not know are left to the one that does.
        """
        now_ms = self.clock.now_ms()
        began_s = now_ms // 1000
        state = self.limits.load(tenant_id)
        since_s = ((state and state.swept_at) or began_s - FIRST_LOOK_BACK_S) - OVERLAP_S
        late = [each for each in state.in_flight.values() if each.deadline_ms < now_ms] if state else []
        for reservation in late:
            self._release(tenant_id, reservation)
        for record in self.audit.between(tenant_id, since_s * 1000, now_ms):
            if record.status is AuditStatus.OPEN and record.deadline_ms < now_ms:
                self._abandon(record, None)
        if late:
            state = self.limits.load(tenant_id)
        state = (state and self.limits.reset(tenant_id, state, began_s)) or state
        self.due.done(tenant_id, state, began_s)

    def _release(self, tenant_id: str, reservation: Reservation) -> None:
        """Charge what the record says of the attempt; in full where it says nothing but that there may have been one.

        Without a record nothing was sent: the provider is called only once the record is open.
        """
        record = self.audit.load(tenant_id, reservation.request_id)
        if record and record.status is AuditStatus.OPEN:
            record = self._abandon(record, reservation)
        used = _used(record, reservation) if record else NOTHING
        self.limits.settle(tenant_id, Settlement(reservation=reservation, used=used))

    def _abandon(self, record: AuditRecord, reservation: Reservation | None) -> AuditRecord:
        """Close a record; the attempt that a reservation was for is added where the record does not tell it yet."""
        untold = _abandoned(reservation) if reservation and not _told(record, reservation) else None
        closed = record.model_copy(
            update={
                "status": AuditStatus.ABANDONED,
                "attempts": (*record.attempts, untold) if untold else record.attempts,
                "provider": untold.provider if untold else record.provider,
                "model": untold.model if untold else record.model,
                "error_code": "abandoned",
                "latency_ms": None,
            }
        )
        if not self.audit.abandon(closed, untold):
            # Another sweep was first, or the request has ended after all: its record says what is charged.
            return self.audit.load(record.tenant_id, record.id) or closed
        for entry in usage_entries(closed):
            self.usage.add(record.tenant_id, entry)
        telemetry.emit(closed)
        return closed


def _ended(tenants: int, faults: list[Exception], *, finished: bool) -> SweepResult:
    if faults:
        raise ExceptionGroup("tenants were not swept", faults)
    return SweepResult(tenants, finished)


def _abandoned(reservation: Reservation) -> Attempt:
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


def _told(record: AuditRecord, reservation: Reservation) -> Attempt | None:
    """The attempt that this reservation was for, where the record tells it."""
    return next((attempt for attempt in record.attempts if attempt.reservation == reservation.number), None)


def _used(record: AuditRecord, reservation: Reservation) -> Amounts:
    """Return what the closed record says of the attempt that this reservation was for; nothing where it never began.

    A record in a status of another version may not tell the attempt yet, so that it is charged in full.
    """
    attempt = _told(record, reservation)
    if attempt is None and record.status not in AuditStatus:
        return reservation.amounts
    if attempt is None or not attempt.sent:
        return NOTHING
    return Amounts(reservation.amounts.requests, attempt.charged_tokens, attempt.cost_micros or 0)
