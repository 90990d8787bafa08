"""Run the scheduled jobs: dispatch alerts, sweep abandoned requests, reconcile usage.

A run may happen twice, concurrently or late, and may stop halfway. A run without time left ends, and the next one
continues.
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

# Time that each job leaves in the run. Slow or many e-mails must leave time for the sweep, and many tenants must leave
# time for the reconciliation. Reconciliation leaves time to finish the day that it is working on.
ALERTS_LEAVE_MS = 170_000
SWEEP_LEAVES_MS = 60_000
RECONCILIATION_LEAVES_MS = 30_000


class RunContext(Protocol):
    """Part of Lambda's context object that a run uses."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the run."""
        ...


def run(context: RunContext) -> None:
    """Run all jobs. Alerts are dispatched first, because the sweep resets the windows that they report.

    Raises:
        ExceptionGroup: Some jobs failed. It is raised after all jobs have run.
    """
    errors: list[Exception] = []
    jobs = ((_dispatch_alerts, ALERTS_LEAVE_MS), (_sweep, SWEEP_LEAVES_MS), (_reconcile, RECONCILIATION_LEAVES_MS))
    for job, leave_ms in jobs:
        try:
            job(partial(_has_more_than, leave_ms, context))
        except Exception as error:  # noqa: BLE001 (raised when the other jobs are done)
            errors.append(error)
    if errors:
        raise ExceptionGroup("scheduled jobs failed", errors)


def _has_more_than(leave_ms: int, context: RunContext) -> bool:
    return context.get_remaining_time_in_millis() > leave_ms


def _dispatch_alerts(has_time: Callable[[], bool]) -> None:
    settings, table = get_settings(), tables.rate_limits()
    if settings.mail_sender is None:
        logger().info("alert e-mails are off because no sender address is set")
    dispatched = AlertDispatcher(
        clock=SystemClock(),
        alerts=AlertStore(table),
        limits=LimitStore(table, settings.max_calls_in_flight),
        tenants=SettingsStore(tables.settings()),
        usage=usage_store(),
        post=MailSettings(settings.mail_sender, settings.dashboard_url) if settings.mail_sender else None,
        default_time_zone=settings.default_time_zone,
    ).dispatch_due(has_time)
    if dispatched.outcomes[Outcome.FAILED]:
        metrics({"AlertsNotSent": (dispatched.outcomes[Outcome.FAILED], Unit.COUNT)})
    outcomes = {str(outcome): count for outcome, count in dispatched.outcomes.items()}
    logger().info("alerts dispatched", finished=dispatched.finished, outcomes=outcomes)


def _sweep(has_time: Callable[[], bool]) -> None:
    table = tables.rate_limits()
    sweeper = AbandonedRequestSweeper(
        clock=SystemClock(),
        limits=LimitStore(table, get_settings().max_calls_in_flight),
        due=SweepQueue(table),
        audit=audit_store(),
        usage=usage_store(),
    )
    swept = sweeper.sweep_due(has_time)
    logger().info("tenants swept", tenants=swept.tenants, finished=swept.finished)


def _reconcile(has_time: Callable[[], bool]) -> None:
    days = ReconciliationQueue(tables.rate_limits())
    reconciled = UsageReconciler(SystemClock(), days, audit_store(), usage_store()).reconcile_due(has_time)
    logger().info(
        "usage reconciled", days=reconciled.days, corrected=reconciled.corrected, finished=reconciled.finished
    )
