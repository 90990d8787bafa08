"""Read and change a tenant's settings. Reads are cached in memory for some seconds."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from nexus_ai.aws.dynamodb import tables
from nexus_ai.aws.dynamodb.table import ConditionFailed
from nexus_ai.platform.caller import Caller
from nexus_ai.platform.clock import Clock, SystemClock
from nexus_ai.platform.errors import NotFound, ProviderNotConfigured, StoreUnavailable
from nexus_ai.platform.once import Once
from nexus_ai.settings import key_ring
from nexus_ai.settings.models import ConnectionResult, FallbackOrder, ProviderConfig, TenantSettings
from nexus_ai.settings.store import SettingsStore

# Every warm function has changed settings within the first time, and circuit breaker states within the second.
SETTINGS_KEPT_MS = 30_000
CIRCUITS_KEPT_MS = 5_000
MAX_TENANTS = 1024


@dataclass(frozen=True, slots=True)
class _Memo:
    """Settings of a tenant in memory, with the times at which settings and circuit breakers were read."""

    settings: TenantSettings
    read_at_ms: int
    circuits_at_ms: int


class SettingsService:
    """Settings of all tenants, cached in memory."""

    def __init__(self, store: SettingsStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._memos: OrderedDict[str, _Memo] = OrderedDict()
        self._changes = 0

    def settings(self, caller: Caller) -> TenantSettings:
        """Return all settings, at most 30 seconds old. Circuit breaker states are at most 5 seconds old.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        now_ms = self._clock.now_ms()
        with self._lock:
            memo, changes = self._memos.get(caller.tenant_id), self._changes
        if memo is None or now_ms - memo.read_at_ms >= SETTINGS_KEPT_MS:
            # A consistent read, so that it includes what this process has just saved.
            memo = _Memo(self.current(caller), now_ms, now_ms)
        elif now_ms - memo.circuits_at_ms >= CIRCUITS_KEPT_MS:
            # If circuit breakers cannot be read, the old states stay. They skip failing providers but refuse nothing.
            with suppress(StoreUnavailable):
                fresh = self._store.load_circuits(caller.tenant_id).circuits
                memo = _Memo(memo.settings.model_copy(update={"circuits": fresh}), memo.read_at_ms, now_ms)
        with self._lock:
            # If this process changed something since the read, the result may be outdated and is not cached.
            if self._changes == changes:
                self._memos[caller.tenant_id] = memo
                self._memos.move_to_end(caller.tenant_id)
                while len(self._memos) > MAX_TENANTS:
                    self._memos.popitem(last=False)
        return memo.settings

    def save_provider(
        self,
        caller: Caller,
        *,
        provider: str,
        model: str | None = None,
        api_key: str | None = None,
        enabled: bool | None = None,
        is_default: bool | None = None,
        tested: ConnectionResult | None = None,
    ) -> ProviderConfig:
        """Save a provider config with its encrypted key.

        Arguments that are None do not change. A new config is enabled and not the default. A new default replaces the
        old one.

        Raises:
            ProviderNotConfigured: The config is new, and key or model is missing.
            KeyServiceUnavailable: KMS cannot be reached.
            StoreUnavailable: The store cannot be reached.
        """
        given = {"model": model, "enabled": enabled, "last_test": tested.model_dump() if tested else None}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        changes["updated_at_ms"] = self._clock.now_ms()
        if api_key is not None:
            changes |= key_ring.fields(caller.tenant_id, provider, api_key) | {"last_test": given["last_test"]}
        try:
            if api_key is not None and model is not None:
                config = ProviderConfig.model_validate({"provider": provider, **changes})
                keep = ["enabled"] if enabled is None else []
                saved = self._store.put_provider(caller.tenant_id, config, keep=keep)
            else:
                saved = self._store.change_provider(caller.tenant_id, provider, changes)
        except ConditionFailed:
            raise ProviderNotConfigured(
                f"The provider {provider!r} is not configured. Send its API key and a model."
            ) from None
        if is_default is not None:
            choose = self._store.set_default if is_default else self._store.unset_default
            choose(caller.tenant_id, provider)
        else:
            is_default = self._store.is_default(caller.tenant_id, provider)
        self._forget(caller.tenant_id)
        return saved.model_copy(update={"is_default": is_default})

    def provider(self, caller: Caller, provider: str) -> ProviderConfig | None:
        """Return the current provider config, uncached.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        return self._store.load_provider(caller.tenant_id, provider)

    def save_test_result(self, caller: Caller, tested: ProviderConfig, result: ConnectionResult) -> None:
        """Save the result of a connection test, unless the key has changed since."""
        self._store.save_test_result(caller.tenant_id, tested, result)
        self._forget(caller.tenant_id)

    def delete_provider(self, caller: Caller, provider: str) -> None:
        """Delete a provider config. Fallback orders continue without the provider.

        Raises:
            NotFound: The provider is not configured.
        """
        try:
            self._store.delete_provider(caller.tenant_id, provider)
        except ConditionFailed:
            raise NotFound(f"The provider {provider!r} is not configured.") from None
        self._forget(caller.tenant_id)

    def current(self, caller: Caller) -> TenantSettings:
        """Return all current settings, uncached.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        return self._store.load(caller.tenant_id, consistent=True)

    def save_fallback(self, caller: Caller, module: str, order: FallbackOrder) -> None:
        """Save the fallback order of a module."""
        self._store.put_fallback(caller.tenant_id, module, order)
        self._forget(caller.tenant_id)

    def delete_fallback(self, caller: Caller, module: str) -> None:
        """Delete the fallback order of a module."""
        self._store.delete_fallback(caller.tenant_id, module)
        self._forget(caller.tenant_id)

    def change_preferences(self, caller: Caller, fields: Mapping[str, Any]) -> None:
        """Change these preferences only."""
        self._store.change_preferences(caller.tenant_id, fields)
        self._forget(caller.tenant_id)

    def change_alerts(self, caller: Caller, fields: Mapping[str, Any]) -> None:
        """Change these alert settings only. Addresses that leave the list lose their stopped state."""
        if "emails" in fields:
            listed = {email.lower() for email in fields["emails"]}
            for address in self.current(caller).stopped_emails.keys() - listed:
                self._store.forget_stop(caller.tenant_id, address)
        self._store.change_alerts(caller.tenant_id, fields)
        self._forget(caller.tenant_id)

    def _forget(self, tenant_id: str) -> None:
        with self._lock:
            self._changes += 1
            self._memos.pop(tenant_id, None)

    def forget_circuits(self, caller: Caller) -> None:
        """Make the next read load the circuit breaker states, because this process has just changed one."""
        with self._lock:
            self._changes += 1
            memo = self._memos.get(caller.tenant_id)
            if memo:
                self._memos[caller.tenant_id] = replace(memo, circuits_at_ms=0)


# One instance per process, so that all parts of a process share the cached settings.
settings_service = Once(lambda: SettingsService(SettingsStore(tables.settings()), SystemClock()))
