"""Enforce the operator's ceilings, the upper bounds of the limits that a tenant's administrator can set.

The deployment has one ceiling for all tenants. The operator can replace it for a single tenant.

A ceiling is enforced by lowering the stored limits, so that a reservation stays one write that does not read ceilings.
The operator's change writes the ceiling first and then lowers the limits. An administrator's change writes the limits
first and then checks the ceiling. The change that ends last has therefore seen both values.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from nexus_ai.aws.dynamodb import keys, tables
from nexus_ai.aws.dynamodb.table import Table
from nexus_ai.limits.models import (
    Limit,
    LimitSettings,
    LimitState,
    Reservation,
    ReservationRequest,
    Settlement,
    per_window,
)
from nexus_ai.limits.store import LimitStore
from nexus_ai.platform.money import micros_from_dollars
from nexus_ai.platform.schema import StoredModel
from nexus_ai.platform.settings import Settings, get_settings

# Number of tenants for which a process remembers that their limits are not above the ceiling.
MAX_TENANTS = 4096


class Ceiling(StoredModel):
    """Upper bounds of the limits. None means no ceiling; money is in micro-dollars."""

    requests_per_hour: int | None = None
    tokens_per_day: int | None = None
    cost_per_month_micros: int | None = None

    def cut(self, settings: LimitSettings) -> LimitSettings:
        """Return the limits, each lowered to its ceiling if it is above it."""
        return settings.model_copy(update={name: lower(maximum, getattr(settings, name)) for name, maximum in self})

    def cut_state(self, state: LimitState) -> LimitState:
        """Return the state as it will be after its limits are lowered to the ceiling."""
        maxima = self.cut(state.settings).maxima
        remaining = per_window(state.remaining[i] - state.maxima[i] + maxima[i] for i in Limit)
        return replace(state, maxima=maxima, remaining=remaining)


def lower[Amount: (int, Decimal)](one: Amount | None, other: Amount | None) -> Amount | None:
    """Return the lower of two limits. None means no limit and is the highest."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def deployment_ceiling(settings: Settings) -> Ceiling:
    """Return the ceiling that the deployment's settings define for all tenants."""
    dollars = settings.ceiling_cost_per_month_usd
    return Ceiling(
        requests_per_hour=settings.ceiling_requests_per_hour,
        tokens_per_day=settings.ceiling_tokens_per_day,
        cost_per_month_micros=None if dollars is None else micros_from_dollars(dollars),
    )


class CeilingStore:
    """Store of ceilings. A ceiling that is missing from a tenant's item is the deployment's."""

    def __init__(self, table: Table, deployment: Ceiling) -> None:
        self._table = table
        self.deployment = deployment

    def load(self, tenant_id: str) -> Ceiling:
        """Return the ceiling of a tenant, with the deployment's values for what it does not set."""
        item = self._table.get(keys.ceiling(tenant_id), consistent=True) or {}
        own = Ceiling.model_validate(item)
        return self.deployment.model_copy(update=own.model_dump(exclude_unset=True))

    def save(self, tenant_id: str, own: Mapping[str, int | None], deployments: frozenset[str]) -> None:
        """Change a tenant's ceilings.

        Args:
            tenant_id: The tenant.
            own: Ceilings to set, by field name. None means no ceiling.
            deployments: Field names that use the deployment's ceiling again.
        """
        sets = ", ".join(f"{name} = :{name}" for name in own)
        removes = ", ".join(sorted(deployments))
        expression = " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)
        self._table.update(keys.ceiling(tenant_id), expression, {f":{name}": maximum for name, maximum in own.items()})


class LimitStoreWithCeiling(LimitStore):
    """Store of limits that keeps every limit at or below its ceiling."""

    def __init__(self, table: Table, max_in_flight: int, ceilings: CeilingStore) -> None:
        super().__init__(table, max_in_flight)
        self._ceilings = ceilings
        self._has_deployment_ceiling = any(maximum is not None for _, maximum in ceilings.deployment)
        self._checked_tenants: set[str] = set()

    def reserve(
        self,
        tenant_id: str,
        request: ReservationRequest,
        defaults: LimitSettings,
        now_s: int,
        *,
        settled: Settlement | None = None,
    ) -> Reservation:
        """Apply the deployment's ceiling to the tenant once per process, then reserve as LimitStore.reserve does."""
        # The deployment's ceiling changes only with a deployment, which starts new processes.
        if self._has_deployment_ceiling and tenant_id not in self._checked_tenants:
            self.apply_ceiling(tenant_id, defaults, now_s)
            if len(self._checked_tenants) >= MAX_TENANTS:
                self._checked_tenants.clear()
            self._checked_tenants.add(tenant_id)
        return super().reserve(tenant_id, request, defaults, now_s, settled=settled)

    def change_settings(
        self, tenant_id: str, change: Callable[[LimitSettings], LimitSettings], defaults: LimitSettings, now_s: int
    ) -> None:
        """Change limits and time zone as LimitStore.change_settings does, then apply the ceiling."""
        super().change_settings(tenant_id, change, defaults, now_s)
        self.apply_ceiling(tenant_id, defaults, now_s)

    def set_ceiling(
        self,
        tenant_id: str,
        own: Mapping[str, int | None],
        deployments: frozenset[str],
        *,
        defaults: LimitSettings,
        now_s: int,
    ) -> None:
        """Change a tenant's ceilings as CeilingStore.save does. They apply from its next request.

        A tenant that uses the default limits gets stored limits, so later changes of the defaults do not apply to it.
        """
        self._ceilings.save(tenant_id, own, deployments)
        super().change_settings(tenant_id, self._ceilings.load(tenant_id).cut, defaults, now_s)

    def apply_ceiling(self, tenant_id: str, defaults: LimitSettings, now_s: int) -> None:
        """Lower limits that are above the tenant's ceiling. They apply from the next request."""
        ceiling, state = self._ceilings.load(tenant_id), self.load(tenant_id)
        settings = state.settings if state else defaults
        if ceiling.cut(settings).maxima != settings.maxima:
            super().change_settings(tenant_id, ceiling.cut, defaults, now_s)


def under_ceiling(settings: Settings) -> Settings:
    """Return the settings with default limits that are not above the deployment's ceiling."""
    return settings.model_copy(
        update={
            "default_requests_per_hour": lower(settings.default_requests_per_hour, settings.ceiling_requests_per_hour),
            "default_tokens_per_day": lower(settings.default_tokens_per_day, settings.ceiling_tokens_per_day),
            "default_cost_per_month_usd": lower(
                settings.default_cost_per_month_usd, settings.ceiling_cost_per_month_usd
            ),
        }
    )


def ceiling_store() -> CeilingStore:
    """Return the store of the deployment's ceilings."""
    return CeilingStore(tables.rate_limits(), deployment_ceiling(get_settings()))
