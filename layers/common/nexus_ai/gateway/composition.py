"""How the concerns are put together: the only place that knows all of them and the tables they use."""

from nexus_ai.alerts.store import AlertStore
from nexus_ai.audit.store import audit_store
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
from nexus_ai.limits.due import DueTenants
from nexus_ai.limits.service import LimitService, limit_service, make_limit_service
from nexus_ai.storage import tables
from nexus_ai.tenants.secrets import KeyRing, key_ring
from nexus_ai.tenants.service import TenantService, tenant_service
from nexus_ai.tenants.store import TenantStore
from nexus_ai.usage.days import DaysToCheck
from nexus_ai.usage.store import usage_store


def compose(clock: Clock) -> Gateway:
    """A gateway over the tables of the deployment, with a memory of its own."""
    tenants = TenantService(TenantStore(tables.settings()), clock)
    return _compose(clock, tenants, make_limit_service(clock), KeyRing(clock))


def _compose(clock: Clock, tenants: TenantService, limits: LimitService, key_ring: KeyRing) -> Gateway:
    return Gateway(
        clock=clock,
        tenants=tenants,
        key_ring=key_ring,
        limits=limits,
        kept_answers=KeptAnswers(CacheStore(tables.cache()), clock),
        books=Books(
            audit_store(), usage_store(), DueTenants(tables.rate_limits()), DaysToCheck(tables.rate_limits()), clock
        ),
        circuits=Circuits(TenantStore(tables.settings()), tenants, clock),
        watch=Watch(AlertStore(tables.rate_limits()), clock),
        idempotency=Idempotency(IdempotencyStore(tables.cache()), clock),
        default_time_zone=get_settings().default_time_zone,
    )


gateway = Once(lambda: _compose(SystemClock(), tenant_service(), limit_service(), key_ring()))
