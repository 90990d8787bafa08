"""Store a tenant's settings: one item per setting, all in one partition of the Settings table."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from nexus_ai.aws.dynamodb import keys
from nexus_ai.aws.dynamodb.table import ConditionFailed, Item, Table
from nexus_ai.platform.observability import logger
from nexus_ai.platform.schema import StoredModel
from nexus_ai.settings.models import (
    AlertSettings,
    Circuit,
    ConnectionResult,
    FallbackOrder,
    Preferences,
    ProviderConfig,
    StoppedEmail,
    TenantSettings,
    orders_of,
)

# Attributes of items that are not fields of their models.
_ENVELOPE = frozenset({"PK", "SK", "expiresAt"})


def _body(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in _ENVELOPE}


def _read[Model: StoredModel](model: type[Model], item: Item) -> Model | None:
    """Return the model of an item, or None if this version cannot read it. The tenant then continues without it."""
    try:
        return model.model_validate(_body(item))
    except ValidationError:
        kind = item["SK"].partition("#")[0]
        logger().warning("skipped a setting that this version cannot read", tenant_id=item["PK"], kind=kind)
        return None


class _Reading:
    """Builder of a tenant's settings from its items.

    Skips sort keys of a kind or form that this version does not know. Preferences and alert settings apply to every
    request. If they cannot be read, this raises an error, because a default could allow too much.
    """

    def __init__(self) -> None:
        self.providers: dict[str, ProviderConfig] = {}
        # Includes providers whose config this version cannot read.
        self.configured: set[str] = set()
        self.fallbacks: dict[str, FallbackOrder] = {}
        self.circuits: dict[tuple[str, str], Circuit] = {}
        self.stopped: dict[str, StoppedEmail] = {}
        self.preferences, self.alerts = Preferences(), AlertSettings()
        self.default: str | None = None

    def add(self, item: Item) -> None:
        match item["SK"].split("#"):
            case ["preferences"]:
                self.preferences = Preferences.model_validate(_body(item))
            case ["alerts"]:
                self.alerts = AlertSettings.model_validate(_body(item))
            case ["default"]:
                self.default = item.get("provider")
            case _:
                self._add_one_of_several(item)

    def _add_one_of_several(self, item: Item) -> None:
        match item["SK"].split("#"):
            case ["provider", provider]:
                self.configured.add(provider)
                if config := _read(ProviderConfig, item):
                    self.providers[provider] = config
            case ["fallback", module] if order := _read(FallbackOrder, item):
                self.fallbacks[module] = order
            case ["circuit", provider, model] if circuit := _read(Circuit, item):
                self.circuits[provider, model] = circuit
            # An address may contain the separator.
            case ["stopped", *address] if stopped := _read(StoppedEmail, item):
                self.stopped["#".join(address)] = stopped
            case _:
                return

    def settings(self) -> TenantSettings:
        providers = {
            name: config.model_copy(update={"is_default": name == self.default})
            for name, config in self.providers.items()
        }
        return TenantSettings(
            providers=providers,
            # A deleted provider stays in the stored orders.
            fallbacks=orders_of(self.fallbacks, self.configured),
            preferences=self.preferences,
            alerts=self.alerts,
            stopped_emails=self.stopped,
            circuits=self.circuits,
        )


def _settings(items: Iterable[Item]) -> TenantSettings:
    reading = _Reading()
    for item in items:
        reading.add(item)
    return reading.settings()


class SettingsStore:
    """Store of tenants' settings."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, tenant_id: str, *, consistent: bool = False) -> TenantSettings:
        """Return all settings of a tenant."""
        values = {":tenant": keys.settings_partition(tenant_id)}
        return _settings(self._table.query("PK = :tenant", values, consistent=consistent))

    def load_circuits(self, tenant_id: str) -> TenantSettings:
        """Return settings with circuit breaker states only, which change far more often than the rest."""
        values = {":tenant": keys.settings_partition(tenant_id), ":circuits": "circuit#"}
        return _settings(self._table.query("PK = :tenant AND begins_with(SK, :circuits)", values))

    def load_provider(self, tenant_id: str, provider: str) -> ProviderConfig | None:
        """Return the current provider config. Its `is_default` is always False: see `is_default()`."""
        item = self._table.get(keys.provider_config(tenant_id, provider), consistent=True)
        return _read(ProviderConfig, item) if item else None

    def put_provider(self, tenant_id: str, config: ProviderConfig, *, keep: Collection[str] = ()) -> ProviderConfig:
        """Write a provider config and return it. Fields in `keep` do not change if they exist."""
        fields = config.model_dump(exclude={"is_default"})
        return self._set_provider(tenant_id, config.provider, fields, keep=keep)

    def change_provider(self, tenant_id: str, provider: str, fields: Mapping[str, Any]) -> ProviderConfig:
        """Write these fields of a provider config and return the complete config.

        Raises:
            ConditionFailed: The provider is not configured.
        """
        return self._set_provider(tenant_id, provider, fields, condition="attribute_exists(PK)")

    def save_test_result(self, tenant_id: str, tested: ProviderConfig, result: ConnectionResult) -> None:
        """Save the result of a connection test, unless the config has another key by now."""
        with suppress(ConditionFailed):
            self._table.update(
                keys.provider_config(tenant_id, tested.provider),
                "SET last_test = :result",
                {":result": result.model_dump(), ":key": tested.key_ciphertext},
                condition="key_ciphertext = :key",
            )

    def delete_provider(self, tenant_id: str, provider: str) -> None:
        """Delete a provider config. In any case, the provider is not the default afterwards.

        Raises:
            ConditionFailed: The provider is not configured.
        """
        try:
            self._table.delete(keys.provider_config(tenant_id, provider), condition="attribute_exists(PK)")
        finally:
            self.unset_default(tenant_id, provider)

    def set_default(self, tenant_id: str, provider: str) -> None:
        """Make a provider the default. There is one item for the default, so the last of concurrent writes wins."""
        self._table.put({**keys.default_provider(tenant_id), "provider": provider})

    def unset_default(self, tenant_id: str, provider: str) -> None:
        """Remove the default if it is this provider."""
        with suppress(ConditionFailed):
            self._table.delete(
                keys.default_provider(tenant_id), condition="provider = :provider", values={":provider": provider}
            )

    def is_default(self, tenant_id: str, provider: str) -> bool:
        """Return True if this provider is the default."""
        item = self._table.get(keys.default_provider(tenant_id), consistent=True)
        return item is not None and item["provider"] == provider

    def put_fallback(self, tenant_id: str, module: str, order: FallbackOrder) -> None:
        """Write the fallback order of a module. Replaces its list of steps."""
        self._table.set_fields(keys.fallback(tenant_id, module), order.model_dump())

    def delete_fallback(self, tenant_id: str, module: str) -> None:
        """Delete the fallback order of a module."""
        self._table.delete(keys.fallback(tenant_id, module))

    def change_preferences(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        """Change these preferences only. Replaces lists and maps."""
        self._table.set_fields(keys.preferences(tenant_id), fields)

    def change_alerts(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        """Change these alert settings only. Replaces lists."""
        self._table.set_fields(keys.alerts(tenant_id), fields)

    def stop_email(self, tenant_id: str, stopped: StoppedEmail) -> None:
        """Stop e-mails to an address. If it is already stopped, the first reason stays."""
        item = {**keys.stopped_email(tenant_id, stopped.address), **stopped.model_dump(mode="json")}
        with suppress(ConditionFailed):
            self._table.put(item, condition="attribute_not_exists(PK)")

    def forget_stop(self, tenant_id: str, address: str) -> None:
        """Allow e-mails to an address again."""
        self._table.delete(keys.stopped_email(tenant_id, address))

    def add_failure(self, tenant_id: str, provider: str, model: str, expires_at: int) -> int:
        """Count a failure of a provider's model. Return the number of consecutive failures."""
        counted = self._table.update(
            keys.circuit(tenant_id, provider, model),
            "ADD failures :one SET expiresAt = :expires",
            {":one": 1, ":expires": expires_at},
            returns="UPDATED_NEW",
            repeatable=False,
        )
        return int(counted["failures"])

    def open_circuit(self, tenant_id: str, provider: str, model: str, until_ms: int) -> None:
        """Open the circuit breaker of a model until a time in milliseconds since the epoch."""
        self._table.update(keys.circuit(tenant_id, provider, model), "SET open_until_ms = :until", {":until": until_ms})

    def claim_probe(
        self, tenant_id: str, provider: str, model: str, *, seen_ms: int, until_ms: int, request_id: str
    ) -> bool:
        """Claim the only probe after the cool-down that ended at `seen_ms`. Return False if another request has it."""
        try:
            self._table.update(
                keys.circuit(tenant_id, provider, model),
                "SET open_until_ms = :until, probed_by = :mine",
                {":until": until_ms, ":seen": seen_ms, ":mine": request_id},
                condition="open_until_ms = :seen",
            )
        except ConditionFailed as taken:
            # This request may have claimed it: a write is repeated if its response was lost.
            return taken.item is not None and taken.item.get("probed_by") == request_id
        return True

    def close_circuit(self, tenant_id: str, provider: str, model: str) -> None:
        """Close the circuit breaker of a model and reset its failures."""
        self._table.update(
            keys.circuit(tenant_id, provider, model),
            "SET failures = :none, open_until_ms = :none",
            {":none": 0},
        )

    def set_latency(self, tenant_id: str, provider: str, model: str, latency_ms: int, expires_at: int) -> None:
        """Store the mean latency of a model. The item expires at `expires_at` (seconds since 1970 UTC)."""
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
        key = keys.provider_config(tenant_id, provider)
        saved = self._table.set_fields(key, fields, keep=keep, condition=condition, returns="ALL_NEW")
        return ProviderConfig.model_validate(_body(saved))
