"""Detect events that need an alert, and store the alerts. The dispatcher sends them."""

from collections.abc import Sequence

from nexus_ai.alerts.models import AlertedLimit, ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import AlertStore, Crossing
from nexus_ai.limits.models import ABANDONED_AFTER_MS, Level
from nexus_ai.platform.clock import Clock
from nexus_ai.providers.base import FailureKind
from nexus_ai.settings.models import AlertSettings, ProviderConfig

# A process stores an alert again after this time, so that a lost write or a change cannot suppress it.
STEP_S = 300
# Longest time that a request can hold its reservation after it started.
LONGEST_CALL_S = 30 + ABANDONED_AFTER_MS // 1000
MAX_REMEMBERED = 4096
# Failures caused by the key, which affect every model of the provider.
KEY_FAILURES = frozenset({FailureKind.INVALID_KEY, FailureKind.NO_CREDIT})


class AlertDetector:
    """Detector of reached thresholds and failing providers."""

    def __init__(self, alerts: AlertStore, clock: Clock) -> None:
        self._alerts = alerts
        self._clock = clock
        self._noted: dict[tuple[str, str], int] = {}

    def check_levels(self, tenant_id: str, settings: AlertSettings, levels: Sequence[Level]) -> None:
        """Store an alert for every threshold that used and reserved amounts reach.

        Compares current usage, not the transition, so lowering a limit can trigger the alert as well.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        if not settings.emails:
            return
        now_s = self._clock.now_ms() // 1000
        settled_by = _step_end(now_s) + LONGEST_CALL_S
        crossings = [
            Crossing(
                limit=AlertedLimit(level.limit.public_name),
                threshold=threshold,
                window_end=level.end,
                used=level.used + level.held,
                max=level.maximum,
                settled_by=settled_by,
            )
            for level in levels
            for threshold in settings.thresholds
            if level.reaches(threshold)
        ]
        for crossing in crossings:
            if self._is_new(tenant_id, crossing.name, now_s):
                is_due = self._alerts.note_crossing(tenant_id, crossing, now_s)
                self._remember(tenant_id, crossing.name, _step_end(now_s) if is_due else crossing.window_end)

    def record_failure(
        self,
        tenant_id: str,
        settings: AlertSettings,
        config: ProviderConfig,
        model: str,
        kind: FailureKind,
        *,
        opened: bool,
    ) -> None:
        """Store an alert if the failure is the key's, or if it opened the circuit breaker.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        if not settings.emails:
            return
        if kind in KEY_FAILURES:
            self._note_failure(tenant_id, ProviderEvent.KEY_FAILED, config, None, kind)
        elif opened:
            self._note_failure(tenant_id, ProviderEvent.CIRCUIT_OPENED, config, model, kind)

    def record_recovery(self, tenant_id: str, provider: str, model: str) -> None:
        """Mark the alerts of a model and of its key as over, after the model has responded again."""
        now_s = self._clock.now_ms() // 1000
        for event, name in ((ProviderEvent.KEY_FAILED, None), (ProviderEvent.CIRCUIT_OPENED, model)):
            alert_name = ProviderAlert.name_of(event, provider, name)
            self._alerts.note_recovery(tenant_id, alert_name, now_s)
            self._noted.pop((tenant_id, alert_name), None)

    def _note_failure(
        self, tenant_id: str, event: ProviderEvent, config: ProviderConfig, model: str | None, kind: FailureKind
    ) -> None:
        now_s = self._clock.now_ms() // 1000
        alert = ProviderAlert(
            tenant_id=tenant_id,
            event=event,
            provider=config.provider,
            model=model,
            key_last_four=None if model else config.key_last_four,
            reason=kind.value,
            at=now_s,
        )
        if self._is_new(tenant_id, alert.name, now_s):
            self._alerts.note_failure(alert)
            self._remember(tenant_id, alert.name, _step_end(now_s))

    def _is_new(self, tenant_id: str, name: str, now_s: int) -> bool:
        return self._noted.get((tenant_id, name), 0) <= now_s

    def _remember(self, tenant_id: str, name: str, until_s: int) -> None:
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[tenant_id, name] = until_s


def _step_end(now_s: int) -> int:
    return (now_s // STEP_S + 1) * STEP_S
