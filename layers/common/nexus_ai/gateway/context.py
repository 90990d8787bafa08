"""One request on its way: what has happened so far, so that every end of it can be written down whole."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nexus_ai.alerts.detector import AlertDetector
from nexus_ai.audit.content import completion_content, prompt_content
from nexus_ai.audit.models import AuditRecord, AuditStatus, Content
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.cache.idempotency import key_hash
from nexus_ai.cache.response_cache import ResponseCache
from nexus_ai.gateway import telemetry
from nexus_ai.gateway.attempts import AttemptTracker
from nexus_ai.gateway.audit_trail import AuditTrail
from nexus_ai.gateway.circuit_breaker import CircuitBreaker
from nexus_ai.gateway.idempotency import Idempotency
from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import ABANDONED_AFTER_MS, Level, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SETTLE_S, Clock, local_day
from nexus_ai.settings.key_ring import KeyRing
from nexus_ai.settings.models import AuditContent, Preferences, TenantSettings
from nexus_ai.settings.service import SettingsService

# Until a tenant's settings are read, nothing of what it sends is kept.
UNREAD = TenantSettings(preferences=Preferences(audit_content=AuditContent.NONE, cache_ttl_days=0))


@dataclass(frozen=True, slots=True)
class GatewayServices:
    """What the pipeline composes."""

    clock: Clock
    settings: SettingsService
    key_ring: KeyRing
    limits: LimitService
    response_cache: ResponseCache
    audit_trail: AuditTrail
    circuit_breaker: CircuitBreaker
    alert_detector: AlertDetector
    idempotency: Idempotency
    default_time_zone: str


class RequestContext[T]:
    """`asked` is whom the request is with; `then` is what its end brings beside record, settlement and roll-up."""

    def __init__(self, concerns: GatewayServices, caller: Caller, call: ModelCall[T]) -> None:
        self._services = concerns
        self._caller = caller
        self._call = call
        self.settings = UNREAD
        self.attempts = AttemptTracker(concerns.limits, caller)
        self.candidate = Candidate(call.provider or "none", call.model or "none")
        self.opened_record = False
        self.deferred_writes: list[Callable[[], object]] = []
        # How far the limits were used after the last settlement.
        self._levels: tuple[Level, ...] = ()

    def close(self, record: AuditRecord, answer: str | None, writes: list[tuple[Table, Item]] | None = None) -> bool:
        """Writes the end down; False where its record could not be written."""
        choice = self.settings.preferences.audit_content
        contents: list[Content] = [] if self.opened_record else prompt_content(self._call, choice)
        if answer is not None:
            contents += completion_content(answer, choice)
        settled, concerns = self.attempts.last_settlement(), self._services
        settle = partial(self._settle, settled) if settled else None
        telemetry.emit(record)
        return concerns.audit_trail.close(
            self._caller, record, contents, settle=settle, others=self.deferred_writes, writes=writes or []
        )

    def _settle(self, settled: Settlement) -> None:
        """May be called again where it failed: what is left to be told then is told."""
        watched = settled.model_copy(update={"watched": bool(self.settings.alerts.emails)})
        levels = self._services.limits.settle(self._caller.tenant_id, watched)
        self._levels = levels or self._levels
        self._services.alert_detector.check_levels(self._caller.tenant_id, self.settings.alerts, self._levels)

    def response(self, data: T, provider: str, model: str, *, cached: bool) -> GatewayResponse[T]:
        """The answer with all that the caller is told around it."""
        return GatewayResponse(
            request_id=self._caller.request_id,
            data=data,
            provider=provider,
            model=model,
            cached=cached,
            usage=self.attempts.usage(),
            latency_ms=self._took_ms(),
            attempts=() if cached else tuple(self.attempts.attempts),
            fell_back=bool(self.attempts.attempts) and self.attempts.attempts[0].provider != provider,
        )

    def record(self, status: AuditStatus, **known: Any) -> AuditRecord:
        """The audit record as it stands now; `known` are its fields that belong to one kind of end."""
        caller, call = self._caller, self._call
        zone = self.settings.preferences.time_zone or self._services.default_time_zone
        return AuditRecord(
            id=caller.request_id,
            at_ms=caller.started_at_ms,
            day=local_day(caller.started_at_ms, zone),
            time_zone=zone,
            deadline_ms=caller.deadline.at_ms + ABANDONED_AFTER_MS,
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            module=call.module,
            endpoint=caller.endpoint,
            task=call.task,
            prompt_version=call.prompt_version,
            status=status,
            provider=self.candidate.provider,
            model=self.candidate.model,
            attempts=tuple(self.attempts.attempts),
            idempotency_hash=key_hash(caller.idempotency_key) if caller.idempotency_key else None,
            ip=caller.ip,
            user_agent=caller.user_agent,
            latency_ms=None if status is AuditStatus.OPEN else self._took_ms(),
            **known,
        )

    def _took_ms(self) -> int:
        return max(0, self._services.clock.now_ms() - self._caller.started_at_ms)

    def time_left(self) -> float:
        """Seconds for attempts, settling aside."""
        return self._caller.deadline.remaining_s(self._services.clock) - SETTLE_S
