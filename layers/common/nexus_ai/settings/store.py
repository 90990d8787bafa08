"""A tenant's settings in the Settings table: one item a thing, all of them in one partition."""

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

# Attributes of every item that belong to none of its fields.
_ENVELOPE = frozenset({"PK", "SK", "expiresAt"})


def _body(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in _ENVELOPE}


def _read[Model: StoredModel](model: type[Model], item: Item) -> Model | None:
    """Return one thing of several, or None for a form that this version cannot read: the tenant goes on without it."""
    try:
        return model.model_validate(_body(item))
    except ValidationError:
        kind = item["SK"].partition("#")[0]
        logger().warning("a setting of another form is passed over", tenant_id=item["PK"], kind=kind)
        return None


class _Reading:
    """The settings of a tenant, put together item by item.

    A sort key of a kind or form that this version does not know is passed over. Preferences and alerts are there once
    and bind every call, so one that cannot be read fails the reading: a default in its place could allow too much.
    """

    def __init__(self) -> None:
        self.providers: dict[str, ProviderConfig] = {}
        # Those of another form included.
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
            # An address may hold the separator itself.
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
            # Without providers that were removed since.
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
        """Return the configuration as it stands at this moment; it does not say if it is the default."""
        item = self._table.get(keys.provider_config(tenant_id, provider), consistent=True)
        return _read(ProviderConfig, item) if item else None

    def put_provider(self, tenant_id: str, config: ProviderConfig, *, keep: Collection[str] = ()) -> ProviderConfig:
        """Writes a configuration; the fields of `keep` stay as they are where there is one. Returns what is there."""
        fields = config.model_dump(exclude={"is_default"})
        return self._set_provider(tenant_id, config.provider, fields, keep=keep)

    def change_provider(self, tenant_id: str, provider: str, fields: Mapping[str, Any]) -> ProviderConfig:
        """Writes these fields of a configuration, and returns all of it; raises ConditionFailed where there is none."""
        return self._set_provider(tenant_id, provider, fields, condition="attribute_exists(PK)")

    def save_test_result(self, tenant_id: str, tested: ProviderConfig, result: ConnectionResult) -> None:
        """Note how the test of a configuration's key ended, unless it has another key meanwhile.

        The result is replaced whole: it is that of another test.
        """
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
        """Make a provider the default. There is one item for it, so that of two choices at once the later one counts.

        It is written whole: what belonged to the choice before goes with it.
        """
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
        """Write strategy and steps of a module's order. The list of steps is replaced whole."""
        self._table.set_fields(keys.fallback(tenant_id, module), order.model_dump())

    def delete_fallback(self, tenant_id: str, module: str) -> None:
        self._table.delete(keys.fallback(tenant_id, module))

    def change_preferences(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        """Change these preferences and leave the others. A list or map among them is replaced whole."""
        self._table.set_fields(keys.preferences(tenant_id), fields)

    def change_alerts(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        """Change thresholds or addresses, each of them a list that is replaced whole."""
        self._table.set_fields(keys.alerts(tenant_id), fields)

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
        key = keys.provider_config(tenant_id, provider)
        saved = self._table.set_fields(key, fields, keep=keep, condition=condition, returns="ALL_NEW")
        return ProviderConfig.model_validate(_body(saved))
