"""Hold the state of one request, so that its audit record can be written at any point."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nexus_ai.alerts.detector import AlertDetector
from nexus_ai.audit.content import completion_content, prompt_content
from nexus_ai.audit.models import AuditRecord, AuditStatus, Content
from nexus_ai.audit.records import new_record
from nexus_ai.aws.dynamodb.table import Item, Table
from nexus_ai.cache.idempotency import key_hash
from nexus_ai.cache.response_cache import ResponseCache, cache_key_for
from nexus_ai.gateway import telemetry
from nexus_ai.gateway.attempts import AttemptTracker
from nexus_ai.gateway.audit_trail import AuditTrail
from nexus_ai.gateway.circuit_breaker import CircuitBreaker
from nexus_ai.gateway.idempotency import Idempotency
from nexus_ai.gateway.models import GatewayResponse
from nexus_ai.gateway.routing import Candidate
from nexus_ai.limits.models import Level, Settlement
from nexus_ai.limits.service import LimitService
from nexus_ai.model_calls import ModelCall
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import SETTLE_S, Clock
from nexus_ai.settings.key_ring import KeyRing
from nexus_ai.settings.models import AuditContent, Preferences, TenantSettings
from nexus_ai.settings.service import SettingsService

# Used until the tenant's settings are read: store no content and no cached response.
_RESTRICTIVE_SETTINGS = TenantSettings(preferences=Preferences(audit_content=AuditContent.NONE, cache_ttl_days=0))


@dataclass(frozen=True, slots=True)
class GatewayServices:
    """Services that the pipeline uses."""

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
    """State of one request in the pipeline.

    Attributes:
        settings: The tenant's settings, once they are read.
        attempts: The attempts so far.
        call: The model call of the request.
        candidate: The provider and model that the request is using.
        first_candidate: The candidate that routing put first.
        limits_item: The tenant's rate-limits item, read with the cache lookup and used before the first attempt.
        opened_record: True once the pipeline has started to write the open audit record.
        deferred_writes: Work for the end of the request, besides record, settlement and usage roll-up.
    """

    def __init__(self, services: GatewayServices, caller: Caller, call: ModelCall[T]) -> None:
        self._services = services
        self._caller = caller
        self.call = call
        self.settings = _RESTRICTIVE_SETTINGS
        self.attempts = AttemptTracker(services.limits, caller)
        self.candidate = Candidate(call.provider or "none", call.model or "none")
        self.first_candidate = self.candidate
        self.limits_item: Item | None = None
        self.opened_record = False
        self.deferred_writes: list[Callable[[], object]] = []
        # Use of each limit after the last settlement.
        self._levels: tuple[Level, ...] = ()
        self._cache_keys: dict[tuple[str, str], str] = {}

    def cache_key(self, candidate: Candidate) -> str:
        """Return the candidate's cache key, computed once because it hashes the whole request."""
        name = candidate.provider, candidate.model
        if name not in self._cache_keys:
            self._cache_keys[name] = cache_key_for(self._caller, self.call, *name)
        return self._cache_keys[name]

    def close(
        self, record: AuditRecord, completion: str | None, writes: list[tuple[Table, Item]] | None = None
    ) -> bool:
        """Emit the request's metrics, and write everything that belongs to its end.

        Args:
            record: The closed audit record.
            completion: The text to keep as content, if there is any.
            writes: Further items to put.

        Returns:
            False if the audit record could not be written.
        """
        content_policy = self.settings.preferences.audit_content
        contents: list[Content] = [] if self.opened_record else prompt_content(self.call, content_policy)
        if completion is not None:
            contents += completion_content(completion, content_policy)
        settlement = self.attempts.last_settlement()
        settle = partial(self._settle, settlement) if settlement else None
        telemetry.emit(record)
        return self._services.audit_trail.close(
            self._caller, record, contents, settle=settle, others=self.deferred_writes, writes=writes or []
        )

    def _settle(self, settlement: Settlement) -> None:
        """Settle the last reservation and check alerts. A repeated call checks the levels of the first settlement."""
        watched = settlement.model_copy(update={"watched": bool(self.settings.alerts.emails)})
        levels = self._services.limits.settle(self._caller.tenant_id, watched)
        self._levels = levels or self._levels
        self._services.alert_detector.check_levels(self._caller.tenant_id, self.settings.alerts, self._levels)

    def response(self, data: T, provider: str, model: str, *, cached: bool) -> GatewayResponse[T]:
        """Return the response of the request, with its usage, latency and attempts."""
        return GatewayResponse(
            request_id=self._caller.request_id,
            data=data,
            provider=provider,
            model=model,
            cached=cached,
            usage=self.attempts.usage(),
            latency_ms=self._elapsed_ms(),
            attempts=() if cached else tuple(self.attempts.attempts),
            fell_back=bool(self.attempts.attempts) and self.attempts.attempts[0].provider != provider,
        )

    def record(self, status: AuditStatus, **fields: Any) -> AuditRecord:
        """Return the audit record of the request so far. `fields` are those that only some statuses have."""
        caller = self._caller
        return new_record(
            caller,
            self.call,
            status,
            time_zone=self.settings.preferences.time_zone or self._services.default_time_zone,
            now_ms=self._services.clock.now_ms(),
            provider=self.candidate.provider,
            model=self.candidate.model,
            attempts=tuple(self.attempts.attempts),
            idempotency_hash=key_hash(caller.idempotency_key) if caller.idempotency_key else None,
            **fields,
        )

    def _elapsed_ms(self) -> int:
        return max(0, self._services.clock.now_ms() - self._caller.started_at_ms)

    def time_left_s(self) -> float:
        """Return the seconds left for attempts. The time for the writes at the end is subtracted."""
        return self._caller.deadline.remaining_s(self._services.clock) - SETTLE_S
