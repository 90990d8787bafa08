"""A tenant's settings in the Settings table: one item a thing, all of them in one partition."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from nexus_ai.storage import keys
from nexus_ai.storage.table import ConditionFailed, Item, Table
from nexus_ai.tenants.models import Circuit, FallbackOrder, Preferences, ProviderConfig, TenantSettings


def _body(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}


def _settings(items: Iterable[Item]) -> TenantSettings:
    providers: dict[str, ProviderConfig] = {}
    fallbacks: dict[str, FallbackOrder] = {}
    circuits: dict[tuple[str, str], Circuit] = {}
    preferences = Preferences()
    for item in items:
        kind, _, name = item["SK"].partition("#")
        match kind:
            case "provider":
                providers[name] = ProviderConfig.model_validate(_body(item))
            case "fallback":
                fallbacks[name] = FallbackOrder.model_validate(_body(item))
            case "preferences":
                preferences = Preferences.model_validate(_body(item))
            case "circuit":
                provider, _, model = name.partition("#")
                circuits[provider, model] = Circuit.model_validate(_body(item))
            case _:
                raise ValueError(f"an item of the kind {kind!r} is not a setting")
    return TenantSettings(providers=providers, fallbacks=fallbacks, preferences=preferences, circuits=circuits)


class TenantStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, tenant_id: str) -> TenantSettings:
        values = {":tenant": keys.settings_partition(tenant_id)}
        return _settings(self._table.query("PK = :tenant", values))

    def load_circuits(self, tenant_id: str) -> TenantSettings:
        """The circuits alone, which change far more often than the rest."""
        values = {":tenant": keys.settings_partition(tenant_id), ":circuits": "circuit#"}
        return _settings(self._table.query("PK = :tenant AND begins_with(SK, :circuits)", values))

    def put_provider(self, tenant_id: str, config: ProviderConfig, *, keep: Collection[str] = ()) -> ProviderConfig:
        """Writes a configuration; the fields of `keep` stay as they are where there is one. Returns what is there."""
        fields = config.model_dump()
        sets = [f"#{name} = " + (f"if_not_exists(#{name}, :{name})" if name in keep else f":{name}") for name in fields]
        saved = self._table.update(
            keys.provider_config(tenant_id, config.provider),
            f"SET {', '.join(sets)}",
            {f":{name}": value for name, value in fields.items()},
            names={f"#{name}": name for name in fields},
            returns="ALL_NEW",
        )
        return ProviderConfig.model_validate(_body(saved))

    def unset_default(self, tenant_id: str, provider: str) -> None:
        """The provider is not the default any more; one that is gone meanwhile stays gone."""
        with suppress(ConditionFailed):
            self._table.update(
                keys.provider_config(tenant_id, provider),
                "SET is_default = :no",
                {":no": False},
                condition="attribute_exists(PK)",
            )

    def put_fallback(self, tenant_id: str, module: str, order: FallbackOrder) -> None:
        self._table.put({**keys.fallback(tenant_id, module), **order.model_dump()})

    def put_preferences(self, tenant_id: str, preferences: Preferences) -> None:
        self._table.put({**keys.preferences(tenant_id), **preferences.model_dump()})

    def set_time_zone(self, tenant_id: str, time_zone: str) -> None:
        """Changes this one preference and leaves the others."""
        self._table.update(keys.preferences(tenant_id), "SET time_zone = :zone", {":zone": time_zone})

    def add_failure(self, tenant_id: str, provider: str, model: str, expires_at: int) -> int:
        """Counts a failure of a provider's model; returns how many there were in a row."""
        counted = self._table.update(
            keys.circuit(tenant_id, provider, model),
            "ADD failures :one SET expiresAt = :expires",
            {":one": 1, ":expires": expires_at},
            returns="UPDATED_NEW",
            repeatable=False,
        )
        return int(counted["failures"])

    def open_circuit(self, tenant_id: str, provider: str, model: str, until_ms: int) -> None:
        self._table.update(keys.circuit(tenant_id, provider, model), "SET open_until_ms = :until", {":until": until_ms})

    def claim_probe(self, tenant_id: str, provider: str, model: str, seen_ms: int, until_ms: int) -> bool:
        """Takes the one probe of a cool-down that ended at `seen_ms`; False where another call took it."""
        try:
            self._table.update(
                keys.circuit(tenant_id, provider, model),
                "SET open_until_ms = :until",
                {":until": until_ms, ":seen": seen_ms},
                condition="open_until_ms = :seen",
            )
        except ConditionFailed:
            return False
        return True

    def close_circuit(self, tenant_id: str, provider: str, model: str) -> None:
        self._table.update(
            keys.circuit(tenant_id, provider, model),
            "SET failures = :none, open_until_ms = :none",
            {":none": 0},
        )

    def set_latency(self, tenant_id: str, provider: str, model: str, latency_ms: int, expires_at: int) -> None:
        self._table.update(
            keys.circuit(tenant_id, provider, model),
            "SET latency_ms = :latency, expiresAt = :expires",
            {":latency": latency_ms, ":expires": expires_at},
        )
