"""What a tenant's administrator cannot exceed: the operator's ceilings, above the tenant's own limits.

The deployment has one for all tenants, and the operator may set another one for a tenant, which then takes its place.
Limits are brought under a ceiling by writing them anew, so that a reservation stays one write that knows nothing of
ceilings. A tenant's ceiling is written before its limits are; who changes limits looks at the ceiling after it. So
whoever comes last has seen both.
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

# How many tenants a process remembers to have brought under the deployment's ceiling.
TENANTS_KEPT = 4096


class Ceiling(StoredModel):
    """The most that each limit may be; None = no ceiling. Money in micro-dollars."""

    requests_per_hour: int | None = None
    tokens_per_day: int | None = None
    cost_per_month_micros: int | None = None

    def cut(self, settings: LimitSettings) -> LimitSettings:
        """The limits, none of them above its ceiling."""
        return settings.model_copy(update={name: lower(most, getattr(settings, name)) for name, most in self})

    def over(self, state: LimitState) -> LimitState:
        """The state as it will be once its limits are under the ceiling."""
        maxima = self.cut(state.settings).maxima
        remaining = per_window(state.remaining[i] - state.maxima[i] + maxima[i] for i in Limit)
        return replace(state, maxima=maxima, remaining=remaining)


def lower[Amount: (int, Decimal)](one: Amount | None, other: Amount | None) -> Amount | None:
    """The lower of two limits, of which None is the highest."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def deployment_ceiling(settings: Settings) -> Ceiling:
    dollars = settings.ceiling_cost_per_month_usd
    return Ceiling(
        requests_per_hour=settings.ceiling_requests_per_hour,
        tokens_per_day=settings.ceiling_tokens_per_day,
        cost_per_month_micros=None if dollars is None else micros_from_dollars(dollars),
    )


class CeilingStore:
    """A tenant's item has what the operator set for it; what is not there is the deployment's."""

    def __init__(self, table: Table, deployment: Ceiling) -> None:
        self._table = table
        self.deployment = deployment

    def load(self, tenant_id: str) -> Ceiling:
        item = self._table.get(keys.ceiling(tenant_id), consistent=True) or {}
        own = Ceiling.model_validate(item)
        return self.deployment.model_copy(update=own.model_dump(exclude_unset=True))

    def save(self, tenant_id: str, own: Mapping[str, int | None], deployments: frozenset[str]) -> None:
        """Sets the ceilings of `own` (None = no ceiling), and lets those of `deployments` be the deployment's again."""
        sets = ", ".join(f"{name} = :{name}" for name in own)
        removes = ", ".join(sorted(deployments))
        expression = " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)
        self._table.update(keys.ceiling(tenant_id), expression, {f":{name}": most for name, most in own.items()})


class LimitStoreWithCeiling(LimitStore):
    """The store of limits that no ceiling is exceeded in."""

    def __init__(self, table: Table, seats: int, ceilings: CeilingStore) -> None:
        super().__init__(table, seats)
        self._ceilings = ceilings
        self._has_ceiling = any(most is not None for _, most in ceilings.deployment)
        self._held: set[str] = set()

    def reserve(
        self,
        tenant_id: str,
        ask: ReservationRequest,
        defaults: LimitSettings,
        now_s: int,
        *,
        settled: Settlement | None = None,
    ) -> Reservation:
        # The deployment's ceiling is new with a new process, and with it alone.
        if self._has_ceiling and tenant_id not in self._held:
            self.apply_ceiling(tenant_id, defaults, now_s)
            if len(self._held) >= TENANTS_KEPT:
                self._held.clear()
            self._held.add(tenant_id)
        return super().reserve(tenant_id, ask, defaults, now_s, settled=settled)

    def change_settings(
        self, tenant_id: str, change: Callable[[LimitSettings], LimitSettings], defaults: LimitSettings, now_s: int
    ) -> None:
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
        """Sets a tenant's ceilings as CeilingStore.save does, and binds them on its next call.

        Limits are written out for a tenant that has only the defaults: what those may become is no matter of it then.
        """
        self._ceilings.save(tenant_id, own, deployments)
        super().change_settings(tenant_id, self._ceilings.load(tenant_id).cut, defaults, now_s)

    def apply_ceiling(self, tenant_id: str, defaults: LimitSettings, now_s: int) -> None:
        """Brings limits that are above the tenant's ceiling under it; they bind on the next call."""
        ceiling, state = self._ceilings.load(tenant_id), self.load(tenant_id)
        settings = state.settings if state else defaults
        if ceiling.cut(settings).maxima != settings.maxima:
            super().change_settings(tenant_id, ceiling.cut, defaults, now_s)


def under_ceiling(settings: Settings) -> Settings:
    """The deployment's settings, its default limits brought under its own ceiling."""
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
    """That of the deployment."""
    return CeilingStore(tables.rate_limits(), deployment_ceiling(get_settings()))
