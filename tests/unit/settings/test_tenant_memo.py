"""Test how long a process remembers a tenant's settings."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.settings.models import Circuit, TenantSettings
from nexus_ai.settings.service import CIRCUITS_KEPT_MS, SETTINGS_KEPT_MS, SettingsService
from nexus_ai.settings.store import SettingsStore
from tests.integration.support.limit_calls import MovedClock, caller_of


class Store(SettingsStore):
    """Store of one tenant's settings that calls `meanwhile` after each read, before it returns."""

    def __init__(self) -> None:
        self.settings = TenantSettings()
        self.reads = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def load(self, tenant_id: str, *, consistent: bool = False) -> TenantSettings:
        self.reads += 1
        read, meanwhile = self.settings, self.meanwhile
        self.meanwhile = lambda: None
        meanwhile()
        return read

    def load_circuits(self, tenant_id: str) -> TenantSettings:
        return self.load(tenant_id)

    def change_preferences(self, tenant_id: str, fields: Mapping[str, Any]) -> None:
        preferences = self.settings.preferences.model_copy(update=fields)
        self.settings = self.settings.model_copy(update={"preferences": preferences})


CALLER = caller_of("clinic")


@pytest.fixture
def store() -> Store:
    return Store()


def days(service: SettingsService) -> int:
    return service.settings(CALLER).preferences.cache_ttl_days


def test_settings_are_read_once_while_they_are_fresh(store: Store) -> None:
    clock = MovedClock()
    service = SettingsService(store, clock)
    days(service)
    store.change_preferences("clinic", {"cache_ttl_days": 3})

    clock.ms += SETTINGS_KEPT_MS - 1
    assert days(service) == 7
    clock.ms += 1
    assert days(service) == 3


def test_settings_read_during_a_save_are_not_remembered(store: Store) -> None:
    service = SettingsService(store, MovedClock())
    store.meanwhile = lambda: service.change_preferences(CALLER, {"cache_ttl_days": 3})

    assert days(service) == 7
    assert days(service) == 3


def test_circuits_read_during_a_change_are_not_remembered(store: Store) -> None:
    clock = MovedClock()
    service = SettingsService(store, clock)
    service.settings(CALLER)
    clock.ms += CIRCUITS_KEPT_MS

    def open_circuit() -> None:
        circuits = {("openai", "gpt-6-luna"): Circuit(open_until_ms=1)}
        store.settings = store.settings.model_copy(update={"circuits": circuits})
        service.forget_circuits(CALLER)

    store.meanwhile = open_circuit

    assert not service.settings(CALLER).circuits
    assert service.settings(CALLER).circuits
    assert store.reads <= 3


def test_unreadable_circuits_stay_as_they_were(store: Store) -> None:
    clock = MovedClock()
    service = SettingsService(store, clock)
    days(service)
    clock.ms += CIRCUITS_KEPT_MS

    def fail() -> None:
        raise StoreUnavailable

    store.meanwhile = fail

    assert days(service) == 7
