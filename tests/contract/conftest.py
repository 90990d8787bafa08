"""Each adapter, as the registry gives it, before a vendor on loopback."""

from collections.abc import Generator

import pytest

from nexus_ai.core.settings import Settings
from nexus_ai.providers import registry
from nexus_ai.providers.base import Provider, ProviderName
from tests.contract.adapters import Called, settings
from tests.contract.wire import Wire


@pytest.fixture(scope="session")
def loopback() -> Generator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture
def vendor(loopback: Wire) -> Wire:
    """Every vendor, at the paths of its own. It resets what it was not told to answer."""
    loopback.forget()
    return loopback


@pytest.fixture
def operator(vendor: Wire, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings by which every vendor is reached on loopback."""
    chosen = settings(vendor.url)
    monkeypatch.setattr(registry, "get_settings", lambda: chosen)
    return chosen


@pytest.fixture(params=list(ProviderName), ids=lambda name: name.value)
def name(request: pytest.FixtureRequest) -> ProviderName:
    chosen = request.param
    assert isinstance(chosen, ProviderName)
    return chosen


@pytest.fixture
def adapter(operator: Settings, name: ProviderName) -> Provider:
    return registry.get_provider(name)


@pytest.fixture
def called(adapter: Provider, name: ProviderName) -> Called:
    return Called(adapter, name)
