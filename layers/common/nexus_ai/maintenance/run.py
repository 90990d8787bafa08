"""One run of the schedule: whatever calls have left undone is put in order.

Safe to run twice, at once, late, or half. A run that has no time left ends, and the next one goes on where it ended.
"""

from typing import Protocol

from nexus_ai.core.clock import SystemClock
from nexus_ai.core.observability import logger
from nexus_ai.core.settings import get_settings
from nexus_ai.gateway.composition import audit_store, usage_store
from nexus_ai.gateway.sweep import Sweep
from nexus_ai.limits.due import DueTenants
from nexus_ai.limits.store import LimitStore
from nexus_ai.storage import tables

# What a run keeps of its time for the tenants that it is at.
STEP_MS = 30_000


class RunContext(Protocol):
    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def run(context: RunContext) -> None:
    """Raises an ExceptionGroup of what went wrong with single tenants once all others are done."""
    table = tables.rate_limits()
    sweep = Sweep(
        clock=SystemClock(),
        limits=LimitStore(table, get_settings().max_calls_in_flight),
        due=DueTenants(table),
        audit=audit_store(),
        usage=usage_store(),
    )
    swept = sweep.all(lambda: context.get_remaining_time_in_millis() > STEP_MS)
    logger().info("maintained", tenants=swept.tenants, finished=swept.finished)
