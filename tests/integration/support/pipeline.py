"""Send requests for copy through the local API, change a tenant's settings, and read what the tables store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from local.stack import LocalStack
from nexus_ai.audit.models import AuditRecord
from nexus_ai.audit.store import AuditStore, audit_store
from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.gateway.composition import gateway
from nexus_ai.limits.models import LimitSettings, LimitState
from nexus_ai.limits.store import LimitStore
from nexus_ai.limits.sweep_queue import SweepQueue
from nexus_ai.platform.clock import SystemClock
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings import key_ring
from nexus_ai.settings.models import ANY_MODULE, FallbackOrder, FallbackStep, Preferences
from nexus_ai.sweeper import AbandonedRequestSweeper
from nexus_ai.usage.store import usage_store
from tests.integration.support.http_client import GENERATE_COPY, Reply, ask
from tests.integration.support.limit_calls import MovedClock, caller_of

DAY_MS = 86_400_000
MAX_IN_FLIGHT = 100


def mid_hour_time_zone() -> str:
    """Return a time zone whose current hour, day and month end in 30 minutes at the earliest.

    The hours of India begin at half past those of UTC. All requests of a test thus belong to one window.
    """
    minute = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).minute
    return "UTC" if minute < 30 else "Asia/Kolkata"


def copy(stack: LocalStack, tenant: str, body: dict[str, Any] | None = None, **headers: str) -> Reply:
    """Send a request for copy. `headers` are named with underscores in place of hyphens."""
    token = stack.token(tenant, "ana", ["user"])
    fields = {"provider": "openai", "prompt": "Limpeza de pele com desconto"} | (body or {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(stack.url, "POST", GENERATE_COPY, token=token, body=fields, headers=named)


def audit() -> AuditStore:
    return AuditStore(tables.audit_logs(), metadata_days=400, content_days=90)


def records(tenant: str) -> list[AuditRecord]:
    """Return all records of a tenant, oldest first."""
    now_ms = SystemClock().now_ms()
    return audit().between(tenant, now_ms - DAY_MS, now_ms + DAY_MS, newest_first=False)


def sweep_at(now_ms: int) -> AbandonedRequestSweeper:
    table = tables.rate_limits()
    return AbandonedRequestSweeper(
        clock=MovedClock(now_ms),
        limits=LimitStore(table, MAX_IN_FLIGHT),
        due=SweepQueue(table),
        audit=audit_store(),
        usage=usage_store(),
    )


def limit_state(tenant: str) -> LimitState:
    return gateway().limits.state(caller_of(tenant))


def set_limits(
    tenant: str,
    *,
    requests: int | None = None,
    tokens: int | None = None,
    cost_micros: int | None = None,
    time_zone: str = "UTC",
) -> None:
    settings = LimitSettings(
        requests_per_hour=requests, tokens_per_day=tokens, cost_per_month_micros=cost_micros, time_zone=time_zone
    )
    gateway().limits.change(caller_of(tenant), lambda _: settings)


def set_fallback(tenant: str, *steps: str) -> None:
    """Save the tenant's fallback order for every module.

    Args:
        tenant: Id of the tenant.
        steps: Providers in order, each with "/" and a model if it is not the configured one.
    """
    named = (step.partition("/") for step in steps)
    order = FallbackOrder(steps=tuple(FallbackStep(provider=name, model=model or None) for name, _, model in named))
    gateway().settings.save_fallback(caller_of(tenant), ANY_MODULE, order)


def set_preferences(tenant: str, preferences: Preferences) -> None:
    gateway().settings.change_preferences(caller_of(tenant), preferences.model_dump())


def welcome(stack: LocalStack, tenant: str) -> None:
    """Give a tenant the providers of the demo."""
    stack.tenants.welcome(tenant)


def at_once[T](calls: int, work: Callable[[int], T]) -> list[T]:
    """Call `work` concurrently with each number below `calls`, and return the results in order."""
    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(work, range(calls)))


def damage_key(tenant: str, provider: ProviderName) -> None:
    """Replace a provider key by a ciphertext of another tenant, whose encryption context does not match."""
    foreign = key_ring.encrypt(f"{tenant}-other", provider, "sk-of-another-tenant")
    key = keys.provider_config(tenant, provider)
    tables.settings().update(key, "SET key_ciphertext = :foreign", {":foreign": foreign})
    set_preferences(tenant, Preferences())
