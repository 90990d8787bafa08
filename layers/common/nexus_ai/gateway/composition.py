"""How the concerns are put together: the only place that knows all of them and the tables they use."""

from nexus_ai.alerts.store import AlertStore
from nexus_ai.audit.store import AuditStore
from nexus_ai.cache.idempotency import IdempotencyStore
from nexus_ai.cache.store import CacheStore
from nexus_ai.core.clock import Clock, SystemClock
from nexus_ai.core.once import Once
from nexus_ai.core.settings import get_settings
from nexus_ai.gateway.books import Books
from nexus_ai.gateway.circuits import Circuits
from nexus_ai.gateway.idempotency import Idempotency
from nexus_ai.gateway.kept_answers import KeptAnswers
from nexus_ai.gateway.pipeline import Gateway
from nexus_ai.gateway.watch import Watch
from nexus_ai.limits.ceilings import CeiledLimitStore, CeilingStore, deployment_ceiling, under_ceiling
from nexus_ai.limits.due import DueTenants
from nexus_ai.limits.service import LimitService
from nexus_ai.storage import tables
from nexus_ai.tenants.secrets import KeyRing
from nexus_ai.tenants.service import TenantService
from nexus_ai.tenants.store import TenantStore
from nexus_ai.usage.days import DaysToCheck
from nexus_ai.usage.store import UsageStore


def audit_store() -> AuditStore:
    settings = get_settings()
    return AuditStore(
        tables.audit_logs(),
        metadata_days=settings.metadata_retention_days,
        content_days=settings.content_retention_days,
    )


def usage_store() -> UsageStore:
    return UsageStore(tables.usage(), days=get_settings().metadata_retention_days)


def ceiling_store() -> CeilingStore:
    return CeilingStore(tables.rate_limits(), deployment_ceiling(get_settings()))


def compose(clock: Clock) -> Gateway:
    """A gateway over the tables of the deployment."""
    settings = get_settings()
    tenant_store = TenantStore(tables.settings())
    tenants = TenantService(tenant_store, clock)
    return Gateway(
        clock=clock,
        tenants=tenants,
        key_ring=KeyRing(clock),
        limits=LimitService(
            CeiledLimitStore(tables.rate_limits(), settings.max_calls_in_flight, ceiling_store()),
            clock,
            under_ceiling(settings),
        ),
        kept_answers=KeptAnswers(CacheStore(tables.cache()), clock),
        books=Books(
            audit_store(), usage_store(), DueTenants(tables.rate_limits()), DaysToCheck(tables.rate_limits()), clock
        ),
        circuits=Circuits(tenant_store, tenants, clock),
        watch=Watch(AlertStore(tables.rate_limits()), clock),
        idempotency=Idempotency(IdempotencyStore(tables.cache()), clock),
        default_time_zone=settings.default_time_zone,
    )


gateway = Once(lambda: compose(SystemClock()))
