"""What administrators are to be told of, noted where the pipeline learns of it: nothing here sends anything."""

from collections.abc import Sequence

from nexus_ai.alerts.models import AlertedLimit, ProviderAlert, ProviderEvent
from nexus_ai.alerts.store import AlertStore, Crossing
from nexus_ai.limits.models import ABANDONED_AFTER_MS, Level
from nexus_ai.platform.clock import Clock
from nexus_ai.providers.base import FailureKind
from nexus_ai.settings.models import AlertSettings, ProviderConfig

# What a process has noted it notes again after this time, so that no fault and no change keeps an alert away.
STEP_S = 300
# How long after it was begun a call may hold what it reserved.
LONGEST_CALL_S = 30 + ABANDONED_AFTER_MS // 1000
MAX_REMEMBERED = 4096
# Failures that are the key's: every model of its provider meets them.
KEY_FAILURES = frozenset({FailureKind.INVALID_KEY, FailureKind.NO_CREDIT})


class AlertDetector:
    def __init__(self, alerts: AlertStore, clock: Clock) -> None:
        self._alerts = alerts
        self._clock = clock
        self._noted: dict[tuple[str, str], int] = {}

    def check_levels(self, tenant_id: str, settings: AlertSettings, levels: Sequence[Level]) -> None:
        """Notes every threshold that is reached, by what is used or by what is held; raises StoreUnavailable.

        It is judged by the state and not by the step over it, so that a limit that was lowered is told of, too.
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
        """Notes that a key has died, or else that a circuit has opened; raises StoreUnavailable."""
        if not settings.emails:
            return
        if kind in KEY_FAILURES:
            self._provider(tenant_id, ProviderEvent.KEY_FAILED, config, None, kind)
        elif opened:
            self._provider(tenant_id, ProviderEvent.CIRCUIT_OPENED, config, model, kind)

    def record_recovery(self, tenant_id: str, provider: str, model: str) -> None:
        """A model that had failed has answered: what was told of it and of its key is over."""
        now_s = self._clock.now_ms() // 1000
        for event, name in ((ProviderEvent.KEY_FAILED, None), (ProviderEvent.CIRCUIT_OPENED, model)):
            told = ProviderAlert.name_of(event, provider, name)
            self._alerts.note_recovery(tenant_id, told, now_s)
            self._noted.pop((tenant_id, told), None)

    def _provider(
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
