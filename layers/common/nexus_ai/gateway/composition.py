"""Build the gateway from its services and the tables that they use."""

from nexus_ai.alerts.detector import AlertDetector
from nexus_ai.alerts.store import AlertStore
from nexus_ai.audit.store import audit_store
from nexus_ai.aws.dynamodb import tables
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.cache.response_cache import ResponseCache
from nexus_ai.cache.store import CacheStore
from nexus_ai.gateway.audit_trail import AuditTrail
from nexus_ai.gateway.circuit_breaker import CircuitBreaker
from nexus_ai.gateway.idempotency import Idempotency
from nexus_ai.gateway.pipeline import Gateway
from nexus_ai.limits.service import LimitService, limit_service, make_limit_service
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import Clock, SystemClock
from nexus_ai.platform.once import Once
from nexus_ai.platform.settings import get_settings
from nexus_ai.settings.key_ring import KeyRing, key_ring
from nexus_ai.settings.service import SettingsService, settings_service
from nexus_ai.settings.store import SettingsStore
from nexus_ai.usage.reconciliation_queue import ReconciliationQueue
from nexus_ai.usage.store import usage_store


def compose(clock: Clock) -> Gateway:
    """Return a new gateway over the deployment's tables. It shares no in-memory state with other gateways."""
    tenants = SettingsService(SettingsStore(tables.settings()), clock)
    return _compose(clock, tenants, make_limit_service(clock), KeyRing(clock))


def _compose(clock: Clock, tenants: SettingsService, limits: LimitService, key_ring: KeyRing) -> Gateway:
    return Gateway(
        clock=clock,
        settings=tenants,
        key_ring=key_ring,
        limits=limits,
        response_cache=ResponseCache(CacheStore(tables.cache()), clock),
        audit_trail=AuditTrail(
            audit_store(),
            usage_store(),
            SweepQueue(tables.rate_limits()),
            ReconciliationQueue(tables.rate_limits()),
            clock,
        ),
        circuit_breaker=CircuitBreaker(SettingsStore(tables.settings()), tenants, clock),
        alert_detector=AlertDetector(AlertStore(tables.rate_limits()), clock),
        idempotency=Idempotency(IdempotencyStore(tables.cache()), clock),
        default_time_zone=get_settings().default_time_zone,
    )


gateway = Once(lambda: _compose(SystemClock(), settings_service(), limit_service(), key_ring()))
