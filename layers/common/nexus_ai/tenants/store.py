"""A tenant's settings in the Settings table: one item a thing, all of them in one partition."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from nexus_ai.storage import keys
from nexus_ai.storage.keys import Key
from nexus_ai.storage.table import ConditionFailed, Item, Table
from nexus_ai.tenants.models import (
    AlertSettings,
    Circuit,
    ConnectionResult,
    FallbackOrder,
    Preferences,
    ProviderConfig,
    StoppedEmail,
    TenantSettings,
)


def _body(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in {"PK", "SK", "expiresAt"}}


def _settings(items: Iterable[Item]) -> TenantSettings:
    providers: dict[str, ProviderConfig] = {}
    fallbacks: dict[str, FallbackOrder] = {}
    circuits: dict[tuple[str, str], Circuit] = {}
    stopped: dict[str, StoppedEmail] = {}
    preferences, alerts, default = Preferences(), AlertSettings(), None
    for item in items:
        kind, _, name = item["SK"].partition("#")
        match kind:
            case "provider":
                providers[name] = ProviderConfig.model_validate(_body(item))
            case "fallback":
                fallbacks[name] = FallbackOrder.model_validate(_body(item))
            case "preferences":
                preferences = Preferences.model_validate(_body(item))
            case "alerts":
                alerts = AlertSettings.model_validate(_body(item))
            case "stopped":
                stopped[name] = StoppedEmail.model_validate(_body(item))
            case "default":
                default = item["provider"]
            case "circuit":
                provider, _, model = name.partition("#")
                circuits[provider, model] = Circuit.model_validate(_body(item))
            case _:
                raise ValueError(f"an item of the kind {kind!r} is not a setting")
    if default in providers:
        providers[default] = providers[default].model_copy(update={"is_default": True})
    return TenantSettings(
        providers=providers,
        fallbacks=_of_configured(fallbacks, providers),
        preferences=preferences,
        alerts=alerts,
        stopped_emails=stopped,
        circuits=circuits,
    )


def _of_configured(orders: Mapping[str, FallbackOrder], providers: Collection[str]) -> dict[str, FallbackOrder]:
    """The orders without providers that were removed since, and without those in which nobody is left."""
    kept = {
        module: order.model_copy(update={"steps": tuple(step for step in order.steps if step.provider in providers)})
        for module, order in orders.items()
    }
    return {module: order for module, order in kept.items() if order.steps}


class TenantStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, tenant_id: str, *, consistent: bool = False) -> TenantSettings:
        values = {":tenant": keys.settings_partition(tenant_id)}
        return _settings(self._table.query("PK = :tenant", values, consistent=consistent))

    def load_circuits(self, tenant_id: str) -> TenantSettings:
        """The circuits alone, which change far more often than the rest."""
        values = {":tenant": keys.settings_partition(tenant_id), ":circuits": "circuit#"}
        return _settings(self._table.query("PK = :tenant AND begins_with(SK, :circuits)", values))

    def load_provider(self, tenant_id: str, provider: str) -> ProviderConfig | None:
        """The configuration as it stands at this moment, not saying whether it is the default."""
        item = self._table.get(keys.provider_config(tenant_id, provider), consistent=True)
        return ProviderConfig.model_validate(_body(item)) if item else None

    def put_provider(self, tenant_id: str, config: ProviderConfig, *, keep: Collection[str] = ()) -> ProviderConfig:
        """Writes a configuration; the fields of `keep` stay as they are where there is one. Returns what is there."""
        fields = config.model_dump(exclude={"is_default"})
        return self._set_provider(tenant_id, config.provider, fields, keep=keep)

    def change_provider(self, tenant_id: str, provider: str, fields: Mapping[str, Any]) -> ProviderConfig:
        """Writes these fields of a configuration, and returns all of it; raises ConditionFailed where there is none."""
        return self._set_provider(tenant_id, provider, fields, condition="attribute_exists(PK)")

    def note_test(self, tenant_id: str, tested: ProviderConfig, result: ConnectionResult) -> None:
        """Notes how the test of a configuration's key ended, unless it has another key meanwhile."""
        with suppress(ConditionFailed):
            self._table.update(
                keys.provider_config(tenant_id, tested.provider),
                "SET last_test = :result",
                {":result": result.model_dump(), ":key": tested.key_ciphertext},
                condition="key_ciphertext = :key",
            )

    def delete_provider(self, tenant_id: str, provider: str) -> None:
        """Raises ConditionFailed where there is no such configuration, and leaves no default behind all the same."""
        try:
            self._table.delete(keys.provider_config(tenant_id, provider), condition="attribute_exists(PK)")
        finally:
            self.unset_default(tenant_id, provider)

    def set_default(self, tenant_id: str, provider: str) -> None:
        """There is one item for it: of two who choose at once, the later one has chosen."""
        self._table.put({**keys.default_provider(tenant_id), "provider": provider})

    def unset_default(self, tenant_id: str, provider: str) -> None:
        """The provider is not the default any more; another one that is stays it."""
        with suppress(ConditionFailed):
            self._table.delete(
                keys.default_provider(tenant_id), condition="provider = :provider", values={":provider": provider}
            )

    def is_default(self, tenant_id: str, provider: str) -> bool:
        item = self._table.get(keys.default_provider(tenant_id), consistent=True)
        return item is not None and item["provider"] == provider

    def put_fallback(self, tenant_id: str, module: str, order: FallbackOrder) -> None:
        self._table.put({**keys.fallback(tenant_id, module), **order.model_dump()})

    def delete_fallback(self, tenant_id: str, module: str) -> None:
        self._table.delete(keys.fallback(tenant_id, module))

    def change_preferences(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        """Changes these preferences and leaves the others."""
        self._set(keys.preferences(tenant_id), fields)

    def change_alerts(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        self._set(keys.alerts(tenant_id), fields)

    def stop_email(self, tenant_id: str, stopped: StoppedEmail) -> None:
        """No mail goes to this address any more; it stays stopped for the reason it was stopped for first."""
        item = {**keys.stopped_email(tenant_id, stopped.address), **stopped.model_dump(mode="json")}
        with suppress(ConditionFailed):
            self._table.put(item, condition="attribute_not_exists(PK)")

    def forget_stop(self, tenant_id: str, address: str) -> None:
        self._table.delete(keys.stopped_email(tenant_id, address))

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

    def claim_probe(
        self, tenant_id: str, provider: str, model: str, *, seen_ms: int, until_ms: int, request_id: str
    ) -> bool:
        """Takes the one probe of a cool-down that ended at `seen_ms`; False where another request took it."""
        try:
            self._table.update(
                keys.circuit(tenant_id, provider, model),
                "SET open_until_ms = :until, probed_by = :mine",
                {":until": until_ms, ":seen": seen_ms, ":mine": request_id},
                condition="open_until_ms = :seen",
            )
        except ConditionFailed as taken:
            # By this request itself, where the answer to its write was lost and the write sent again.
            return taken.item is not None and taken.item.get("probed_by") == request_id
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

    def _set_provider(
        self,
        tenant_id: str,
        provider: str,
        fields: Mapping[str, Any],
        *,
        keep: Collection[str] = (),
        condition: str | None = None,
    ) -> ProviderConfig:
        saved = self._set(keys.provider_config(tenant_id, provider), fields, keep=keep, condition=condition)
        return ProviderConfig.model_validate(_body(saved))

    def _set(
        self, key: Key, fields: Mapping[str, Any], *, keep: Collection[str] = (), condition: str | None = None
    ) -> Item:
        """Writes these attributes of an item, those of `keep` only where they are missing; returns all of it."""
        sets = [f"#{name} = " + (f"if_not_exists(#{name}, :{name})" if name in keep else f":{name}") for name in fields]
        return self._table.update(
            key,
            f"SET {', '.join(sets)}",
            {f":{name}": value for name, value in fields.items()},
            condition=condition,
            names={f"#{name}": name for name in fields},
            returns="ALL_NEW",
        )
