"""Each adapter, as the registry gives it, before a vendor on loopback."""

import sys
from collections.abc import Generator

import pytest

from nexus_ai.net import provider_http
from nexus_ai.platform.settings import Settings
from nexus_ai.providers import registry, transport
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


@pytest.fixture(scope="session", autouse=True)
def connections_end() -> Generator[None]:
    """Close the connections that are kept for the life of the process."""
    yield
    provider_http.pools.close()


@pytest.fixture(autouse=True)
def no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a vendor does, an adapter knows what it means: the line for what it does not know is never written."""

    def fault() -> None:
        raise AssertionError("an adapter met an exception that it does not know") from sys.exception()

    monkeypatch.setattr(transport, "logger", fault)
