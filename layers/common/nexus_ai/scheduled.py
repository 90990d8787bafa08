"""One run of the schedule: whatever calls have left undone is put in order.

Safe to run twice, at once, late, or half. A run that has no time left ends, and the next one goes on where it ended.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from nexus_ai.alerts.dispatcher import AlertDispatcher, MailSettings, Outcome
from nexus_ai.alerts.store import AlertStore
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import tables
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import SystemClock
from nexus_ai.platform.observability import Unit, logger, metrics
from nexus_ai.platform.settings import get_settings
from nexus_ai.settings.store import SettingsStore
from nexus_ai.sweeper import AbandonedRequestSweeper
from nexus_ai.usage.reconciler import UsageReconciler
from nexus_ai.usage.reconciliation_queue import ReconciliationQueue
from nexus_ai.usage.store import usage_store

# What each step leaves of a run's time: mails that hang, or a great many of them, keep nobody from being swept, many
# tenants keep no day from being compared, and the last step keeps some for the day that it is at.
ALERTS_LEAVE_MS = 170_000
SWEEP_LEAVES_MS = 60_000
RECONCILIATION_LEAVES_MS = 30_000


class RunContext(Protocol):
    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def run(context: RunContext) -> None:
    """Alerts go first, before windows are rolled that they tell of.

    Raises an ExceptionGroup of what went wrong, once all that did not is done.
    """
    faults: list[Exception] = []
    steps = ((_dispatch_alerts, ALERTS_LEAVE_MS), (_sweep, SWEEP_LEAVES_MS), (_reconcile, RECONCILIATION_LEAVES_MS))
    for step, leaves_ms in steps:
        try:
            step(partial(_has_more_than, leaves_ms, context))
        except Exception as fault:  # noqa: BLE001 (raised when the others are done)
            faults.append(fault)
    if faults:
        raise ExceptionGroup("a run of the schedule had faults", faults)


def _has_more_than(leaves_ms: int, context: RunContext) -> bool:
    return context.get_remaining_time_in_millis() > leaves_ms


def _dispatch_alerts(may_go_on: Callable[[], bool]) -> None:
    settings, table = get_settings(), tables.rate_limits()
    if settings.mail_sender is None:
        logger().info("mails are off: there is no address to send from")
    told = AlertDispatcher(
        clock=SystemClock(),
        alerts=AlertStore(table),
        limits=LimitStore(table, settings.max_calls_in_flight),
        tenants=SettingsStore(tables.settings()),
        usage=usage_store(),
        post=MailSettings(settings.mail_sender, settings.dashboard_url) if settings.mail_sender else None,
        default_time_zone=settings.default_time_zone,
    ).dispatch_due(may_go_on)
    if told.outcomes[Outcome.FAILED]:
        metrics({"AlertsNotSent": (told.outcomes[Outcome.FAILED], Unit.COUNT)})
    logger().info(
        "told", finished=told.finished, outcomes={str(outcome): count for outcome, count in told.outcomes.items()}
    )


def _sweep(may_go_on: Callable[[], bool]) -> None:
    table = tables.rate_limits()
    sweep = AbandonedRequestSweeper(
        clock=SystemClock(),
        limits=LimitStore(table, get_settings().max_calls_in_flight),
        due=SweepQueue(table),
        audit=audit_store(),
        usage=usage_store(),
    )
    swept = sweep.sweep_due(may_go_on)
    logger().info("maintained", tenants=swept.tenants, finished=swept.finished)


def _reconcile(may_go_on: Callable[[], bool]) -> None:
    days = ReconciliationQueue(tables.rate_limits())
    compared = UsageReconciler(SystemClock(), days, audit_store(), usage_store()).reconcile_due(may_go_on)
    logger().info("compared", days=compared.days, corrected=compared.corrected, finished=compared.finished)
