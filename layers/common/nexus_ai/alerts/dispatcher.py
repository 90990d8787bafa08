"""Send the alerts that are due. Each is sent once, by one run.

A threshold is checked again before its alert is sent, because amounts that were reserved may have been released. If the
window has ended since, its usage is unknown, so the alert is sent.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import batched

from nexus_ai.alerts.mail import render
from nexus_ai.alerts.models import Alert, LimitAlert, ProviderAlert, Spending
from nexus_ai.alerts.store import AlertStore, Crossing, Leased
from nexus_ai.alerts.top_spend import top_spend
from nexus_ai.aws import ses
from nexus_ai.limits.models import LimitState
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.clock import Clock
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.observability import logger
from nexus_ai.settings.models import TenantSettings
from nexus_ai.settings.store import SettingsStore
from nexus_ai.usage.store import UsageStore

# Number of alerts that are sent concurrently. It stays below the initial rate limit of an SES account (14 per second).
SIDE_BY_SIDE = 8
# Pauses between the attempts to store that an e-mail was sent. Without that entry it would be sent again.
PAUSES_S = (0.5, 1.0, 2.0, 4.0)


class Outcome(StrEnum):
    """Outcome of an alert in one run. The first three close the alert and are stored with it."""

    SENT = "sent"
    MAILS_ARE_OFF = "mails_are_off"
    NO_RECIPIENT = "nobody_to_tell"
    NOT_REACHED = "not_reached"
    WAITS = "waits"
    TAKEN = "taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Sender address of the e-mails, and the URL of the dashboard that they link to."""

    sender: str
    dashboard_url: str | None


@dataclass(frozen=True, slots=True)
class DispatchResult:
    """Outcomes of the alerts that were due. `finished` is False if time ran out before the last one."""

    outcomes: Counter[Outcome]
    finished: bool


@dataclass(frozen=True, slots=True)
class AlertDispatcher:
    """Dispatcher of alerts. If `post` is None, alerts that are due are closed without an e-mail."""

    clock: Clock
    alerts: AlertStore
    limits: LimitStore
    tenants: SettingsStore
    usage: UsageStore
    post: MailSettings | None
    default_time_zone: str

    def dispatch_due(self, may_go_on: Callable[[], bool]) -> DispatchResult:
        """Send the alerts that are due while `may_go_on` returns True. Alerts that fail stay due for the next run."""
        outcomes = Counter[Outcome]()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for batch in batched(self.alerts.due(self._now_s()), 2 * SIDE_BY_SIDE, strict=False):
                if not may_go_on():
                    return DispatchResult(outcomes, finished=False)
                outcomes.update(pool.map(self._attempt, batch))
        return DispatchResult(outcomes, finished=True)

    def _attempt(self, due: tuple[str, str]) -> Outcome:
        try:
            leased = self.alerts.lease(*due, self._now_s())
            if leased is None:
                return Outcome.TAKEN
            try:
                return self._dispatch(leased)
            except Exception:
                self.alerts.release(leased)
                raise
        except Exception:  # noqa: BLE001 (the next run tries again, and no other alert waits for this one)
            logger().exception("an alert was not sent", tenant_id=due[0], alert=due[1])
            return Outcome.FAILED

    def _dispatch(self, leased: Leased) -> Outcome:
        state = self.limits.load(leased.tenant_id)
        alert: Alert | Outcome
        if isinstance(leased.content, ProviderAlert):
            alert = leased.content
        elif state:
            alert = self._recheck(leased, leased.content, state)
        else:
            raise LookupError("the tenant of a limit alert has no limits")
        if isinstance(alert, Outcome):
            return alert
        settings = self.tenants.load(leased.tenant_id, consistent=True)
        outcome = self._send(alert, settings, self._time_zone(state, settings))
        self._close(leased, outcome)
        return outcome

    def _send(self, alert: Alert, settings: TenantSettings, time_zone: str) -> Outcome:
        if self.post is None:
            return Outcome.MAILS_ARE_OFF
        if not settings.alert_emails:
            return Outcome.NO_RECIPIENT
        now_s = self._now_s()
        # Roll-ups use the days of the preferences' time zone. The current window may still have another time zone.
        usage_zone = settings.preferences.time_zone or self.default_time_zone
        spending = top_spend(self.usage, alert, usage_zone, now_s) if isinstance(alert, LimitAlert) else Spending()
        message = render(
            alert,
            spending,
            language=settings.preferences.mail_language,
            time_zone=time_zone,
            sender=self.post.sender,
            recipients=settings.alert_emails,
            link=self.post.dashboard_url,
            now_s=now_s,
        )
        ses.send(message, sender=self.post.sender, recipients=settings.alert_emails, tenant_id=alert.tenant_id)
        return Outcome.SENT

    def _recheck(self, leased: Leased, noted: Crossing, state: LimitState) -> LimitAlert | Outcome:
        """Return the alert with the current usage, or an outcome if it must not be sent, or not yet."""
        alert = LimitAlert(
            tenant_id=leased.tenant_id,
            limit=noted.limit,
            threshold=noted.threshold,
            window_end=noted.window_end,
            used=noted.used,
            max=noted.max,
        )
        level = next(level for level in state.levels() if level.limit.public_name == noted.limit)
        if level.end != noted.window_end:
            return alert
        if level._replace(held=0).reaches(noted.threshold):
            return alert.model_copy(update={"used": level.used, "max": level.maximum})
        if level.reaches(noted.threshold) or self._now_s() < noted.settled_by:
            self.alerts.release(leased)
            return Outcome.WAITS
        self.alerts.withdraw(leased)
        return Outcome.NOT_REACHED

    def _time_zone(self, state: LimitState | None, settings: TenantSettings) -> str:
        return (state.time_zone if state else settings.preferences.time_zone) or self.default_time_zone

    def _close(self, leased: Leased, outcome: Outcome) -> None:
        for pause_s in PAUSES_S:
            try:
                self.alerts.close(leased, outcome, self._now_s())
            except StoreUnavailable:
                logger().exception("could not store that an alert was sent", tenant_id=leased.tenant_id)
                time.sleep(pause_s)
            else:
                return
        self.alerts.close(leased, outcome, self._now_s())

    def _now_s(self) -> int:
        return self.clock.now_ms() // 1000
