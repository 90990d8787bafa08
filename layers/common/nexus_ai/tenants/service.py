"""A tenant's settings: read often and memoised, written seldom."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from nexus_ai.core.caller import Caller
from nexus_ai.core.clock import Clock
from nexus_ai.tenants import secrets
from nexus_ai.tenants.models import FallbackOrder, Preferences, ProviderConfig, TenantSettings
from nexus_ai.tenants.store import TenantStore

# A change binds on every warm function within this time; the state of circuits within the shorter one.
SETTINGS_KEPT_MS = 30_000
CIRCUITS_KEPT_MS = 5_000
TENANTS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class _Memo:
    """What was read of a tenant, and when: all of it, and its circuits."""

    settings: TenantSettings
    read_at_ms: int
    circuits_at_ms: int


class TenantService:
    def __init__(self, store: TenantStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._memos: OrderedDict[str, _Memo] = OrderedDict()
        self._changes = 0

    def settings(self, caller: Caller) -> TenantSettings:
        """All settings of the tenant, at most 30 s old, circuits at most 5 s; raises StoreUnavailable."""
        now_ms = self._clock.now_ms()
        with self._lock:
            memo, changes = self._memos.get(caller.tenant_id), self._changes
        if memo is None or now_ms - memo.read_at_ms >= SETTINGS_KEPT_MS:
            memo = _Memo(self._store.load(caller.tenant_id), now_ms, now_ms)
        elif now_ms - memo.circuits_at_ms >= CIRCUITS_KEPT_MS:
            fresh = self._store.load_circuits(caller.tenant_id).circuits
            memo = _Memo(memo.settings.model_copy(update={"circuits": fresh}), memo.read_at_ms, now_ms)
        with self._lock:
            # What was read while this process changed something may be older than that.
            if self._changes == changes:
                self._memos[caller.tenant_id] = memo
                self._memos.move_to_end(caller.tenant_id)
                while len(self._memos) > TENANTS_KEPT:
                    self._memos.popitem(last=False)
        return memo.settings

    def save_provider(
        self,
        caller: Caller,
        *,
        provider: str,
        model: str,
        api_key: str,
        enabled: bool | None = None,
        is_default: bool | None = None,
    ) -> ProviderConfig:
        """Encrypts the key and saves the configuration; raises KeyServiceUnavailable and StoreUnavailable.

        What is None stays as it is; a new configuration is enabled, and not the default. A default ends the one before.
        """
        config = ProviderConfig(
            provider=provider,
            model=model,
            enabled=enabled is not False,
            is_default=is_default is True,
            key_ciphertext=secrets.encrypt(caller.tenant_id, provider, api_key),
            key_last_four=secrets.last_four(api_key),
            key_fingerprint=secrets.fingerprint(api_key),
            updated_at_ms=self._clock.now_ms(),
        )
        named = {"enabled": enabled, "is_default": is_default}
        keep = [name for name, value in named.items() if value is None]
        saved = self._store.put_provider(caller.tenant_id, config, keep=keep)
        if is_default:
            self._end_other_defaults(caller, provider)
        self._forget(caller.tenant_id)
        return saved

    def save_fallback(self, caller: Caller, module: str, order: FallbackOrder) -> None:
        self._store.put_fallback(caller.tenant_id, module, order)
        self._forget(caller.tenant_id)

    def save_preferences(self, caller: Caller, preferences: Preferences) -> None:
        self._store.put_preferences(caller.tenant_id, preferences)
        self._forget(caller.tenant_id)

    def set_time_zone(self, caller: Caller, time_zone: str) -> None:
        self._store.set_time_zone(caller.tenant_id, time_zone)
        self._forget(caller.tenant_id)

    def _end_other_defaults(self, caller: Caller, provider: str) -> None:
        for config in self._store.load(caller.tenant_id).providers.values():
            if config.is_default and config.provider != provider:
                self._store.unset_default(caller.tenant_id, config.provider)

    def _forget(self, tenant_id: str) -> None:
        with self._lock:
            self._changes += 1
            self._memos.pop(tenant_id, None)

    def forget_circuits(self, caller: Caller) -> None:
        """The next call reads the circuits anew: this process has just changed one."""
        with self._lock:
            self._changes += 1
            memo = self._memos.get(caller.tenant_id)
            if memo:
                self._memos[caller.tenant_id] = replace(memo, circuits_at_ms=0)
