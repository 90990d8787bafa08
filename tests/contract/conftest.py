"""Fixtures: each adapter as the registry creates it, and a provider's server on loopback."""

import sys
from collections.abc import Generator

import pytest

from nexus_ai.net import provider_http
from nexus_ai.platform.settings import Settings
from nexus_ai.providers import registry, transport
from nexus_ai.providers.base import Provider, ProviderName
from tests.contract.adapters import AdapterClient, settings
from tests.contract.wire import ProviderServer


@pytest.fixture(scope="session")
def loopback() -> Generator[ProviderServer]:
    with ProviderServer() as wire:
        yield wire


@pytest.fixture
def server(loopback: ProviderServer) -> ProviderServer:
    """Return the server that serves every provider; it resets connections until a test sets a behaviour."""
    loopback.reset()
    return loopback


@pytest.fixture
def provider_settings(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings that point every provider to the loopback server."""
    chosen = settings(server.url)
    monkeypatch.setattr(registry, "get_settings", lambda: chosen)
    return chosen


@pytest.fixture(params=list(ProviderName), ids=lambda name: name.value)
def name(request: pytest.FixtureRequest) -> ProviderName:
    chosen = request.param
    assert isinstance(chosen, ProviderName)
    return chosen


@pytest.fixture
def adapter(provider_settings: Settings, name: ProviderName) -> Provider:
    return registry.get_provider(name)


@pytest.fixture
def client(adapter: Provider, name: ProviderName) -> AdapterClient:
    return AdapterClient(adapter, name)


@pytest.fixture(scope="session", autouse=True)
def close_connections() -> Generator[None]:
    """Close the connections that live as long as the process."""
    yield
    provider_http.pools.close()


@pytest.fixture(autouse=True)
def fail_on_unknown_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which an adapter meets an exception that it does not classify."""

    def fail() -> None:
        raise AssertionError("an adapter met an exception that it does not know") from sys.exception()

    monkeypatch.setattr(transport, "logger", fail)
